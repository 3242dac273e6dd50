"""GET and POST /trash/, and the way back from a deleted agent's page."""

import pytest

from agents.domain.agents.write import delete_agent
from agents.domain.memory.new import NewBlock
from agents.domain.memory.write import create_block
from agents.models import Agent, Block, TrashedAgent
from tests.helpers import ROOT, make_agent
from tests.views.browsing import signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def deleted(name: str) -> str:
    agent = make_agent(name=name, tags=["user_1"])
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    return agent.public_id


def test_a_deleted_agent_is_restored_from_its_page() -> None:
    agent_id = deleted("Nova")
    client = signed_in()
    page = client.get(f"/agents/{agent_id}/")
    assert text_at(page, "main form button") == "Restore agent"
    response = client.post("/trash/", {"agent": agent_id, "act": "restore"}, follow=True)
    assert response.status_code == 200
    assert text_at(response, "h1") == "Nova"
    assert "Nova was restored." in response.content.decode()


def test_several_are_restored_at_once() -> None:
    ids = [deleted("Nova"), deleted("Orion")]
    client = signed_in()
    page = client.get("/trash/")
    assert [box["value"] for box in soup(page).select("input[name=agent]")] == ids[::-1]
    response = client.post("/trash/", {"agent": ids, "act": "restore"}, follow=True)
    assert "2 agents were restored." in response.content.decode()
    assert "The trash is empty." in text_at(response, ".empty")
    assert Agent.objects.count() == 2


def test_deleting_for_good_asks_first() -> None:
    agent_id = deleted("Nova")
    client = signed_in(role="manager")
    asked = client.post("/trash/", {"agent": agent_id, "act": "purge"})
    assert "Delete 1 agent for good, with its memory?" in text_at(asked, ".message-warning")
    assert TrashedAgent.objects.exists()
    sure = {"agent": agent_id, "act": "purge", "sure": "yes"}
    done = client.post("/trash/", sure, follow=True)
    assert "1 agent was deleted for good." in done.content.decode()
    assert not TrashedAgent.objects.exists()


def test_what_is_wrong_is_said_and_changes_nothing() -> None:
    agent_id = deleted("Nova")
    client = signed_in()
    for data, status, words in (
        ({"act": "restore"}, 422, "Tick at least one agent first."),
        ({"act": "?", "agent": agent_id}, 422, "Choose what to do"),
        ({"act": "restore", "agent": ["agent-1"]}, 404, "in the trash"),
        ({"act": "restore", "agent": ["\x00"]}, 404, "in the trash"),
    ):
        response = client.post("/trash/", data)
        assert (response.status_code, words in text_at(response, ".message-error")) == (
            status,
            True,
        )
    assert client.post("/trash/", {"act": "purge", "agent": agent_id}).status_code == 403
    assert TrashedAgent.objects.count() == 1


def test_viewers_may_look() -> None:
    deleted("Nova")
    page = signed_in(role="viewer").get("/trash/")
    assert page.status_code == 200
    assert soup(page).select("main input[type=checkbox], main button") == []


def test_memory_of_no_agent_is_listed_and_can_go() -> None:
    left = create_block(NewBlock("human", "Jane, 555-0100"), actor=ROOT)
    make_agent(blocks=[NewBlock("persona", "Kind")])
    client = signed_in(role="manager")
    page = client.get("/memory/unused/")
    assert [box["value"] for box in soup(page).select("input[name=block]")] == [left.public_id]
    attached = Block.objects.get(label="persona").public_id
    done = client.post("/memory/unused/", {"block": [left.public_id, attached]}, follow=True)
    assert "1 memory block deleted." in done.content.decode()
    assert Block.objects.get().public_id == attached
    assert client.post("/memory/unused/").status_code == 422


def test_it_says_until_when_an_agent_can_be_restored() -> None:
    agent_id = deleted("Nova")
    day = f"{TrashedAgent.objects.get().purge_at:%Y-%m-%d}"
    client = signed_in()
    assert day in text_at(client.get("/trash/"), "main tbody")
    assert f"You can restore it until {day}." in text_at(client.get(f"/agents/{agent_id}/"), "main")
