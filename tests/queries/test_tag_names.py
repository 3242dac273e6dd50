"""The names of tags in use, as keys limited to a tag get them: all of its agents', and no other."""

import random
from itertools import pairwise, product

import pytest

from agents.core.actors import Actor
from agents.models import Tag
from agents.queries.core import bounds
from agents.queries.tags import names
from tests.helpers import ROOT, make_agent, make_key_actor
from tests.queries.test_plans import measured, reference_agents

LIMIT = "tenant:acme"


def every_page(actor: Actor, *, size: int, descending: bool = False, part: str = "") -> list[str]:
    """All names, page after page, until one is empty; of a limited key all but the last are full."""
    found: list[str] = []
    while more := names.names(
        actor=actor,
        size=size,
        part=part,
        after=found[-1] if found else None,
        descending=descending,
    ):
        assert not actor.limited or len(found) % size == 0
        found += more
    return found


@pytest.fixture(params=["all are read", "probed", "probed to the end", "short pages"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way in which the tags of a limited key are found, by bounds made small."""
    if request.param != "all are read":
        monkeypatch.setattr(bounds, "OWN", 0)
        monkeypatch.setattr(names, "_TAKEN", 2)
        monkeypatch.setattr(names, "_PROBED", 3)
        monkeypatch.setattr(names, "_GLANCE", 2)
    if request.param == "probed":
        monkeypatch.setattr(names, "_PATIENCE", 10**6)
    if request.param == "probed to the end":
        monkeypatch.setattr(names, "_PATIENCE", 5)
    if request.param == "short pages":
        monkeypatch.setattr(names, "_ENOUGH", 3)
        monkeypatch.setattr(bounds, "BUDGETS", (1, 2, 3))
    return str(request.param)


@pytest.mark.django_db
def test_a_limited_key_gets_all_its_tags_and_no_other(way: str) -> None:
    rng = random.Random(7)
    own: set[str] = set()
    for _ in range(25):
        drawn = {f"t{rng.randrange(40):02}" for _ in range(3)}
        mine = rng.random() < 0.4
        make_agent(tags=[*drawn, LIMIT] if mine else [*drawn, "tenant:other"])
        own |= drawn | {LIMIT} if mine else set()
    assert len(set(Tag.objects.values_list("name", flat=True)) - own) > 5
    actor = make_key_actor(LIMIT)
    for descending, size in product((False, True), (1, 3, 50)):
        pages = {"descending": descending, "size": size}
        assert every_page(actor, **pages) == sorted(own, reverse=descending)
        with_two = sorted((name for name in own if "2" in name), reverse=descending)
        assert every_page(actor, part="2", **pages) == with_two
        assert every_page(actor, part="TENANT:", **pages) == [LIMIT]


@pytest.mark.django_db
def test_a_page_before_a_name_is_the_one_next_to_it(way: str) -> None:
    for n in range(12):
        make_agent(tags=[f"t{n:02}", LIMIT if n % 2 else "tenant:other"])
    found: list[str] = []
    place: str | None = "u"
    while page := names.names(actor=make_key_actor(LIMIT), size=2, before=place):
        assert all(a < b for a, b in pairwise(page))
        found = page + found
        place = page[0]
    assert found == [*(f"t{n:02}" for n in range(1, 12, 2)), LIMIT]


@pytest.mark.django_db
def test_a_key_of_a_tag_that_nobody_carries_gets_none() -> None:
    make_agent(tags=["a"])
    assert names.names(actor=make_key_actor("gone"), size=5) == []


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["", "t"])
def test_a_whole_page_is_had_where_bounds_are_met(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "BUDGETS", (1, 2, 3))
    monkeypatch.setattr(names, "_ENOUGH", 4)
    make_agent(tags=[*(f"a{n:02}" for n in range(9)), *(f"t{n}" for n in range(9))])
    expected = [f"t{n}" for n in range(9)]
    assert [name for name in every_page(ROOT, size=4, part=part) if name[0] == "t"] == expected


@pytest.mark.django_db(transaction=True)
def test_a_key_on_a_huge_tag_does_not_read_all_its_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    with reference_agents(4_000):
        actor = make_key_actor("env:prod")
        assert Tag.objects.get(name="env:prod").n > bounds.OWN
        with measured() as cost:
            found = names.names(actor=actor, size=50)
        monkeypatch.setattr(bounds, "OWN", 10_000)
        with measured() as of_all:
            assert names.names(actor=actor, size=50) == found
    assert len(found) == 50
    assert cost.work < of_all.work / 2
