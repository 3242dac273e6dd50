"""An agent that its source cannot give, or that ADE cannot read, keeps no other agent waiting."""

import json
from typing import Any

import pytest

from agents.domain.sources import lease, opening, questions
from agents.domain.sources.pull import Memory, pull
from agents.domain.sources.push import due, push
from agents.domain.tags.edit import change_tags
from agents.models import Agent, AgentSource, InboxItem, InboxKind, SourcedAgent
from tests.domain.sources.conftest import Connected
from tests.domain.sources.fixtures import known
from tests.helpers import ROOT, tags_of
from tests.net.scripted import Asked, Letta, Reply

pytestmark = pytest.mark.django_db

# How an agent can be bad: its JSON after it was good. None: the server answers 500 and lists it no more.
BAD = {
    "tags are null": lambda agent: json.dumps(agent | {"tags": None}),
    "tags are a text": lambda agent: json.dumps(agent | {"tags": "user_1"}),
    "one tag is a number": lambda agent: json.dumps(agent | {"tags": ["user_1", 1]}),
    "no name": lambda agent: json.dumps({n: v for n, v in agent.items() if n != "name"}),
    "a number without end": lambda agent: json.dumps(agent)[:-1] + ', "context_window": 1e999}',
    "an error": lambda agent: None,
}


def spoil(letta: Letta, agent_id: str, how: str) -> None:
    """Let the server give one agent in a bad way, alone and in lists."""

    def text_of(agent: dict[str, Any]) -> str | None:
        return BAD[how](agent) if agent["id"] == agent_id else json.dumps(agent)

    def instead(asked: Asked) -> Reply | None:
        if asked.method != "GET":
            return None
        if asked.path == f"/v1/agents/{agent_id}":
            text = text_of(letta.agents[agent_id])
            return Reply(500, {"detail": "oops"}) if text is None else Reply(body=text.encode())
        if asked.path == "/v1/agents/":
            texts = [text_of(agent) for agent in letta._list(asked)]
            return Reply(body=f"[{','.join(text for text in texts if text)}]".encode())
        return None

    letta.instead = instead


def send_all(source: AgentSource) -> None:
    with opening.connect_to(source) as connector:
        while row := due(source.id).values_list("public_id", flat=True).first():
            push(connector, source, row)


def read_all(source: AgentSource) -> None:
    source.refresh_from_db()
    with opening.connect_to(source) as connector:
        pull(connector, source, Memory(), whole=True)


@pytest.mark.parametrize("how", BAD)
def test_a_bad_agent_keeps_no_other_waiting(
    letta: Letta, letta_source: AgentSource, how: str
) -> None:
    bad, good = (known(letta, letta_source, name=n, tags=["user_1"]) for n in ("Bad", "Good"))
    spoil(letta, bad.public_id, how)
    change_tags(agent_id=bad.public_id, add=["vip"], actor=ROOT)
    change_tags(agent_id=good.public_id, add=["vip"], actor=ROOT)
    send_all(letta_source)
    assert letta.agents[good.public_id]["tags"] == ["user_1", "vip"]
    letta.agents[good.public_id]["tags"] += ["seen"]
    came = letta.make("Nova", tags=["user_2"])
    read_all(letta_source)
    assert tags_of(good) == ["seen", "user_1", "vip"]
    assert Agent.objects.filter(public_id=came["id"]).exists()
    assert tags_of(bad) == ["user_1", "vip"]
    row = SourcedAgent.objects.get(agent=bad)
    assert row.problem.startswith("It cannot be read: ")
    questions = InboxItem.objects.filter(kind=InboxKind.LIMIT, agent_id=bad.public_id)
    assert questions.count() == 1
    letta.instead = lambda asked: None
    SourcedAgent.objects.update(push_after=None)
    send_all(letta_source)
    assert letta.agents[bad.public_id]["tags"] == ["user_1", "vip"]


def test_an_app_server_that_cannot_give_an_agent(local: Connected) -> None:
    bad, good = local.server.add("user_1"), local.server.add("user_1")
    local.pull()
    local.server.agents[bad]["name"] = None
    local.edit(bad, add=["vip"])
    local.edit(good, add=["vip"])
    local.push()
    assert local.server.tags(good) == ["user_1", "vip"]
    assert local.row(bad).problem.startswith("It cannot be read: ")
    local.server.agents[bad]["name"] = "Bad"
    SourcedAgent.objects.update(push_after=None)
    local.push()
    assert local.server.tags(bad) == ["user_1", "vip"]


def test_very_many_agents_with_other_ids_are_not_very_many_questions(
    local: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "LIMIT_QUESTIONS", 3)
    for number in range(10):
        local.server.add("user_1", id=f"agent-local-{number}", name=f"Agent {number}")
    good = local.server.add("user_1")
    for _ in range(2):
        local.memory.states.clear()
        local.pull()
    assert [agent.public_id for agent in Agent.objects.all()] == [good]
    assert [kind for kind, *_ in local.inbox()] == [InboxKind.LIMIT] * 3


@pytest.mark.parametrize(("asked", "waits"), [(None, 1), (45, 45), (10**6, 300)])
def test_a_source_is_left_alone_as_long_as_it_asks(
    letta_source: AgentSource, asked: int | None, waits: int
) -> None:
    again = lease.note_failure(letta_source, "busy", retry_after=asked)
    letta_source.refresh_from_db()
    assert letta_source.tried_at is not None
    assert round((again - letta_source.tried_at).total_seconds()) == waits
