"""Pages of agents of a connected server: what is saved goes there first."""

import pytest

from agents.models import Agent, AgentSource
from tests.domain.sources.fixtures import known
from tests.net.scripted import Letta, Reply
from tests.views.browsing import HX, form_at, is_page, signed_in, soup

pytestmark = pytest.mark.django_db

OTHER = "agent-00000000-0000-4000-8000-000000000002"
BLOCK = {"id": "block-00000000-0000-4000-8000-000000000001", "label": "human", "value": "Ann"}


def away(letta: Letta) -> None:
    letta.instead = lambda asked: Reply(503, {"detail": "busy"})


def test_new_agent_is_made_where_the_form_says_and_once(
    letta: Letta, letta_source: AgentSource
) -> None:
    client = signed_in()
    page = client.get("/agents/new/")
    options = [option.text for option in soup(page).select("select[name=at_source] option")]
    assert options == ["In ADE only", "prod"]
    data = form_at(page, "#new") | {"name": "Nova", "model": "openai/gpt-4o", "at_source": "prod"}
    answers = [client.post("/agents/new/", data) for _ in range(2)]
    agent = Agent.objects.get()
    assert {answer["Location"] for answer in answers} == {agent.get_absolute_url()}
    assert (list(letta.agents), agent.source_id) == ([agent.public_id], letta_source.id)
    away(letta)
    refused = client.post("/agents/new/", data | {"public_id": OTHER, "name": "Other"})
    assert refused.status_code == 503
    assert soup(refused).select_one("input[name=name]")["value"] == "Other"


def test_field_that_the_source_does_not_take_stays_in_the_form(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = known(letta, letta_source)
    client = signed_in()
    url = f"/agents/{agent.public_id}/"
    data = {"name": "Typed", "description": ""}
    away(letta)
    refused = client.post(url, data, headers=HX)
    assert refused.status_code == 503
    assert "prod cannot do this now" in soup(refused).text
    assert soup(refused).select_one("input[name=name]")["value"] == "Typed"
    letta.instead = lambda asked: None
    assert client.post(url, data).status_code == 303
    agent.refresh_from_db()
    assert (agent.name, letta.agents[agent.public_id]["name"]) == ("Typed", "Typed")


def test_memory_is_read_and_edited_there(letta: Letta, letta_source: AgentSource) -> None:
    agent = known(letta, letta_source, blocks=[dict(BLOCK)])
    client = signed_in()
    url = f"/agents/{agent.public_id}/memory/"
    page = client.get(url)
    assert is_page(page)
    assert soup(page).select_one(".block-value").text == "Ann"
    assert not soup(page).select("#block-add, a[href*=remove]")
    form = form_at(client.get(f"{url}?edit={BLOCK['id']}"), "#blocks")
    assert client.post(url, form | {"value": "Bob"}).status_code == 303
    assert letta.agents[agent.public_id]["blocks"][0]["value"] == "Bob"
    assert client.post(f"{url}add/", {"label": "x"}).status_code == 409
    away(letta)
    shown = client.get(url)
    assert shown.status_code == 503
    assert "prod cannot do this now" in soup(shown).select_one("[role=alert]").text


def test_deleted_agent_goes_there_too(letta: Letta, letta_source: AgentSource) -> None:
    agent = known(letta, letta_source)
    client = signed_in()
    url = f"/agents/{agent.public_id}/delete/"
    away(letta)
    assert client.post(url, {"name": "Nova"}).status_code == 503
    assert Agent.objects.count() == 1
    letta.instead = lambda asked: None
    assert client.post(url, {"name": "Nova"}).status_code == 303
    assert (letta.agents, Agent.objects.count()) == ({}, 0)
