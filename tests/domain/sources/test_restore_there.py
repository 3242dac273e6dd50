"""An agent of a source comes back from the trash: made again there from its file, with a new ID."""

from typing import Any

import pytest
from django.db.models import Model

from agents.core.errors import SourceUnavailable
from agents.domain.agents import trash
from agents.domain.directory.rename import rename_tag
from agents.domain.identities.write import NewIdentity, create_identity
from agents.domain.sources import opening
from agents.domain.sources.deletion.delete import clear_waiting, delete_agent
from agents.domain.sources.deletion.restore import restore
from agents.domain.upkeep.tidy import tidy
from agents.models import (
    Agent,
    AgentSource,
    Change,
    SourcedAgent,
    Tombstone,
    TrashedAgent,
    TrashedFile,
)
from agents.queries.agents.trash import in_trash
from tests.domain.sources.conftest import Connected
from tests.domain.sources.fixtures import known
from tests.helpers import ROOT, drift, make_editor, tags_of
from tests.net.scripted import Asked, Letta, Reply

pytestmark = pytest.mark.django_db(transaction=True)


def memory_of(letta: Letta, agent_id: str) -> dict[str, str]:
    return {block["label"]: block["value"] for block in letta.agents[agent_id]["blocks"]}


def make(letta: Letta, source: AgentSource, **more: Any) -> Agent:
    """An agent of user_1 there, with memory."""
    blocks = [{"label": "human", "value": "Jane, 555-0100"}]
    return known(letta, source, tags=["user_1", ""], memory_blocks=blocks, description="x", **more)


def get_back(agent: Agent) -> Agent:
    back = restore(agent_ids=[agent.public_id], actor=ROOT)
    assert back.failed == {}
    return back.agents[0]


