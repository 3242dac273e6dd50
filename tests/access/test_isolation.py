"""Two keys, each limited to a tag, and one for all: neither limited one sees a trace of what is
not its own, whatever all three do."""

import random
from typing import Any

import pytest

from agents.domain import guard
from agents.listing import paging, tags
from agents.models import Tombstone
from agents.querysets import AgentQuerySet
from tests.access.requests import LIMITED
from tests.access.strangers import Leak, Strangers

pytestmark = pytest.mark.django_db


def walk(seed: int, steps: int) -> Strangers:
    strangers = Strangers(random.Random(seed))
    for _ in range(steps):
        strangers.step()
    return strangers


@pytest.mark.parametrize("seed", [1, 2])
def test_strangers_never_meet(seed: int) -> None:
    strangers = walk(seed, 100)
    # The walk is worth something: they were answered, and refused in every way.
    assert {status for who, status in strangers.tally if who in LIMITED} >= {200, 400, 403, 404}


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(100, 105))
def test_strangers_never_meet_in_thousands_of_steps(seed: int) -> None:
    walk(seed, 1000)


# --- That this can fail ---------------------------------------------------------------------


def all_agents(self: AgentQuerySet, actor: Any) -> AgentQuerySet:
    return self.all()


def any_grave(public_id: str, actor: Any) -> Tombstone | None:
    return Tombstone.objects.filter(public_id=public_id).first()


PLANTED = {
    "every agent": (AgentQuerySet, "visible_to", all_agents),
    "every grave": (paging, "_buried", any_grave),
    "every tag": (tags, "_OF_OWN_AGENTS", "%s IS NOT NULL"),
    "every block": (guard, "check_block", lambda actor, block: None),
}


@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_is_found(leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*PLANTED[leak])
    with pytest.raises(Leak):
        walk(6, 200)
