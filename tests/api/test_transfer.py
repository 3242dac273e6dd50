"""/v1/agents/{id}/export and /v1/agents/import"""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.core.tag_text import problem
from agents.domain.memory.new import NewBlock
from agents.models import Agent
from tests.api.calls import call, make_token
from tests.helpers import everything, make_agent

pytestmark = pytest.mark.django_db
URL = "/v1/agents/import"
FILE = {"agents": [{"id": "agent-0", "name": "Max", "model": "a/b", "tags": ["x"]}]}
# What an agent made from another's file has of its own.
OWN = ("id", "created_at", "updated_at")

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
tags = texts.filter(lambda text: problem(text) is None)


def export(agent_id: str, *, token: str | None = None, query: str = "") -> HttpResponse:
    return call("GET", f"/v1/agents/{agent_id}/export{query}", token=token)


def upload(data: Any, *, token: str | None = None, file: str = "a.af", **form: str) -> HttpResponse:
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    headers = {"Authorization": f"Bearer {token or make_token()}"}
    sent = SimpleUploadedFile(file, content)
    return Client(headers=headers).post(URL, {"file": sent, **form})


def state(agent_id: str) -> dict[str, Any]:
    """The agent without what every agent has of its own."""
    value: dict[str, Any] = call("GET", f"/v1/agents/{agent_id}").json()
    for block in value["blocks"] + value["memory"]["blocks"]:
        del block["id"]
    return {name: value[name] for name in value if name not in OWN}


def again(agent_id: str) -> str:
    """The id of the agent that comes of exporting and importing one."""
    response = upload(export(agent_id).json(), append_copy_suffix="false")
    assert response.status_code == 200, response.content
    [made] = response.json()["agent_ids"]
    return str(made)


def test_an_agent_comes_back_as_it_was() -> None:
    body = {
        "name": "Ann's", "model": "openai/gpt-4.1", "context_window_limit": 9000, "system": "Be.",
        "embedding": "openai/text-embedding-3-large", "description": "d", "metadata": {"k": [1]},
        "tags": ["user_1", "a,b", " c "], "timezone": "Europe/Riga", "hidden": True,
        "tool_rules": [{"tool_name": "x", "type": "run_first"}], "project_id": "p",
        "memory_blocks": [{"label": "human", "value": "Ann", "limit": 20, "read_only": True,
                           "metadata": {"m": 1}, "tags": ["t"]}, {"label": "a/b"}],
    }  # fmt: skip
    agent = call("POST", "/v1/agents/", body).json()["id"]
    made = again(agent)
    assert made != agent
    assert state(made) == state(agent)
    assert export(made).json()["agents"] == export(agent).json()["agents"]


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(tags, max_size=5, unique=True),
    name=texts.filter(str.strip),
    system=texts,
    labels=st.lists(texts.filter(bool), max_size=3, unique=True),
    value=texts,
    window=st.none() | st.sampled_from([1, 128_000, 200_000]),
)
def test_whatever_its_texts_it_comes_back_as_it_was(
    names: list[str],
    name: str,
    system: str,
    labels: list[str],
    value: str,
    window: int | None,
) -> None:
    agent = make_agent(
        tags=names,
        name=name,
        system=system,
        context_window_limit=window,
        blocks=[NewBlock(label, value) for label in labels],
    )
    made = again(agent.public_id)
    assert state(made) == state(agent.public_id)
    assert Agent.objects.get(public_id=made).context_window_limit == window


def test_what_the_request_says_wins() -> None:
    def first(**form: str) -> Agent:
        return Agent.objects.get(public_id=upload(FILE, **form).json()["agent_ids"][0])

    assert first().name == "Max_copy"
    assert first(append_copy_suffix="true").name == "Max_copy"
    assert first(append_copy_suffix="false").name == "Max"
    assert first(override_name="Eve").name == first(name="Eve").name == "Eve"
    assert first(model="c/d").model == first(override_model_handle="c/d").model == "c/d"
    assert first(embedding="e/f").embedding == "e/f"
    assert first(override_embedding_handle="e/f").embedding == "e/f"
    assert Agent.objects.count() == 9


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"agents": []}', b'{"agents": [1]}',
        b"[" * 100_000, b'{"agents": ' + b"9" * 5000 + b"}",
        {"agents": [{"id": "a", "name": "x", "model": "a/b", "tags": [""]}]},
        {"agents": [{"id": "a", "name": "x", "model": "a/b", "tags": ["a\0"]}]},
        {"agents": [{"id": "a", "name": "x", "model": "a/b", "tags": [5]}]},
        {"agents": [{"id": "a", "name": "x", "model": "a/b c\0"}]},
        {"agents": [{"id": "a", "name": "x", "model": "a/b", "block_ids": ["gone"]}]},
        {"agents": [{"id": "a", "name": "x", "model": "a/b",
                     "tags": [str(n) for n in range(20_000)]}]},
    ],
)  # fmt: skip
def test_a_bad_file_is_400_and_changes_nothing(data: Any) -> None:
    token = make_token()
    call("GET", "/v1/tags/", token=token)
    before = everything()
    response = upload(data, token=token, file="bad\r\n.af")
    assert (response.status_code, everything() == before) == (400, True)
    assert response.json()["detail"].startswith("The file “")


def test_one_bad_agent_keeps_out_all_of_a_file() -> None:
    data = {"agents": [*FILE["agents"], {"id": "b", "model": "a/b", "tags": [""]}]}
    assert upload(data).status_code == 400
    assert upload(FILE, model="nohandle").status_code == 400
    assert upload(FILE, append_copy_suffix="maybe").status_code == 422
    assert not Agent.objects.exists()


def test_no_file_is_422() -> None:
    response = call("POST", URL, {})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][-1] == "file"
    assert call("POST", URL, {"file": "text"}).status_code == 422


def test_options_of_an_export() -> None:
    agent = make_agent().public_id
    assert export(agent, query="?scrub_messages=true").json()["agents"][0]["messages"] == []
    assert export(agent, query="?use_legacy_format=true").status_code == 400
    assert export("agent-123e4567-e89b-42d3-8456-426614174000").status_code == 404
    assert export("nope").status_code == 422


def test_a_limited_key_exports_and_imports_its_own() -> None:
    token = make_token(limit_tag="user_1", may_tag=["x"])
    mine, other = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    assert export(mine.public_id, token=token).status_code == 200
    assert export(other.public_id, token=token).status_code == 404
    made = upload(FILE, token=token).json()["agent_ids"][0]
    assert call("GET", f"/v1/agents/{made}", token=token).json()["tags"] == ["user_1", "x"]
    foreign = {"agents": [FILE["agents"][0] | {"tags": ["user_2"]}]}
    assert upload(foreign, token=token).status_code == 403
