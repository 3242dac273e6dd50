"""A limited key cannot tell a world with others' agents from one without: see `worlds`."""

from types import ModuleType
from typing import Any

import pytest

from agents.core.actors import Actor
from agents.domain.core import permissions
from agents.models import Tag
from agents.models.querysets import AgentQuerySet
from agents.queries import memory
from agents.queries.agents import paging
from agents.queries.core import bounds
from agents.queries.core.scan import Found, walk
from agents.queries.history import own
from agents.queries.tags import names
from agents.queries.tags import walk as tagwalk
from tests.access.member_requests import ALSO
from tests.access.member_worlds import ASKED_BY_MEMBERS, enter
from tests.access.worlds import Differs, compare, compare_in

pytestmark = pytest.mark.django_db

# What bounds the work of a page, so small that a handful of agents passes it.
SHRUNK: list[tuple[ModuleType, dict[str, Any]]] = [
    (
        bounds,
        {"BUDGETS": (2, 3, 5), "SCATTERED": (2, 3, 5), "GLANCED": 3, "COUNTED": 3, "ESTIMATE": 2},
    ),
    (bounds, {"SEARCH_HITS": 3, "SORTED": 3, "OWN": 5}),
    (memory, {"_SPAN": 2, "_ENOUGH": 4, "_CHUNK": 2}),
    (names, {"_ENOUGH": 5, "_GLANCE": 2, "_TAKEN": 2, "_PROBED": 3, "_PATIENCE": 4}),
    (tagwalk, {"HITS": 3}),
    (own, {"PAGE": 7}),
]
KEYS: dict[str, dict[str, Any]] = {
    "any label": {"any_label": True},
    "a list": {"may_tag": ["note", "zq*", "user_3"]},
}


@pytest.fixture(params=["as they are", "shrunk"])
def scans(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds of scans, as they are and shrunk."""
    if request.param == "shrunk":
        shrink(monkeypatch)


def shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, values in SHRUNK:
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)


@pytest.mark.usefixtures("scans")
@pytest.mark.parametrize("key", KEYS)
def test_a_limited_key_cannot_tell_whether_others_are_there(key: str) -> None:
    tally = compare(seed=1, steps=100, **KEYS[key])
    assert tally.keys() >= {"200", "403", "404"}  # it was answered, and refused


@pytest.mark.prove
@pytest.mark.usefixtures("scans")
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("seed", range(100, 103))
def test_a_limited_key_cannot_tell_in_thousands_of_steps(key: str, seed: int) -> None:
    compare(seed, steps=1500, **KEYS[key])


# --- That this can fail ---------------------------------------------------------------------


def budgeted(*args: Any, **named: Any) -> Found:
    return walk(*args, **named | {"until": min(named["until"], 1)})


def by_rows(actor: Actor, name: str, *, adding: bool) -> str | None:
    tag = Tag.objects.filter(name=name).first()
    return None if tag is None or not tag.protected else "It is protected."


def all_agents(self: AgentQuerySet, actor: Actor) -> AgentQuerySet:
    return self.all()


PLANTED: dict[str, tuple[Any, str, Any]] = {
    "pages end where a budget does": (paging, "walk", budgeted),
    "all own agents are never sorted": (paging, "sort_all", lambda plan, *_: Found([], None)),
    "tags are refused by their rows": (permissions, "_limited_refusal", by_rows),
    "every agent is there": (AgentQuerySet, "visible_to", all_agents),
}


@pytest.mark.prove  # tests the test; the database plays no part
@pytest.mark.only_sqlite
@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_difference_is_found(leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)
    monkeypatch.setattr(*PLANTED[leak])
    with pytest.raises(Differs):
        compare(seed=5, steps=600, **KEYS["a list"])


# --- The same on pages, for two members who are limited -------------------------------------


def test_a_limited_member_cannot_tell_whether_others_are_there() -> None:
    tally = compare_in(
        1, 60, lambda: enter("manager"), ASKED_BY_MEMBERS, describes=False, also=ALSO
    )
    assert tally.keys() >= {"200", "303", "403", "404"}  # it was answered, and refused


@pytest.mark.prove
@pytest.mark.usefixtures("scans")
@pytest.mark.parametrize("role", ["viewer", "editor", "manager"])
@pytest.mark.parametrize("seed", range(100, 103))
def test_a_limited_member_cannot_tell_in_thousands_of_steps(role: str, seed: int) -> None:
    compare_in(seed, 1000, lambda: enter(role), ASKED_BY_MEMBERS, describes=False, also=ALSO)