def test_it_is_made_again_and_both_ids_know_each_other(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = make(letta, letta_source)
    identity = create_identity(
        NewIdentity("k", "Jane", "user", agent_ids=[agent.public_id]), actor=ROOT
    )
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert (letta.agents, letta.loose) == ({}, {})  # its own memory is gone there too
    rename_tag(old="user_1", new="user_7", actor=ROOT)
    row = in_trash(agent.public_id, actor=ROOT)
    assert row is not None
    assert "with a new ID" in row.way
    new = get_back(agent)
    assert new.public_id != agent.public_id
    assert new.source_id == letta_source.id
    there = letta.agents[new.public_id]
    assert (there["name"], there["description"]) == ("Nova", "x")
    assert sorted(there["tags"]) == ["", "user_7"]
    assert memory_of(letta, new.public_id) == {"human": "Jane, 555-0100"}
    assert (tags_of(new), new.description) == (["user_7"], "x")
    assert new.agentidentity_set.get().identity_id == identity.id  # type: ignore[attr-defined]
    assert SourcedAgent.objects.get(agent=new).behind_since is None
    names = Change.objects.filter(field__startswith="restored").order_by("field")
    assert list(names.values_list("agent_id", "field", "new")) == [
        (agent.public_id, "restored as", new.public_id),
        (new.public_id, "restored from", agent.public_id),
    ]
    assert Tombstone.objects.get(public_id=agent.public_id).restored_as == new.public_id
    assert rows(TrashedAgent, TrashedFile) == [0, 0]
    assert drift() == []


def rows(*models: type[Model]) -> list[int]:
    return [model._default_manager.count() for model in models]


def test_shared_memory_stays_there_and_is_attached_again(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = make(letta, letta_source)
    shared = letta.agents[agent.public_id]["blocks"][0]
    other = letta.make(name="Other")
    other["blocks"].append(shared)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert other["blocks"] == [shared]
    new = get_back(agent)
    assert [block["id"] for block in letta.agents[new.public_id]["blocks"]] == [shared["id"]]
    assert letta.loose.keys() <= {shared["id"]}


@pytest.mark.parametrize("where", ["/import", "/attach/", "/detach/"])
def test_a_restore_that_stops_half_way_goes_on(
    letta: Letta, letta_source: AgentSource, where: str
) -> None:
    agent = make(letta, letta_source)
    shared = letta.agents[agent.public_id]["blocks"][0]
    letta.make(name="Other")["blocks"].append(shared)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    letta.instead = lambda asked: Reply(503) if where in asked.path else None
    back = restore(agent_ids=[agent.public_id], actor=ROOT)
    assert list(back.failed) == [agent.public_id]
    assert TrashedAgent.objects.get().public_id == agent.public_id
    letta.instead = lambda asked: None
    new = get_back(agent)
    assert set(letta.agents) - {new.public_id} == {
        a["id"] for a in letta.agents.values() if a["name"] == "Other"
    }
    assert memory_of(letta, new.public_id) == {"human": "Jane, 555-0100"}


def test_a_lost_answer_makes_no_second_agent(letta: Letta, letta_source: AgentSource) -> None:
    agent = make(letta, letta_source)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    lost: list[str] = []

    def lose(asked: Asked) -> Reply | None:
        """Carry out the import without an answer, and then answer nothing any more."""
        if not lost and asked.path == "/v1/agents/import":
            letta._answer(asked)
            lost.append(asked.path)
        return Reply(0) if lost else None

    letta.instead = lose
    back = restore(agent_ids=[agent.public_id], actor=ROOT)
    assert "may have done it" in back.failed[agent.public_id]
    letta.instead = lambda asked: None
    new = get_back(agent)
    assert list(letta.agents) == [new.public_id]


def test_a_file_that_the_source_does_not_give_keeps_a_copy_here(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = make(letta, letta_source)
    letta.instead = lambda asked: Reply(500) if asked.path.endswith("/export") else None
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    row = in_trash(agent.public_id, actor=ROOT)
    assert row is not None
    assert "copy that is kept in ADE" in row.way
    assert "gives no agent file (500)" in row.way
    kept = get_back(agent)
    assert (kept.public_id, kept.source_id) == (agent.public_id, None)
    assert TrashedFile.objects.count() == 0


def test_nothing_is_deleted_there_while_the_file_cannot_be_read(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = make(letta, letta_source)
    letta.instead = lambda asked: Reply(503) if asked.path.endswith("/export") else None
    with pytest.raises(SourceUnavailable):
        delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert letta.writes() == []
    assert Agent.objects.count() == 1


def test_memory_that_could_not_be_deleted_goes_later(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = make(letta, letta_source)
    letta.instead = lambda asked: (
        Reply(503) if asked.method == "DELETE" and "/blocks/" in asked.path else None
    )
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    assert len(letta.loose) == 1
    trash.purge(agent_ids=[agent.public_id], actor=ROOT)
    assert TrashedFile.objects.get().file == ""
    letta.instead = lambda asked: None
    with opening.connect_to(letta_source) as connector:
        about = {"source": letta_source, "connector": connector, "seconds": 5, "actor": ROOT}
        assert [clear_waiting(**about), clear_waiting(**about)] == [1, 0]
    assert letta.loose == {}


def test_the_file_goes_with_the_trash(
    letta: Letta, letta_source: AgentSource, settings: Any
) -> None:
    for way in ("purge", "off"):
        settings.TRASH_DAYS = 0 if way == "off" else 30
        agent = make(letta, letta_source)
        delete_agent(agent_id=agent.public_id, actor=ROOT)
        if way == "purge":
            assert "555-0100" in TrashedFile.objects.get().file
            trash.purge(agent_ids=[agent.public_id], actor=ROOT)
        assert not TrashedFile.objects.exclude(file="").exists()
    TrashedFile.objects.update(taken_at="2026-01-01T00:00:00Z")
    tidy(days=30, actor=ROOT)
    assert TrashedFile.objects.count() == 0


def test_an_editor_restores_and_a_disconnected_source_leaves_a_copy(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = make(letta, letta_source)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    AgentSource.objects.all().delete()
    [kept] = restore(agent_ids=[agent.public_id], actor=make_editor()).agents
    assert (kept.public_id, kept.source_id, tags_of(kept)) == (agent.public_id, None, ["user_1"])


def test_an_app_server_gets_fields_and_memory_files_again(local: Connected) -> None:
    agent_id = local.server.add(
        "user_1",
        name="Ann",
        memory_blocks=[{"label": "human", "value": "Jane", "description": "d"}],
    )
    local.pull()
    delete_agent(agent_id=agent_id, actor=ROOT)
    assert local.server.agents == {}
    row = in_trash(agent_id, actor=ROOT)
    assert row is not None
    assert "messages and conversations are lost" in row.way
    new = get_back(Agent(public_id=agent_id))
    there = local.server.agents[new.public_id]
    assert (there["name"], there["tags"], there["system"]) == ("Ann", ["user_1"], "You are Ann.")
    assert there["memory_blocks"] == [{"label": "human", "value": "Jane", "description": "d"}]
    assert tags_of(new) == ["user_1"]
    assert local.pull().new == 0
