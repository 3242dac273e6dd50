"""What a client writes to an agent is what it reads back, or is named as not kept."""

from typing import Any, get_type_hints

import pytest
from letta_client.types import agent_create_params, agent_update_params

from agents.models import Change
from tests.api.calls import call, make_token, wheres

pytestmark = pytest.mark.django_db

NEW = {"model": "openai/gpt-4.1", "embedding": "openai/text-embedding-3-small"}
# One value for every field that the SDK's update takes and that needs no other row.
WRITTEN: dict[str, Any] = {
    "base_template_id": "t1",
    "compaction_settings": {"mode": "all"},
    "context_window_limit": 9000,
    "description": "d",
    "embedding": "openai/text-embedding-3-large",
    "enable_sleeptime": True,
    "folder_ids": ["folder-1"],
    "hidden": True,
    "last_run_completion": "2026-01-01T00:00:00Z",
    "last_run_duration_ms": 5,
    "last_stop_reason": "end_turn",
    "max_files_open": 3,
    "max_tokens": 700,
    "message_buffer_autoclear": True,
    "message_ids": ["message-1"],
    "metadata": {"a": 1},
    "model": "openai/gpt-5",
    "model_settings": {"provider_type": "openai", "temperature": 0.5},
    "name": "n",
    "parallel_tool_calls": True,
    "per_file_view_window_char_limit": 10,
    "project_id": "p",
    "reasoning": True,
    "response_format": {"type": "json_object"},
    "source_ids": ["source-1"],
    "system": "s",
    "tags": ["user_1"],
    "template_id": "t2",
    "timezone": "Europe/Berlin",
    "tool_ids": ["tool-1"],
    "tool_rules": [{"type": "exit_loop", "tool_name": "x"}],
}
SECRET = ("secrets", "tool_exec_environment_variables")
ROWS = ("block_ids", "identity_ids", "llm_config", "embedding_config")


def make(**fields: Any) -> Any:
    response = call("POST", "/v1/agents/", NEW | fields)
    assert response.status_code == 200, response.content
    return response.json()


def patched(agent: Any, body: Any, status: int = 200) -> Any:
    response = call("PATCH", f"/v1/agents/{agent['id']}", body)
    assert response.status_code == status, response.content
    return response


def test_the_table_has_every_field_of_the_sdk() -> None:
    names = set(get_type_hints(agent_update_params.AgentUpdateParams))
    assert names == {*WRITTEN, *SECRET, *ROWS}


@pytest.mark.parametrize("name", WRITTEN)
def test_each_field_of_an_update_is_read_back(name: str) -> None:
    agent = make()
    response = patched(agent, {name: WRITTEN[name]})
    assert "X-ADE-Not-Kept" not in response.headers
    read = call("GET", f"/v1/agents/{agent['id']}").json()
    if name == "context_window_limit":  # Letta gives it back in llm_config only
        read, name = read["llm_config"], "context_window"
        assert read[name] == WRITTEN["context_window_limit"]
        return
    assert read[name] == response.json()[name] == WRITTEN[name]


# Other tests write these.
ELSEWHERE = {*ROWS, *SECRET, "memory_blocks", "tools", "context_window_limit"}
CREATED = get_type_hints(agent_create_params.AgentCreateParams).keys() - ELSEWHERE


@pytest.mark.parametrize("name", sorted(CREATED))
def test_each_field_of_a_creation_is_read_back_or_named(name: str) -> None:
    value = WRITTEN.get(name, {"agent_type": "memgpt_agent", "enable_reasoner": True}.get(name, 7))
    response = call("POST", "/v1/agents/", NEW | {name: value})
    assert response.status_code in (200, 422), response.content
    if response.status_code == 200:
        kept = response.json().get(name) == value
        assert kept != (name in response.headers.get("X-ADE-Not-Kept", ""))


@pytest.mark.parametrize("name", SECRET)
def test_secrets_keep_their_names_and_lose_their_values(name: str) -> None:
    agent = make()
    response = patched(agent, {name: {"KEY_B": "hush", "KEY_A": "hush"}})
    assert response.headers["X-ADE-Not-Kept"] == name
    assert [one["key"] for one in response.json()[name]] == ["KEY_A", "KEY_B"]
    assert b"hush" not in call("GET", f"/v1/agents/{agent['id']}").content
    assert not Change.objects.filter(new__contains="hush").exists()


