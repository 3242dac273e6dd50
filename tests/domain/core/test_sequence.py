"""Keys of agents: their order is the order of creation."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from agents.core.errors import Invalid
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.core.sequence import SeqGenerator, floor
from agents.models import Agent
from tests.helpers import ROOT, make_agent

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def test_next_rises_for_one_timestamp() -> None:
    generator = SeqGenerator()
    keys = [generator.next(NOW) for _ in range(10_000)]
    assert keys == list(range(keys[0], keys[0] + 10_000))
    assert floor(NOW) <= keys[0] < floor(NOW) + 2048


def test_next_rises_for_each_of_mixed_timestamps() -> None:
    generator = SeqGenerator()
    moments = [NOW, NOW - timedelta(days=800), NOW + MICROSECOND]
    keys = [[generator.next(moment) for moment in moments] for _ in range(5000)]
    for of_moment in zip(*keys, strict=True):
        assert list(of_moment) == sorted(set(of_moment))


def test_keys_do_not_tell_how_many_were_handed_out_between() -> None:
    generator = SeqGenerator()
    moments = [NOW + n * MICROSECOND for n in range(50)]
    low = [generator.next(moment) - floor(moment) for moment in moments]
    steps = {after - before for before, after in itertools.pairwise(low)}
    assert len(steps) > 10


@pytest.mark.parametrize("year", [1949, 1970, 2019, 2020, 2026, 2090])
def test_next_orders_by_time(year: int) -> None:
    moment = datetime(year, 6, 1, tzinfo=UTC)
    for _ in range(100):
        earlier, later = SeqGenerator().next(moment), SeqGenerator().next(moment + MICROSECOND)
        assert floor(moment) <= earlier < floor(moment + MICROSECOND) <= later


@pytest.mark.parametrize("year", [1900, 1948, 2092, 9999])
def test_next_outside_its_years(year: int) -> None:
    with pytest.raises(Invalid) as refused:
        SeqGenerator().next(datetime(year, 1, 1, tzinfo=UTC))
    assert refused.value.field == "created_at"


def test_skip_past_never_goes_back() -> None:
    generator = SeqGenerator()
    base = floor(NOW)
    generator.skip_past(NOW, base + 3000)
    assert generator.next(NOW) == base + 3001
    generator.skip_past(NOW, base + 5)
    assert generator.next(NOW) == base + 3002


@pytest.mark.django_db
def test_create_agents_where_another_process_has_the_keys() -> None:
    # Every key that this process could choose for the timestamp, and some that run over.
    taken = [
        Agent(seq=floor(NOW) + key, public_id=f"x-{key}", created_at=NOW, updated_at=NOW)
        for key in range(5000)
    ]
    Agent.objects.bulk_create(taken)
    specs = [NewAgent(model="a/b", created_at=NOW)] * 3
    made = create_agents(specs, actor=ROOT)
    assert [agent.seq for agent in made] == [floor(NOW) + low for low in (5000, 5001, 5002)]
    # The next microsecond's first keys are among those run over.
    others = [make_agent(created_at=NOW + MICROSECOND).seq for _ in range(3)]
    assert others == sorted(others)
    assert min(others) >= floor(NOW + MICROSECOND)


@pytest.mark.django_db
def test_create_agents_where_one_moment_ran_over_many() -> None:
    taken = [
        Agent(seq=floor(NOW) + key, public_id=f"x-{key}", created_at=NOW, updated_at=NOW)
        for key in range(20_000)
    ]
    Agent.objects.bulk_create(taken)
    made = make_agent(created_at=NOW + MICROSECOND)
    assert made.seq >= floor(NOW + MICROSECOND)
