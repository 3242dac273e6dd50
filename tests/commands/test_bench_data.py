"""manage.py bench_data: the same rows as the slow way makes, in the shapes that were promised."""

import itertools
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.upkeep import recount
from agents.models import Agent, AgentDetail, AgentTag, Change, ChangeSet, Tag
from agents.samples import bulk_load
from agents.samples.bench_shapes import SHAPES, loadtest, reference
from tests.helpers import ROOT, make_agent, tags_of

pytestmark = pytest.mark.django_db

# What differs by nature: keys and times of writing.
_OWN = {
    "seq", "agent", "agent_id", "id", "tag_id", "change_set_id", "added_at", "created_at",
    "updated_at", "last_added_at", "at",
}  # fmt: skip


def rows(model: Any, *order: str) -> list[dict[str, Any]]:
    names = [field.attname for field in model._meta.concrete_fields if field.name != "pk"]
    kept = [name for name in names if name not in _OWN or (name == "agent_id" and model is Change)]
    return list(model.objects.order_by(*order).values(*kept))


def dump() -> dict[str, list[Any]]:
    return {
        "agents": [
            {**row, "created_at": at}
            for row, at in zip(
                rows(Agent, "seq"),
                Agent.objects.order_by("seq").values_list("created_at", flat=True),
                strict=True,
            )
        ],
        "details": rows(AgentDetail, "agent_id"),
        "tags": rows(Tag, "name"),
        "agent_tags": list(
            AgentTag.objects.order_by("agent_id", "tag__name").values_list(
                "agent__public_id", "tag__name"
            )
        ),
        "changes": rows(Change, "id"),
        "change_sets": rows(ChangeSet, "id"),
    }


def test_it_works(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bench_data", "--agents", "500", verbosity=0)
    assert Agent.objects.count() == 500
    assert recount.differences() == []
    assert capsys.readouterr().out.startswith("Loaded 500 agents of shape reference in ")


@pytest.mark.parametrize("shape", ["reference", "loadtest"])
def test_rows_are_those_that_create_agents_makes(shape: str) -> None:
    wanted = list(SHAPES[shape](300, 7))
    assert list(bulk_load.load(wanted, actor=ROOT, reason="r")) == [300]
    loaded = dump()
    for model in (Change, ChangeSet, AgentTag, AgentDetail, Agent, Tag):
        model.objects.all()._raw_delete("default")
    create_agents(
        [
            NewAgent(
                public_id=agent.public_id,
                name=agent.name,
                tags=list(agent.tags),
                created_at=agent.created_at,
                updated_at=agent.updated_at,
                model=agent.columns.agent["model"],
                embedding=agent.columns.agent["embedding"],
                context_window_limit=agent.columns.agent["context_window_limit"],
                description=agent.columns.agent["description"],
                system=agent.columns.detail["system"],
                metadata={"source": "bench_data"} if shape == "reference" else None,
            )
            for agent in wanted
        ],
        actor=ROOT,
        act="import",
        reason="r",
    )
    slowly = dump()
    # create_agents tells of the agents in the order given, a bulk load in the same.
    assert loaded == slowly


@pytest.mark.parametrize("model", bulk_load.COLUMNS)
def test_every_column_is_loaded(model: Any) -> None:
    columns = {field.column for field in model._meta.concrete_fields if field.column}
    if model is Change:
        columns.remove("id")
    assert set(bulk_load.COLUMNS[model]) == columns


def test_each_batch_is_one_change_set() -> None:
    assert list(bulk_load.load(reference(250, 1), actor=ROOT, batch=100)) == [100, 100, 50]
    assert ChangeSet.objects.count() == 3
    assert recount.differences() == []


def test_batches_after_a_stop_are_whole() -> None:
    done = bulk_load.load(reference(250, 1), actor=ROOT, batch=100)
    assert list(itertools.islice(done, 2)) == [100, 100]
    done.close()
    assert Agent.objects.count() == 200
    assert recount.differences() == []


def test_same_seed_gives_same_agents_and_another_others() -> None:
    assert list(reference(50, 1)) == list(reference(50, 1))
    assert [a.public_id for a in reference(50, 1)] != [a.public_id for a in reference(50, 2)]


def test_loadtest_shape_is_what_the_load_test_expects() -> None:
    agents = {agent.public_id: agent for agent in loadtest(30, 1)}
    assert len(agents) == 30
    for i in range(30):
        agent = agents[f"agent-{i:08x}-0000-4000-8000-{i:012x}"]
        assert agent.tags == (
            f"user_{i // 10}",
            f"tier:{['free', 'silver', 'gold', 'platinum', 'trial'][i % 5]}",
            f"env:{['dev', 'staging', 'prod'][i % 3]}",
        )
        assert agent.created_at.timestamp() == 1767225600 + i * 7919 % 1000003


def test_reference_shape_has_the_proportions_of_the_measurements() -> None:
    agents = list(reference(20_000, 1))
    per_tag: dict[str, int] = {}
    for agent in agents:
        for tag in agent.tags:
            per_tag[tag] = per_tag.get(tag, 0) + 1
    assert 4.6 < sum(per_tag.values()) / 20_000 < 4.8
    assert len([tag for tag in per_tag if tag.startswith("user_")]) == 2000
    assert len([tag for tag in per_tag if tag.startswith("cohort:")]) == 40
    assert 0.78 < per_tag["env:prod"] / 20_000 < 0.82
    assert min(per_tag["region:eu"], per_tag["region:us"]) > 5000
    assert [a for a in agents if {"region:eu", "region:us"} <= set(a.tags)] == []
    assert len([a for a in agents if not a.tags]) == 20
    assert sorted(agents, key=lambda a: a.created_at) == agents


def test_database_with_agents_is_refused_unless_append() -> None:
    agent = make_agent(tags=["env:prod"])
    with pytest.raises(CommandError) as refused:
        call_command("bench_data", "--agents", "10")
    assert str(refused.value) == "The database has agents. Use --append to load beside them."
    assert Agent.objects.count() == 1
    call_command("bench_data", "--agents", "10", "--append")
    assert Agent.objects.count() == 11
    assert tags_of(agent) == ["env:prod"]
    assert recount.differences() == []


def test_taken_ids_are_refused_and_nothing_is_left() -> None:
    call_command("bench_data", "--agents", "10")
    before = dump()
    with pytest.raises(CommandError) as refused:
        call_command("bench_data", "--agents", "10", "--append")
    assert str(refused.value).startswith("Stopped: agents with these ids exist already")
    assert dump() == before
    assert recount.differences() == []


def test_none_is_refused() -> None:
    with pytest.raises(CommandError) as refused:
        call_command("bench_data", "--agents", "0")
    assert str(refused.value) == "--agents must be at least 1."


@pytest.mark.only_sqlite
def test_cache_is_as_before_after_a_load() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size")
        before = cursor.fetchone()
        list(bulk_load.load(reference(10, 1), actor=ROOT))
        cursor.execute("PRAGMA cache_size")
        assert cursor.fetchone() == before
