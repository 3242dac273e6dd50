"""The form of a new key: narrow it to some rights."""

import pytest
from django.test import Client

from agents.models import ApiKey
from tests.accounts.people import sign_in
from tests.helpers import make_user

pytestmark = pytest.mark.django_db


def test_a_key_is_narrowed_on_the_page() -> None:
    make_user("anna", role="admin")
    page = Client()
    page.cookies = sign_in("anna").cookies
    form = {"name": "app", "scope": "write", "reach": "all", "expires_at": "90"}
    for wrong, said in (
        ({"rights": ["read_agent"]}, "Tick this too"),
        ({"narrow": "on", "scope": "manage", "rights": ["read_agent"]}, "has all rights"),
    ):
        refused = page.post("/keys/", form | wrong)
        assert refused.status_code == 422
        assert said in refused.content.decode()
    assert page.post("/keys/", form | {"narrow": "on", "rights": ["read_agent"]}).status_code == 200
    assert page.post("/keys/", form | {"narrow": "on"}).status_code == 200
    assert list(ApiKey.objects.order_by("id").values_list("rights", flat=True)) == [
        '["read_agent"]',
        "[]",
    ]
