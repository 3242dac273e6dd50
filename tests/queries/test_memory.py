"""Pages of memory blocks where no index tells which: bounded, complete, and nobody else's."""

import random
from dataclasses import dataclass

import pytest
from django.db import connection

from agents.core.actors import Actor
from agents.domain.memory.new import NewBlock
from agents.models import Block
from agents.queries import memory
from agents.queries.core import bounds
from agents.queries.memory import BlockFilter, block_count, block_page
from tests.helpers import ROOT, make_agent, make_key_actor
from tests.queries.test_plans import measured, reference_agents

LIMIT = "tenant:acme"


def every_page(wanted: BlockFilter, actor: Actor, *, size: int, descending: bool) -> list[int]:
    """The keys of all blocks, page after page, until one is empty; a limited key's pages are full."""
    found: list[Block] = []
    while more := block_page(
        wanted,
        actor=actor,
        size=size,
        after=found[-1].public_id if found else None,
        descending=descending,
    ):
        assert not actor.limited or len(found) % size == 0
        found += more
    return [block.id for block in found]


@pytest.fixture(params=["few are read", "span by span"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in which a limited key's blocks are found, with bounds made small."""
    monkeypatch.setattr(memory, "_SPAN", 3)
    monkeypatch.setattr(memory, "_ENOUGH", 6)
    if request.param == "span by span":
        monkeypatch.setattr(bounds, "OWN", 0)


@dataclass
class Facts:
    """A block as the test knows it: who has it, and what it says."""

    key: int
    label: str
    value: str
    tags: list[str]
    own: int = 0
    all: int = 0


def make_facts() -> list[Facts]:
    """Twelve blocks of agents of two tenants, some of them shared."""
    rng = random.Random(3)
    facts = {}
    for n in range(12):
        tags = ["x"] if n % 3 == 0 else []
        new = NewBlock(
            f"l{n % 4}-{n}", f"value {n} {'gold' if n % 2 else ''}", extra={"tags": tags}
        )
        first = make_agent(tags=[f"first {n}"], blocks=[new])
        block = Block.objects.get(agentblock__agent=first)
        facts[block.public_id] = Facts(block.id, block.label, block.value, tags, 0, 1)
    for _ in range(10):
        mine = rng.random() < 0.4
        some = rng.sample(sorted(facts), 3)
        make_agent(tags=[LIMIT if mine else "tenant:other"], block_ids=some)
        for one in some:
            facts[one].all += 1
            facts[one].own += mine
    return sorted(facts.values(), key=lambda one: one.key)


@pytest.mark.django_db
@pytest.mark.usefixtures("way")
def test_pages_have_all_blocks_that_fit_and_no_other() -> None:
    facts = make_facts()
    actor = make_key_actor(LIMIT)
    assert 2 < sum(one.own > 0 for one in facts) < len(facts)
    for wanted, fits, of_own in (
        (BlockFilter(), lambda one: True, lambda one: True),
        (BlockFilter(label="l1-5"), lambda one: one.label == "l1-5", None),
        (BlockFilter(label_part="L1"), lambda one: "l1" in one.label, None),
        (BlockFilter(value_part="GOLD"), lambda one: "gold" in one.value, None),
        (BlockFilter(tags=("x",)), lambda one: one.tags == ["x"], None),
        (BlockFilter(agents_over=1), lambda one: one.all > 1, lambda one: one.own > 1),
        (BlockFilter(agents_under=2), lambda one: one.all < 2, lambda one: one.own < 2),
        (
            BlockFilter(agents_equal=(1, 3)),
            lambda one: one.all in (1, 3),
            lambda one: one.own in (1, 3),
        ),
    ):
        mine = of_own or fits
        for descending in (False, True):
            for size in (2, 50):
                every = [one.key for one in facts if fits(one)]
                own = [one.key for one in facts if one.own and mine(one)]
                for who, keys in ((ROOT, every), (actor, own)):
                    found = every_page(wanted, who, size=size, descending=descending)
                    assert found == sorted(keys, reverse=descending), (wanted, who.name)
                    assert block_count(wanted, actor=who) == len(keys)


@pytest.mark.django_db
@pytest.mark.usefixtures("way")
def test_a_page_before_a_block_is_the_one_next_to_it() -> None:
    facts = make_facts()
    actor = make_key_actor(LIMIT)
    own = [one.key for one in facts if one.own]
    last = Block.objects.get(id=own[-1]).public_id
    page = block_page(BlockFilter(), actor=actor, size=2, before=last)
    assert [block.id for block in page] == own[-3:-1]


_BLOCKS = (
    'INSERT INTO agents_block (public_id, label, value, "limit", read_only, metadata, extra,'
    " created_at, updated_at) SELECT 'block-' || seq, 'human', 'Their name is Ann.', 100,"
    " {no}, '{{}}', '{{}}', created_at, updated_at FROM agents_agent ORDER BY seq"
)
_HELD = (
    "INSERT INTO agents_agentblock (agent_id, block_id, label) SELECT a.seq, b.id, b.label"
    " FROM agents_agent a JOIN agents_block b ON b.public_id = 'block-' || a.seq"
)


@pytest.mark.django_db(transaction=True)
def test_a_page_looks_at_a_span_and_not_at_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_SPAN", 100)
    monkeypatch.setattr(bounds, "OWN", 100)
    pages = {
        "a part": (BlockFilter(value_part="ANN"), ROOT),
        "agents": (BlockFilter(agents_over=0), ROOT),
        "a huge tag": (BlockFilter(), make_key_actor("env:prod")),
        "a part and a huge tag": (BlockFilter(value_part="ann"), make_key_actor("env:prod")),
    }
    costs = {}
    for count in (1_000, 2_000):
        with reference_agents(count):
            with connection.cursor() as cursor:
                no = "FALSE" if connection.vendor == "postgresql" else "0"
                cursor.execute(_BLOCKS.format(no=no))
                cursor.execute(_HELD)
                cursor.execute("ANALYZE")
            for name, (wanted, actor) in pages.items():
                with measured() as cost:
                    assert len(block_page(wanted, actor=actor, size=50)) == 50
                costs[name, count] = cost.work
    slack = 100
    grown = {name for name in pages if costs[name, 2_000] > costs[name, 1_000] * 1.2 + slack}
    assert grown == set(), costs
