"""With a real App Server: both ways, off and on, with ugly tags, and the agent that is tagged is the one there."""

import pytest

from agents.domain.sources import opening
from agents.domain.sources.deletion.delete import delete_agent
from agents.domain.sources.deletion.restore import restore
from agents.net.connectors.base import AgentNotThere, SourceError
from tests.app_server import MODEL, AppServer
from tests.domain.sources.conftest import Connected
from tests.helpers import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


def test_tags_go_both_ways_over_kill_and_restart(app_server: AppServer) -> None:
    # `only_tag`: other tests may have left agents there.
    local = Connected(app_server).add(token=app_server.token, only_tag="sync")  # type: ignore[arg-type]
    local.pull()
    with opening.connect_to(local.source) as there:
        first = there.create({"name": "Ann", "tags": ["sync", "user_1", ""]}, seconds=30).id
        other = there.create({"name": "Bo", "tags": ["user_1"]}, seconds=30).id
        assert local.pull().new == 1
        assert local.tags(first) == ["git-memory-enabled", "sync", "user_1"]
        local.edit(first, add=["user_2"], remove=["user_1"])
        app_server.kill()
        with pytest.raises(SourceError):
            local.push()
        app_server.revive()
        there.write_tags(first, [*there.agent(first, seconds=30).tags, "there"], seconds=30)
        local.push()
        tags = ["git-memory-enabled", "sync", "there", "user_2"]
        assert local.tags(first) == tags
        assert sorted(there.agent(first, seconds=30).tags) == ["", *tags]
        assert list(there.agent(other, seconds=30).tags).count("user_1") == 1
        for agent_id in (first, other):
            there.delete(agent_id, seconds=30)
    assert local.pull().gone == 1


def test_a_deleted_agent_is_made_again(app_server: AppServer) -> None:
    local = Connected(app_server).add(token=app_server.token, only_tag="again")  # type: ignore[arg-type]
    local.pull()
    body = {
        "name": "Ann", "tags": ["again", "user_1"], "system": "You are Ann.", "description": "d",
        "model": MODEL,
        "memory_blocks": [{"label": "human", "value": "Jane\n---\nx", "description": "who"}],
    }  # fmt: skip
    with opening.connect_to(local.source) as there:
        first = there.create(body, seconds=30).id
        folder = {"label": "notes/2026/tea", "value": "green\n", "description": "what to drink"}
        while there.add_memory(first, {"memory_blocks": [folder]}, seconds=30):
            pass
        assert "notes/2026/tea.md" in {block.id for block in there.blocks(first, seconds=30)}
        local.pull()
        before = there.agent_file(first, seconds=30)
        delete_agent(agent_id=first, actor=ROOT)
        with pytest.raises(AgentNotThere):
            there.agent(first, seconds=30)
        back = restore(agent_ids=[first], actor=ROOT)
        assert back.failed == {}
        [new] = back.agents
        after = there.agent_file(new.public_id, seconds=30)
        assert {**after, "tags": sorted(after["tags"])} == {
            **before,
            "tags": sorted(before["tags"]),
        }
        assert new.public_id != first
        assert local.pull().new == 0
        there.delete(new.public_id, seconds=30)
