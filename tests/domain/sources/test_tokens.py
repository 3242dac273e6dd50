"""Tokens of sources: sealed with a key of the settings, for one source and one address."""

from typing import Any

import pytest

from agents.core.errors import Invalid, NotAllowed
from agents.domain.sources.tokens import TokenUnreadable, rekey, seal, token_of, unseal
from agents.models import AgentSource
from tests.helpers import ROOT, make_editor

OLD, NEW = "old-key-" * 4, "new-key-" * 4
PLACE: dict[str, Any] = {"source_id": 7, "kind": "letta", "url": "https://letta.example/base"}


def test_sealed_token_is_read_again_and_looks_different_each_time() -> None:
    sealed = [seal("t0ken", **PLACE) for _ in range(2)]
    assert [unseal(one, **PLACE) for one in sealed] == ["t0ken", "t0ken"]
    assert sealed[0] != sealed[1]
    assert b"t0ken" not in sealed[0]


@pytest.mark.parametrize(
    "other",
    [
        {"source_id": 8},
        {"kind": "app-server"},
        {"url": "http://letta.example/base"},
        {"url": "https://evil.example/base"},
        {"url": "https://letta.example:8443/base"},
    ],
    ids=["source", "kind", "scheme", "host", "port"],
)
def test_token_is_read_for_its_own_source_and_address_only(other: dict[str, Any]) -> None:
    sealed = seal("t0ken", **PLACE)
    with pytest.raises(TokenUnreadable, match="Enter the token again"):
        unseal(sealed, **PLACE | other)


@pytest.mark.parametrize("url", ["https://letta.example/other", "https://letta.example:443/base"])
def test_path_and_the_usual_port_do_not_matter(url: str) -> None:
    assert unseal(seal("t0ken", **PLACE), **PLACE | {"url": url}) == "t0ken"


def test_changed_bytes_and_other_forms_are_unreadable() -> None:
    sealed = seal("t0ken", **PLACE)
    changed = [
        sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        for place in (0, 5, -1 % len(sealed))
    ]
    for one in (*changed, b"", sealed[:9], sealed[:-1]):
        with pytest.raises(TokenUnreadable):
            unseal(one, **PLACE)


def test_first_key_seals_and_all_keys_read(settings: Any) -> None:
    settings.SOURCE_KEYS = [OLD]
    sealed = seal("t0ken", **PLACE)
    settings.SOURCE_KEYS = [NEW, OLD]
    newer = seal("t0ken", **PLACE)
    assert unseal(sealed, **PLACE) == "t0ken"
    settings.SOURCE_KEYS = [NEW]
    assert unseal(newer, **PLACE) == "t0ken"
    with pytest.raises(TokenUnreadable):
        unseal(sealed, **PLACE)
    settings.SOURCE_KEYS = []
    with pytest.raises(Invalid, match="Set SOURCE_KEYS"):
        seal("t0ken", **PLACE)


@pytest.mark.django_db
def test_rekey_seals_all_again_and_names_what_cannot_be_read(
    settings: Any, letta_source: AgentSource
) -> None:
    def sealed_with(key: str, name: str) -> AgentSource:
        settings.SOURCE_KEYS = [key]
        row = letta_source
        row.pk, row.name = None, name
        row.save()
        row.sealed_token = seal("t0ken", source_id=row.pk, kind=row.kind, url=row.url)
        row.save()
        return AgentSource.objects.get(pk=row.pk)

    good, bad = sealed_with(OLD, "good"), sealed_with("lost-key-" * 4, "bad")
    settings.SOURCE_KEYS = [NEW, OLD]
    with pytest.raises(NotAllowed):
        rekey(actor=make_editor())
    assert rekey(actor=ROOT) == (1, ["bad"])
    settings.SOURCE_KEYS = [NEW]
    good.refresh_from_db()
    assert token_of(good) == "t0ken"
    with pytest.raises(TokenUnreadable):
        token_of(bad)
