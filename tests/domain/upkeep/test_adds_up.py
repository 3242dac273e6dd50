"""After any writes, what is derived equals what it is derived from: counters, search, history."""

import random

import pytest

from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.write import delete_agent, update_agent
from agents.domain.core.search_index import AGENT_INDEX, TAG_INDEX
from agents.models import Change, ChangeSet
from tests.domain.core.writer import anything
from tests.helpers import ROOT, all_tags, drift, make_agent, replayed, search_rows

pytestmark = pytest.mark.django_db
TAGS = ["vip", "user_1", "user_2", "user_3", "origin:x", *"abc"]


def check_random_run(seed: int, steps: int) -> None:
    print("seed", seed)
    agents = [make_agent(tags=["vip"]).public_id for _ in range(4)]
    counts = anything(seed, steps, agents, TAGS)
    assert sum(counts.values()) == steps
    assert drift() == []
    assert replayed() == all_tags()
    assert not ChangeSet.objects.exclude(id__in=Change.objects.values("change_set_id")).exists()


@pytest.mark.parametrize("seed", [1, 2, random.randrange(10**9)], ids=["1", "2", "random"])
def test_random_writes_add_up(seed: int) -> None:
    check_random_run(seed, 150)


@pytest.mark.prove
def test_many_random_writes_add_up() -> None:
    check_random_run(random.randrange(10**9), 10_000)


@pytest.mark.only_sqlite
def test_search_rows_follow_agents_and_tags() -> None:
    agent, other = make_agent(name="Zoë", tags=["Café"]), make_agent(name="Other")
    assert [text for _, text in search_rows(AGENT_INDEX)] == ["zoe", "other"]
    assert [text for _, text in search_rows(TAG_INDEX)] == ["cafe"]
    update_agent(agent_id=agent.public_id, edit=AgentEdit(name="Ünal"), tags=["B"], actor=ROOT)
    assert search_rows(AGENT_INDEX) == [(agent.seq, "unal"), (other.seq, "other")]
    assert [text for _, text in search_rows(TAG_INDEX)] == ["cafe", "b"]
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert search_rows(AGENT_INDEX) == [(other.seq, "other")]
    assert drift() == []


@pytest.mark.only_sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["once", "again"])
def test_search_rows_are_gone_after_a_test_that_commits(time: str) -> None:
    assert (search_rows(AGENT_INDEX), search_rows(TAG_INDEX)) == ([], [])
    make_agent(tags=["a"])
    assert drift() == []
