"""The list engine gives what a plain filter in Python gives, whatever is asked, on both databases."""

import random

import pytest

from agents import listing
from agents.actors import Actor, Kind, Power, Source, command_actor
from agents.domain.agents import create_agents
from agents.domain.newagents import NewAgent
from agents.filters import AgentFilter, Sort
from agents.listing import bounds
from agents.models import Agent, AgentTag
from agents.tagnames import fold

TAGS = ["a", "b", "c", "user_1", "user_2", "A", "rare", "with,comma"]
NAMES = ["Åsa helper", "billing bot", "Bill", "a%b_c", 'quo"te', "x", "xy helper"]
ROOT = command_actor("test")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def narrow_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds so small that a few hundred agents pass all of them."""
    monkeypatch.setattr(bounds, "BUDGETS", (3, 7, 40))
    monkeypatch.setattr(bounds, "SCATTERED", (2, 5, 30))
    monkeypatch.setattr(bounds, "COUNTED", 25)
    monkeypatch.setattr(bounds, "ESTIMATE", 20)
    monkeypatch.setattr(bounds, "SEARCH_HITS", 15)
    monkeypatch.setattr(bounds, "SORTED", 30)


def populate(rng: random.Random, count: int) -> None:
    create_agents(
        [
            NewAgent(
                model=rng.choice(["m/1", "m/2", "m/3"]),
                name=rng.choice(NAMES),
                tags=[tag for tag in TAGS if rng.random() < (0.03 if tag == "rare" else 0.4)],
            )
            for _ in range(count)
        ],
        actor=ROOT,
    )


def random_filter(rng: random.Random) -> AgentFilter:
    def some(most: int) -> tuple[str, ...]:
        return tuple(rng.choice([*TAGS, "unknown"]) for _ in range(rng.randrange(most)))

    return AgentFilter(
        any=some(4) if rng.random() < 0.4 else (),
        all=some(3) if rng.random() < 0.5 else (),
        none=some(3) if rng.random() < 0.3 else (),
        untagged=rng.random() < 0.08,
        userless=rng.random() < 0.1,
        two_users=rng.random() < 0.1,
        q=rng.choice(
            ["", "", "", "helper", "HELPER", "asa", "b_c", "%", "xy", "i", 'o"t', "nothing"]
        ),
        name=rng.choice(NAMES) if rng.random() < 0.1 else None,
        models=tuple(rng.sample(["m/1", "m/2", "m/9"], rng.choice([0, 0, 1, 2]))),
    )


def plain(wanted: AgentFilter, sort: Sort, limit: str | None) -> list[int]:
    """The same list, by reading everything."""
    tags: dict[int, set[str]] = {}
    for seq, name in AgentTag.objects.values_list("agent_id", "tag__name"):
        tags.setdefault(seq, set()).add(name)

    def fits(agent: Agent) -> bool:
        mine = tags.get(agent.seq, set())
        users = {tag for tag in mine if tag.startswith("user_")}
        return (
            (not wanted.any or bool(mine & set(wanted.any)))
            and mine >= set(wanted.all)
            and not mine & set(wanted.none)
            and (not wanted.untagged or not mine)
            and (not wanted.userless or not users)
            and (not wanted.two_users or len(users) > 1)
            and fold(wanted.q) in fold(agent.name)
            and (wanted.name is None or agent.name == wanted.name)
            and (not wanted.models or agent.model in wanted.models)
            and (limit is None or limit in mine)
        )

    agents = [agent for agent in Agent.objects.all() if fits(agent)]
    agents.sort(key=lambda one: (getattr(one, sort.column), one.seq), reverse=sort.descending)
    return [agent.seq for agent in agents]


def limited(tag: str) -> Actor:
    return Actor(Kind.KEY, "key:x", "x", Source.API, frozenset({Power.READ}), limit=tag)


def all_pages(wanted: AgentFilter, actor: Actor, sort: Sort, size: int) -> list[int]:
    """Page to the end, as the list's Older link does; each page's Newer link leads back."""
    seqs: list[int] = []
    page = listing.page(wanted, actor=actor, sort=sort, size=size)
    for _ in range(400):
        assert len(page.seqs) <= size
        assert page.cut_short == (page.older is not None and len(page.seqs) < size)
        seqs += page.seqs
        if page.older is None:
            return seqs
        after = listing.decode(page.older, sort)
        page = listing.page(wanted, actor=actor, sort=sort, size=size, after=after)
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("seed", range(6))
def test_pages_are_what_a_plain_filter_gives(seed: int) -> None:
    rng = random.Random(seed)
    populate(rng, 160)
    for _ in range(60):
        wanted, sort = random_filter(rng), rng.choice(list(Sort))
        limit = rng.choice([None, None, "user_1", "rare"])
        actor = limited(limit) if limit else ROOT
        expected = plain(wanted, sort, limit)
        size = rng.choice([1, 4, 50])
        assert all_pages(wanted, actor, sort, size) == expected, (wanted, sort, limit, size)
        assert listing.count(wanted, actor=actor) == len(expected), wanted
        capped = listing.capped_count(wanted, actor=actor, most=10)
        assert capped.n <= len(expected)
        assert capped.n == min(len(expected), 10) or not capped.exact
        first = listing.page(wanted, actor=actor, sort=sort, size=3, until_one=True)
        assert bool(first.seqs) == bool(expected)


@pytest.mark.parametrize("sort", list(Sort))
def test_newer_leads_back_to_the_same_page(sort: Sort) -> None:
    populate(random.Random(1), 60)
    wanted = AgentFilter(any=("a", "b"))
    expected = plain(wanted, sort, None)
    first = listing.page(wanted, actor=ROOT, sort=sort, size=5)
    second = listing.page(
        wanted, actor=ROOT, sort=sort, size=5, after=listing.decode(first.older or "", sort)
    )
    assert second.seqs == expected[5:10]
    back = listing.page(
        wanted, actor=ROOT, sort=sort, size=5, before=listing.decode(second.newer or "", sort)
    )
    assert back.seqs == expected[:5]
    assert back.newer is None