def test_unknown_fields_are_named_in_the_answer_and_in_history() -> None:
    response = call("POST", "/v1/agents/", NEW | {"brand_new": 1, "nothing": None, "é": 2})
    assert response.headers["X-ADE-Not-Kept"] == "brand_new, ?"
    agent = response.json()
    assert patched(agent, {"include_base_tools": True}).headers["X-ADE-Not-Kept"] == (
        "include_base_tools"
    )
    written = Change.objects.filter(agent_id=agent["id"], field="not kept").order_by("id")
    assert [one.new for one in written] == ["brand_new, ?", "include_base_tools"]


def test_unknown_fields_of_blocks_and_identities_are_named() -> None:
    block = call("POST", "/v1/blocks/", {"label": "a", "colour": "red"})
    assert block.headers["X-ADE-Not-Kept"] == "colour"
    with_block = call(
        "POST", "/v1/agents/", NEW | {"memory_blocks": [{"label": "a", "colour": "red"}]}
    )
    assert with_block.headers["X-ADE-Not-Kept"] == "memory_blocks.colour"
    identity = {"identifier_key": "k", "name": "n", "identity_type": "user", "block_ids": ["b"]}
    response = call("POST", "/v1/identities/", identity)
    assert response.status_code == 200
    assert response.headers["X-ADE-Not-Kept"] == "block_ids"


def test_tools_given_by_name_are_read_back_and_can_be_found() -> None:
    agent = make(tools=["send_message", "mine"], tool_ids=["tool-x"])
    tools = {tool["name"]: tool["id"] for tool in agent["tools"]}
    assert set(tools) == {"send_message", "mine", None}
    listed = {tool["name"]: tool["id"] for tool in call("GET", "/v1/tools/").json()}
    assert listed["send_message"] == tools["send_message"]
    assert [one["name"] for one in call("GET", "/v1/tools/?name=memory").json()] == ["memory"]
    (_, *kept) = agent["tool_ids"]
    read = patched(agent, {"tool_ids": kept}).json()
    assert read["tool_ids"] == kept
    assert call("GET", f"/v1/agents/{agent['id']}/tools").json() == read["tools"]
    assert call("POST", "/v1/tools/", {"source_code": "x"}).status_code == 501


def test_what_was_read_can_be_written_back() -> None:
    agent = make(tools=["send_message"], secrets={"KEY": "x"}, tool_ids=["tool-x"])
    names = set(get_type_hints(agent_update_params.AgentUpdateParams)) | {"tools"}
    whole = {name: agent[name] for name in names if agent.get(name) is not None}
    read = patched(agent, whole).json()
    moving = ("updated_at",)
    assert {n: v for n, v in read.items() if n not in moving} == (
        {n: v for n, v in agent.items() if n not in moving}
    )


@pytest.mark.parametrize("name", ["tag", "Tags", "tags[]", "toolIds"])
def test_a_misspelt_field_is_refused_with_a_hint(name: str) -> None:
    response = call("POST", "/v1/agents/", NEW | {name: ["user_1"]})
    assert wheres(response) == [["body", name]]
    assert "Use `t" in response.json()["detail"][0]["msg"]
    assert wheres(call("PATCH", f"/v1/agents/{make()['id']}", {name: ["x"]})) == [["body", name]]


def test_tags_are_not_added_by_a_body_of_tags() -> None:
    url = f"/v1/agents/{make()['id']}/tags"
    assert wheres(call("POST", url, {"tags": ["a"]})) == [["body", "tags"]]


def test_tool_rules_count_once() -> None:
    rule = {"type": "exit_loop", "tool_name": "x"}
    assert make(tool_rules=[rule, dict(rule)])["tool_rules"] == [rule]


@pytest.mark.parametrize(
    "writes",
    [
        [{"model_settings": {"provider_type": "openai", "temperature": 0.2}}],
        [{"model_settings": {"temperature": 0.2}}, {"llm_config": {"temperature": 0.9}}],
        [{"model_settings": {"max_output_tokens": 5}}, {"max_tokens": 6}],
        [{"max_tokens": 6}, {"model_settings": {"max_output_tokens": 5}}],
        [{"model_settings": {"temperature": 0.2}, "llm_config": {"temperature": 0.9}}],
        [{"model_settings": {"temperature": 0.2}}, {"model": "openai/other"}],
        [{"model_settings": {"temperature": 0.2}}, {"llm_config": {"max_tokens": 9}}],
        [{"model_settings": {"thinking": {"type": "enabled"}}}, {"reasoning": False}],
        [{"response_format": {"type": "text"}}, {"llm_config": {"response_format": None}}],
    ],
)
def test_model_settings_and_llm_config_agree(writes: list[Any]) -> None:
    agent = make()
    config = agent["llm_config"]
    for body in writes:
        if "llm_config" in body:
            body = body | {"llm_config": config | body["llm_config"]}
        agent = patched(agent, body).json()
    config, settings = agent["llm_config"], agent["model_settings"] or {}
    pairs = {"temperature": "temperature", "max_output_tokens": "max_tokens"}
    for name, other in pairs.items():
        if name in settings:
            assert settings[name] == config[other]
    if "thinking" in settings:
        assert config["enable_reasoner"] is (settings["thinking"]["type"] != "disabled") is False
    if "max_tokens" in agent:
        assert agent["max_tokens"] == config["max_tokens"]
    assert agent["response_format"] == config.get("response_format")


