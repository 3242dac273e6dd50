"""Two keys, each limited to a tag, and one for all: neither limited one sees a trace of what is
not its own, whatever all three do."""

import random
from typing import Any

import pytest

from agents.domain import keys
from agents.domain.bulk import plans as bulk
from agents.domain.core import permissions
from agents.domain.directory import plans
from agents.domain.history import undo_set
from agents.domain.webhooks import write
from agents.models import ApiKey, BulkPlan, Tombstone
from agents.models.querysets import AgentQuerySet
from agents.queries.agents import paging
from agents.queries.history import change_sets
from agents.queries.tags import names
from tests.access.requests import LIMITED
from tests.access.strangers import Leak, Strangers

pytestmark = pytest.mark.django_db


def walk(seed: int, steps: int, mostly: str = "") -> Strangers:
    strangers = Strangers(random.Random(seed), mostly)
    for _ in range(steps):
        strangers.step()
    return strangers


@pytest.mark.parametrize("seed", [2, 3])
def test_strangers_never_meet(seed: int) -> None:
    strangers = walk(seed, 100)
    # The walk is worth something: they were answered, and refused in every way.
    assert {status for who, status in strangers.tally if who in LIMITED} >= {200, 403, 404}


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(100, 105))
def test_strangers_never_meet_in_thousands_of_steps(seed: int) -> None:
    walk(seed, 1000)


# --- That this can fail ---------------------------------------------------------------------


def all_agents(self: AgentQuerySet, actor: Any) -> AgentQuerySet:
    return self.all()


def any_plan(actor: Any) -> Any:
    return BulkPlan.objects.all()


def anyone(*args: Any, **named: Any) -> None:
    return None


def any_key(actor: Any) -> Any:
    return ApiKey.objects.all()


def any_tag(way: Any, size: int, actor: Any, limit_tag: str) -> list[str]:
    return names._whole(way, size)


def any_grave(public_id: str, actor: Any) -> Tombstone | None:
    return Tombstone.objects.filter(public_id=public_id).first()


# What would be broken, and what is asked for often then.
PLANTED = {
    "every agent": (AgentQuerySet, "visible_to", all_agents, ""),
    "every grave": (paging, "_tombstone", any_grave, "agents lists"),
    "every tag": (names, "_own", any_tag, ""),
    "every block": (permissions, "check_block", anyone, ""),
    "every tag to write": (permissions, "_limited_refusal", anyone, ""),
    "every tag to rename": (plans, "require_manager", anyone, "tags"),
    "every bulk change": (bulk, "plans_of", any_plan, "bulk"),
    "every history": (change_sets, "require_whole", anyone, "history"),
    "every undo": (undo_set, "require_unlimited", anyone, "tags history history"),
    "every webhook": (write, "_require", anyone, "webhooks"),
    "every key": (keys, "keys_of", any_key, "keys"),
    "every key to make": (keys, "_check_maker", anyone, "keys"),
}


@pytest.mark.prove  # tests the test; the database plays no part
@pytest.mark.only_sqlite
@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_is_found(leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    *where, mostly = PLANTED[leak]
    monkeypatch.setattr(*where)
    with pytest.raises(Leak):
        walk(4, 800, mostly)
