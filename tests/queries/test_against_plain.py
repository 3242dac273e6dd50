"""The list engine gives what a plain filter in Python gives, whatever is asked, on both databases."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.core.actors import Actor, ActorKind, Power, Source, command_actor
from agents.core.filters import AgentFilter, Sort
from agents.core.reach import EVERYTHING, NOTHING, Reach
from agents.core.tag_text import fold
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.models import Agent, AgentTag, SourcedAgent, Tag
from agents.queries import agents as listing
from agents.queries.core import bounds
from tests.source_rows import make_source, put_at

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
                extra={"hidden": True} if rng.random() < 0.2 else {},
                tags=[tag for tag in TAGS if rng.random() < (0.03 if tag == "rare" else 0.4)],
            )
            for _ in range(count)
        ],
        actor=ROOT,
    )
    east, west = make_source("east"), make_source("west")
    for agent in Agent.objects.order_by("seq"):
        if source := rng.choice([None, east, east, west]):
            put_at(agent, source)


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
        kept_here=rng.random() < 0.1,
        q=rng.choice(
            ["", "", "", "helper", "HELPER", "asa", "b_c", "%", "xy", "i", 'o"t', "nothing"]
        ),
        name=rng.choice(NAMES) if rng.random() < 0.1 else None,
        visible=rng.random() < 0.5,
        models=tuple(rng.sample(["m/1", "m/2", "m/9"], rng.choice([0, 0, 1, 2]))),
        sources=tuple(rng.sample(["east", "west", "none"], rng.choice([0, 0, 0, 1, 2]))),
    )


def plain(wanted: AgentFilter, sort: Sort, reach: Reach) -> list[int]:
    """The same list, by reading everything."""
    tags: dict[int, set[str]] = {}
    for seq, name in AgentTag.objects.values_list("agent_id", "tag__name"):
        tags.setdefault(seq, set()).add(name)

    closed = set(Tag.objects.exclude(closed_until=None).values_list("name", flat=True))
    at = dict(SourcedAgent.objects.values_list("agent_id", "source__name"))

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
            and not (wanted.visible and agent.hidden)
            and not (wanted.kept_here and agent.seq in at)
            and (not wanted.sources or at.get(agent.seq) in wanted.sources)
            and reach.covers(agent.public_id, mine, closed=bool(mine & closed))
        )

    agents = [agent for agent in Agent.objects.all() if fits(agent)]
    agents.sort(key=lambda one: (getattr(one, sort.column), one.seq), reverse=sort.descending)
    return [agent.seq for agent in agents]


def reaching(reach: Reach) -> Actor:
    return Actor(ActorKind.KEY, "key:x", "x", Source.API, frozenset({Power.READ}), reach=reach)


def random_reach(rng: random.Random) -> Reach:
    ids = list(Agent.objects.order_by("seq").values_list("public_id", flat=True))
    tags = rng.sample([*TAGS, "unknown"], rng.choice([1, 1, 2, 4]))
    kinds = [EVERYTHING, Reach.of_tags(tags), Reach.of_tags(["user_1"]), NOTHING]
    kinds.append(Reach.of_agents([*rng.sample(ids, 20), "agent-none"]))
    return rng.choices(kinds, [3, 3, 2, 1, 2])[0]


def all_pages(wanted: AgentFilter, actor: Actor, sort: Sort, size: int) -> list[int]:
    """Page to the end, as the list's Older link does; each page's Newer link leads back."""
    seqs: list[int] = []
    page = listing.page(wanted, actor=actor, sort=sort, size=size)
    for _ in range(400):
        assert len(page.seqs) <= size
        assert page.cut_short == (page.older is not None and len(page.seqs) < size)
        # How much others have is not to be seen from where a limited key's page ends.
        assert not actor.limited or not page.cut_short
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
    if seed % 2:  # agents that came back with the tag of an off-boarded user
        Tag.objects.filter(name="c").update(closed_until=timezone.now() + timedelta(days=30))
    for _ in range(60):
        wanted, sort = random_filter(rng), rng.choice(list(Sort))
        reach = random_reach(rng)
        actor = reaching(reach)
        expected = plain(wanted, sort, reach)
        size = rng.choice([1, 4, 50])
        assert all_pages(wanted, actor, sort, size) == expected, (wanted, sort, reach, size)
        assert listing.count(wanted, actor=actor) == len(expected), wanted
        capped = listing.capped_count(wanted, actor=actor, most=10)
        assert capped.n <= len(expected)
        assert capped.n == min(len(expected), 10) or not capped.exact
        assert reach.everything or capped.exact or len(expected) > 10
        first = listing.page(wanted, actor=actor, sort=sort, size=3, until_one=True)
        assert bool(first.seqs) == bool(expected)


@pytest.mark.parametrize("sort", list(Sort))
def test_newer_leads_back_to_the_same_page(sort: Sort) -> None:
    populate(random.Random(1), 60)
    wanted = AgentFilter(any=("a", "b"))
    expected = plain(wanted, sort, EVERYTHING)
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