def test_settings_of_another_provider_end_with_its_model() -> None:
    agent = make(model_settings={"provider_type": "openai", "temperature": 0.2})
    settings = patched(agent, {"model": "anthropic/x"}).json()["model_settings"]
    assert (settings["provider_type"], settings["temperature"]) == ("anthropic", 1.0)


@pytest.mark.parametrize(
    ("model", "own"),
    [
        ("openai/gpt-4o-mini", {"max_output_tokens": 16384, "strict": False, "reasoning": {"reasoning_effort": "minimal"}}),
        ("anthropic/claude", {"max_output_tokens": 16384, "strict": False, "verbosity": None, "effort": None,
                              "thinking": {"type": "disabled", "budget_tokens": 1024}}),
        ("groq/x", {}),
    ],
)  # fmt: skip
def test_model_settings_that_nobody_wrote_come_from_the_config(
    model: str, own: dict[str, Any]
) -> None:
    provider = model.partition("/")[0]
    common = {"parallel_tool_calls": True, "provider_type": provider, "temperature": 1.0, "response_format": None}  # fmt: skip
    agent = make(model=model)
    assert agent["model_settings"] == common | own
    assert patched(agent, {"name": "other"}).json()["model_settings"] == common | own
    config = agent["llm_config"] | {"temperature": 0.5, "max_tokens": 9}
    settings = patched(agent, {"llm_config": config}).json()["model_settings"]
    assert (settings["temperature"], settings["max_output_tokens"]) == (0.5, 9)


def test_block_ids_replace_the_set() -> None:
    agent = make(memory_blocks=[{"label": "one"}, {"label": "two"}])
    new = call("POST", "/v1/blocks/", {"label": "three"}).json()["id"]
    kept = agent["blocks"][1]["id"]
    read = patched(agent, {"block_ids": [kept, new, new]}).json()
    assert [block["label"] for block in read["blocks"]] == ["two", "three"]
    assert patched(agent, {"block_ids": []}).json()["blocks"] == []
    assert call("GET", f"/v1/blocks/{kept}").status_code == 200
    fields = Change.objects.filter(agent_id=agent["id"]).values_list("field", flat=True)
    assert {"block one", "block two", "block three"} <= set(fields)


def test_block_ids_that_cannot_be_attached_change_nothing() -> None:
    agent = make(memory_blocks=[{"label": "one"}])
    nobody = "block-00000000-0000-4000-8000-000000000000"
    patched(agent, {"block_ids": [nobody], "name": "new"}, 404)
    twins = [call("POST", "/v1/blocks/", {"label": "x"}).json()["id"] for _ in range(2)]
    patched(agent, {"block_ids": twins}, 422)
    read = call("GET", f"/v1/agents/{agent['id']}").json()
    assert ([block["label"] for block in read["blocks"]], read["name"]) == (["one"], agent["name"])
    token = make_token(limit_tag="user_1")
    mine = call("POST", "/v1/agents/", NEW, token=token).json()["id"]
    body = {"block_ids": [twins[0]]}
    assert call("PATCH", f"/v1/agents/{mine}", body, token=token).status_code == 404
    assert wheres(call("PATCH", f"/v1/agents/{mine}", {"block_ids": ["x"]})) == [
        ["body", "block_ids", 0]
    ]


def test_the_answer_for_one_agent_has_its_blocks() -> None:
    sdk = {"X_Stainless_Package_Version": "1.12.1"}
    agent = make(memory_blocks=[{"label": "one"}])
    for query in ("", "?include=agent.tags"):
        read = call("GET", f"/v1/agents/{agent['id']}{query}", **sdk).json()
        assert [block["label"] for block in read["blocks"]] == ["one"]
