"""What is kept of second factors."""

from typing import Any

import pytest
from cryptography.fernet import InvalidToken

from ade.accounts.adapters import FactorsAdapter

pytestmark = pytest.mark.only_sqlite  # the database plays no part


def test_secrets_are_kept_encrypted_and_outlive_a_new_key(settings: Any) -> None:
    adapter = FactorsAdapter()
    kept = adapter.encrypt("JBSWY3DPEHPK3PXP")
    assert ("JBSWY3DPEHPK3PXP" in kept, adapter.decrypt(kept)) == (False, "JBSWY3DPEHPK3PXP")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert adapter.decrypt(kept) == "JBSWY3DPEHPK3PXP"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(InvalidToken):
        adapter.decrypt(kept)
