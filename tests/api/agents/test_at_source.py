"""Agents of a connected server through /v1/agents/: like any other, but the server comes first."""

from typing import Any

import pytest

from agents.core.reach import Reach
from agents.models import Agent, AgentSource, Scope
from tests.api.calls import SEED, call, make_token
from tests.domain.sources.fixtures import known
from tests.net.scripted import Letta, Reply

pytestmark = pytest.mark.django_db

BLOCK = {"id": "block-00000000-0000-4000-8000-000000000001", "label": "human", "value": "Ann"}
BODY = {**SEED, "tags": ["user_1"], "source": "prod"}


def test_create_list_edit_and_delete(letta: Letta, letta_source: AgentSource) -> None:
    made = call("POST", "/v1/agents/", BODY).json()
    url = f"/v1/agents/{made['id']}"
    assert made["tags"] == letta.agents[made["id"]]["tags"] == ["user_1"]
    assert [a["id"] for a in call("GET", "/v1/agents/?tags=user_1&source=prod").json()] == [
        made["id"]
    ]
    assert call("PATCH", url, {"name": "New", "tags": ["user_2"]}).json()["tags"] == ["user_2"]
    # The field is there at once; the tags are sent by the worker.
    there = letta.agents[made["id"]]
    assert (there["name"], there["tags"]) == ("New", ["user_1"])
    assert call("GET", url).json()["name"] == "New"
    assert call("DELETE", url).status_code == 200
    assert (letta.agents, call("GET", url).status_code) == ({}, 404)


def test_default_source_is_a_setting_that_a_body_can_overrule(
    letta: Letta, letta_source: AgentSource, settings: Any
) -> None:
    settings.DEFAULT_SOURCE = "prod"
    made = call("POST", "/v1/agents/", SEED).json()
    here = call("POST", "/v1/agents/", {**SEED, "source": ""}).json()
    assert list(letta.agents) == [made["id"]]
    assert Agent.objects.get(public_id=here["id"]).source_id is None


def test_repeated_request_creates_one_agent(letta: Letta, letta_source: AgentSource) -> None:
    token = make_token()
    answers = [
        call("POST", "/v1/agents/", BODY, token=token, Idempotency_Key="k") for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert [answer.json()["id"] for answer in answers] == list(letta.agents) * 2


def test_source_that_is_away_is_503_and_tags_are_accepted(
    letta: Letta, letta_source: AgentSource
) -> None:
    url = f"/v1/agents/{known(letta, letta_source).public_id}"
    letta.instead = lambda asked: Reply(503, {}, {"Retry-After": "9"})
    for answer in (
        call("PATCH", url, {"name": "New"}),
        call("DELETE", url),
        call("GET", f"{url}/core-memory/blocks"),
        call("POST", "/v1/agents/", BODY),
    ):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "9")
        assert answer.json()["code"] == "source_unavailable"
        assert letta.url not in answer.json()["detail"]
    assert call("PATCH", url, {"tags": ["vip"]}).json()["tags"] == ["vip"]
    assert call("POST", f"{url}/tags", {"add": ["x"]}).json() == {"tags": ["vip", "x"]}
    assert call("GET", url).json()["name"] == "Nova"


def test_memory_is_that_of_the_source(letta: Letta, letta_source: AgentSource) -> None:
    agent = known(letta, letta_source, blocks=[dict(BLOCK)])
    url = f"/v1/agents/{agent.public_id}/core-memory"
    (block,) = call("GET", f"{url}/blocks").json()
    assert (block["id"], block["value"], block["limit"]) == (BLOCK["id"], "Ann", 100_000)
    assert call("GET", url).json()["blocks"] == [block]
    whole = call("GET", f"/v1/agents/{agent.public_id}?include=agent.blocks").json()
    assert whole["blocks"] == whole["memory"]["blocks"] == [block]
    assert call("GET", f"/v1/agents/{agent.public_id}").json()["blocks"] == []
    assert call("PATCH", f"{url}/blocks/human", {"value": "Bob"}).json()["value"] == "Bob"
    assert call("GET", f"{url}/blocks/human").json()["value"] == "Bob"
    assert call("GET", f"{url}/blocks/none").status_code == 404
    assert call("PATCH", f"{url}/blocks/attach/{BLOCK['id']}").status_code == 409


def test_limited_key_makes_an_agent_of_its_user_only(
    letta: Letta, letta_source: AgentSource
) -> None:
    token = make_token(scope=Scope.WRITE, reach=Reach.of_tags(["user_1"]))
    made = call("POST", "/v1/agents/", {**SEED, "source": "prod"}, token=token).json()
    assert letta.agents[made["id"]]["tags"] == ["user_1"]
    other = call("POST", "/v1/agents/", {**BODY, "tags": ["user_2"]}, token=token)
    assert (other.status_code, len(letta.agents)) == (403, 1)


def test_unknown_source_is_422(letta_source: AgentSource) -> None:
    answer = call("POST", "/v1/agents/", {**BODY, "source": "x\0"})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "source"])
