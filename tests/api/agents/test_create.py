"""POST /v1/agents/"""

from typing import Any

import pytest

from agents.models import Agent, ChangeSet
from tests.api.calls import SEED, call, make_token, wheres
from tests.helpers import everything, make_agent

pytestmark = pytest.mark.django_db
URL = "/v1/agents/"


def test_it_works() -> None:
    response = call("POST", URL, SEED | {"tags": ["user_1"]})
    assert response.status_code == 200
    agent = response.json()
    assert agent["tags"] == ["user_1"]
    assert agent["model"] == "anthropic/claude-3-5-sonnet-20241022"
    assert agent["embedding"] == "openai/text-embedding-ada-002"
    assert agent["llm_config"]["context_window"] == 200000
    assert agent["name"] != ""
    assert [row.public_id for row in Agent.objects.all()] == [agent["id"]]


def test_llm_is_another_name_for_model() -> None:
    body = {name: value for name, value in SEED.items() if name != "model"}
    agent = call("POST", URL, body | {"llm": "anthropic/claude"}).json()
    assert agent["model"] == "anthropic/claude"


def test_everything_given_is_given_back() -> None:
    body = SEED | {
        "name": "Max",
        "description": "d",
        "system": "Be kind.",
        "metadata": {"k": [1, None, "x"]},
        "tags": ["b", "a", "b"],
        "timezone": "Europe/Berlin",
        "agent_type": "memgpt_agent",
        "tool_rules": [{"type": "exit_loop"}],
        "memory_blocks": [{"label": "human", "value": "Ann", "limit": 100, "description": "who"}],
    }
    agent = call("POST", URL, body).json()
    kept = ("name", "description", "system", "metadata", "timezone", "agent_type", "tool_rules")
    assert {name: agent[name] for name in kept} == {name: body[name] for name in kept}
    assert agent["tags"] == ["a", "b"]
    (block,) = agent["blocks"]
    assert (block["label"], block["value"], block["limit"], block["description"]) == (
        "human", "Ann", 100, "who",
    )  # fmt: skip
    assert agent["memory"]["blocks"] == agent["blocks"]


def test_configs_instead_of_handles() -> None:
    body = {
        "llm_config": {"model": "m", "model_endpoint_type": "openai", "context_window": 8000},
        "embedding_config": {"embedding_model": "e", "embedding_endpoint_type": "openai"},
    }
    agent = call("POST", URL, body).json()
    assert (agent["model"], agent["embedding"]) == ("openai/m", "openai/e")
    assert agent["llm_config"]["context_window"] == 8000


def test_an_answer_has_the_etag_of_its_agent() -> None:
    response = call("POST", URL, SEED)
    again = call("GET", f"{URL}{response.json()['id']}")
    assert response.headers["ETag"] == again.headers["ETag"]


def test_the_key_is_named_in_history() -> None:
    call("POST", URL, SEED, token=make_token(name="crm"))
    assert [row.actor_name for row in ChangeSet.objects.filter(act="create")] == ["API key “crm”"]


def test_unknown_fields_are_ignored() -> None:
    agent = call("POST", URL, SEED | {"brand_new": 1, "tags": None, "id": "x"}).json()
    assert agent["tags"] == []
    assert "brand_new" not in agent


@pytest.mark.parametrize("body", [{}, {"model": None}, {"tags": ["x"], "embedding": "a/b"}])
def test_no_model_is_400(body: dict[str, Any]) -> None:
    response = call("POST", URL, body)
    assert response.status_code == 400
    assert response.json() == {
        "detail": "INVALID_ARGUMENT: Must specify either model or llm_config in request",
        "code": "bad_request",
    }


def test_a_model_without_slash_is_400() -> None:
    assert call("POST", URL, SEED | {"model": "gpt-4o"}).status_code == 400


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("embedding", "ada", ["body", "embedding"]),
        ("tags", "x", ["body", "tags"]),
        ("tags", [1], ["body", "tags", 0]),
        ("tags", [""], ["body", "tags"]),
        ("tags", ["x" * 513], ["body", "tags"]),
        ("tags", ["a\u0007"], ["body", "tags"]),
        ("tags", [str(n) for n in range(1001)], ["body", "tags"]),
        ("name", 5, ["body", "name"]),
        ("name", " ", ["body", "name"]),
        ("context_window_limit", "5", ["body", "context_window_limit"]),
        ("context_window_limit", True, ["body", "context_window_limit"]),
        ("context_window_limit", -1, ["body", "context_window_limit"]),
        ("metadata", [], ["body", "metadata"]),
        ("memory_blocks", [{"value": "x"}], ["body", "memory_blocks", 0, "label"]),
        ("memory_blocks", [{"label": "a"}, {"label": "a"}], ["body", "memory_blocks"]),
        ("block_ids", ["x"], ["body", "block_ids", 0]),
    ],
)
def test_a_wrong_value_is_422_where_it_is_and_changes_nothing(
    field: str, value: Any, where: list[Any]
) -> None:
    token = make_token()
    call("GET", URL, token=token)  # its first use is written
    before = everything()
    assert wheres(call("POST", URL, SEED | {field: value}, token=token)) == [where]
    assert everything() == before


def test_a_tag_over_the_limit_names_the_limit() -> None:
    response = call("POST", URL, SEED | {"tags": ["x" * 513]})
    assert response.json()["detail"][0]["msg"] == "Tag is 513 characters; the limit is 512."


def test_a_block_that_exists_is_attached() -> None:
    first = call("POST", URL, SEED | {"memory_blocks": [{"label": "human"}]}).json()
    block_id = first["blocks"][0]["id"]
    second = call("POST", URL, SEED | {"block_ids": [block_id]}).json()
    assert second["blocks"] == first["blocks"]


def test_a_limited_key_makes_agents_with_its_tag() -> None:
    make_agent(tags=["user_1"])
    token = make_token(limit_tag="user_1", may_tag=["x"])
    assert call("POST", URL, SEED | {"tags": ["x"]}, token=token).json()["tags"] == ["user_1", "x"]
    refused = call("POST", URL, SEED | {"tags": ["user_2"]}, token=token)
    assert refused.status_code == 403


def test_a_read_key_makes_none() -> None:
    assert call("POST", URL, SEED, token=make_token(scope="read")).status_code == 403
    assert not Agent.objects.exists()


@pytest.mark.parametrize(
    "name",
    ["tag", "Tags", "TAGS", "tags[]", "tagz", "tag_names", "tagNames", "add_tags", "tag-ids"],
)
def test_a_misspelt_field_of_tags_is_refused_with_the_right_name(name: str) -> None:
    agent, token = make_agent(tags=["a"]), make_token()
    call("GET", "/v1/tags/", token=token)  # its first use is written
    before = everything()
    for method, url in (("POST", URL), ("PATCH", f"{URL}{agent.public_id}")):
        response = call(method, url, SEED | {name: ["user_1"]}, token=token)
        assert response.status_code == 422
        assert "Use `tags`." in response.json()["detail"][0]["msg"]
    assert everything() == before


@pytest.mark.parametrize("name", ["stage", "vintage", "flags", "labels", "brand_new_field"])
def test_other_unknown_fields_are_ignored_and_named(name: str) -> None:
    response = call("POST", URL, SEED | {name: ["x"]})
    assert (response.status_code, response.headers["X-ADE-Not-Kept"]) == (200, name)
    assert call("POST", URL, SEED | {"tag": None}).status_code == 200
