"""Agent files of every form that people have: older ones, other encodings, large and local ones."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agents.core.actors import Source, command_actor
from agents.core.errors import Invalid
from agents.core.json_text import loads
from agents.core.limits import BLOCK_VALUE_LENGTH, BLOCKS_PER_AGENT
from agents.domain.memory.write import BlockEdit, update_block
from agents.domain.transfer.agent_file import parse
from agents.domain.transfer.export import export_agent
from agents.domain.transfer.import_file import import_file
from agents.models import Agent, Block
from tests.helpers import ROOT, drift, tags_of

pytestmark = pytest.mark.django_db
ACTOR = command_actor("test", Source.IMPORT)
PERSONA = {"label": "persona", "value": "I am kind.", "limit": 5000, "is_template": False}


def legacy(**changes: Any) -> dict[str, Any]:
    """An agent as Letta wrote it before version 0.12."""
    return {
        "agent_type": "memgpt_agent",
        "core_memory": [{**PERSONA, "created_at": "2025-04-01T03:47:27", "metadata_": {"m": 1}}],
        "created_at": "2025-04-01T03:47:27",
        "description": "d",
        "embedding_config": {
            "embedding_model": "text-embedding-3-small",
            "embedding_endpoint_type": "openai",
            "embedding_dim": 1536,
        },
        "llm_config": {
            "model": "gpt-4.1",
            "model_endpoint_type": "openai",
            "context_window": 32000,
        },
        "in_context_message_indices": [0],
        "message_buffer_autoclear": False,
        "messages": [{"role": "system"}],
        "metadata_": {"k": "v"},
        "multi_agent_group": None,
        "name": "Legacy",
        "system": "s",
        "tags": [{"tag": "user_1"}, {"tag": "vip, gold"}],
        "tool_exec_environment_variables": [{"key": "K", "value": "v"}],
        "tool_rules": [{"tool_name": "x", "type": "run_first"}],
        "tools": [{"name": "t"}],
        "version": "0.10.0",
        **changes,
    }


def brought_in(content: object) -> Agent:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return import_file(parse(data), actor=ACTOR, again=True).made[0]


def blocks_of(agent: Agent) -> list[tuple[str, str, int]]:
    rows = Block.objects.filter(agentblock__agent=agent).order_by("id")
    return list(rows.values_list("label", "value", "limit"))


def test_the_older_form_comes_in_with_all_that_ade_keeps() -> None:
    data = json.dumps(legacy()).encode()
    assert parse(data).not_kept == ["1 tool", "1 message", "1 environment variable"]
    agent = brought_in(data)
    assert (agent.name, agent.model, agent.embedding, agent.context_window_limit) == (
        "Legacy",
        "openai/gpt-4.1",
        "openai/text-embedding-3-small",
        32000,
    )
    assert tags_of(agent) == ["user_1", "vip, gold"]
    assert loads(agent.detail.metadata) == {"k": "v"}
    assert loads(agent.detail.extra)["tool_rules"] == [{"tool_name": "x", "type": "run_first"}]
    assert blocks_of(agent) == [("persona", "I am kind.", 5000)]
    assert loads(Block.objects.get().metadata) == {"m": 1}
    assert drift() == []


@pytest.mark.parametrize("version", ["0.6.25", "0.7.0", "0.8.3", "0.9.1", "0.11.7", None])
@pytest.mark.parametrize("tags", [["user_1", "b"], [{"tag": "user_1"}, {"tag": "b"}]])
def test_every_older_version_and_both_forms_of_tags(version: str | None, tags: list[Any]) -> None:
    agent = brought_in(legacy(version=version, tags=tags))
    assert tags_of(agent) == ["b", "user_1"]


@pytest.mark.parametrize(
    "memory",
    [
        {"core_memory": [PERSONA]},
        {"core_memory": {"persona": "I am kind."}},
        {"core_memory": {"persona": {"value": "I am kind.", "limit": 5000}}},
        {"memory": {"blocks": [PERSONA], "prompt_template": "{% for %}", "file_blocks": []}},
        {"memory": {"memory": {"persona": {"value": "I am kind.", "limit": 5000}}}},
        {"memory": {"persona": "I am kind."}},
        {"blocks": [{**PERSONA, "id": "block-1"}], "memory": {"blocks": []}},
        {"memory_blocks": [PERSONA]},
    ],
)
def test_memory_in_every_form(memory: dict[str, Any]) -> None:
    whole = legacy()
    del whole["core_memory"]
    [(label, value, _)] = blocks_of(brought_in({**whole, **memory}))
    assert (label, value) == ("persona", "I am kind.")


def test_blocks_that_stand_inside_an_agent_of_the_current_form_come_in() -> None:
    agent = {"id": "agent-0", "name": "n", "model": "a/b", "memory_blocks": [PERSONA]}
    assert blocks_of(brought_in({"agents": [agent]})) == [("persona", "I am kind.", 5000)]


def test_a_record_of_a_local_letta_code_folder() -> None:
    agent = brought_in(
        {
            "id": "agent-local-48cac38a-381e-47bf-8b0c-238c650bde0c",
            "name": "Ann",
            "description": None,
            "system": "You are Ann.",
            "tags": ["user_1", "git-memory-enabled"],
            "model": "openai/gpt-5.5",
            "model_settings": {"provider_type": "openai", "context_window_limit": 272000},
            "hidden": True,
        }
    )
    assert (agent.model, agent.context_window_limit) == ("openai/gpt-5.5", 272000)
    assert tags_of(agent) == ["git-memory-enabled", "user_1"]
    extra = loads(agent.detail.extra)
    assert extra["model_settings"]["context_window_limit"] == 272000
    assert extra["hidden"] is True


@pytest.mark.parametrize(
    ("settings", "handle"), [({}, "local/nonsense"), ({"provider_type": "x"}, "x/nonsense")]
)
def test_a_local_model_without_a_provider(settings: dict[str, Any], handle: str) -> None:
    record = {"name": "n", "system": "", "tags": [], "model": "nonsense"}
    assert brought_in({**record, "model_settings": settings}).model == handle


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_encoding_of_json(encoding: str, wrapped: bool) -> None:
    text = json.dumps(legacy(name="Größe 🙂"), ensure_ascii=False)
    text = json.dumps(text, ensure_ascii=False) if wrapped else text
    assert brought_in(text.replace("\n", "\r\n").encode(encoding)).name == "Größe 🙂"


@pytest.mark.parametrize(
    "data", [b"\xff\xfe{", b"\xff\xfe\x00\xd8\x00\x00", b"{\x00}", b"\xfe\xff\x00"]
)
def test_broken_utf16_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        parse(data)
    assert "JSON" in refused.value.message or "looks like UTF-16" in refused.value.message


@pytest.mark.parametrize(
    "value", [{}, {"name": "x"}, {"name": "x", "version": "1"}, {"model": "a/b", "tags": []}]
)
def test_other_json_is_no_agent_file(value: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        parse(json.dumps(value).encode())
    assert refused.value.message.startswith("is no agent file: ")


@pytest.mark.parametrize("number", [149, BLOCKS_PER_AGENT])
def test_an_agent_with_many_blocks_comes_back_equal(number: int) -> None:
    ids = [f"block-{n}" for n in range(number)]
    agent = {"id": "agent-0", "name": "n", "model": "a/b", "block_ids": ids}
    blocks = [{"id": key, "label": key, "value": "v", "limit": 20} for key in ids]
    first = brought_in({"agents": [agent], "blocks": blocks})
    exported = export_agent(first.public_id, actor=ROOT)
    second = brought_in(exported)
    assert len(blocks_of(first)) == number
    assert blocks_of(second) == blocks_of(first)


def test_one_block_more_than_an_agent_can_have_is_refused() -> None:
    core_memory = [{**PERSONA, "label": f"l{n}"} for n in range(BLOCKS_PER_AGENT + 1)]
    with pytest.raises(Invalid) as refused:
        parse(json.dumps(legacy(core_memory=core_memory)).encode())
    assert f"at most {BLOCKS_PER_AGENT} memory blocks" in refused.value.message


def test_a_limit_below_its_value_comes_back_as_it_was() -> None:
    first = brought_in(legacy(core_memory=[{**PERSONA, "limit": 3}]))
    second = brought_in(export_agent(first.public_id, actor=ROOT))
    assert blocks_of(first) == blocks_of(second) == [("persona", "I am kind.", 3)]
    # What does not touch the value can be edited; a new value has to fit.
    edit = BlockEdit(description="d", value="I am kind.")
    update_block(agent_id=first.public_id, label="persona", actor=ROOT, edit=edit)
    with pytest.raises(Invalid):
        update_block(agent_id=first.public_id, label="persona", actor=ROOT, value="I am mean.")


@pytest.mark.parametrize("limit", [0, -1, BLOCK_VALUE_LENGTH + 1, 2**40])
def test_a_limit_that_ade_cannot_store_is_reported(limit: int) -> None:
    file = parse(json.dumps(legacy(core_memory=[{**PERSONA, "limit": limit}])).encode())
    stored = file.agents[0].blocks[0].limit
    assert stored == (1 if limit < 1 else BLOCK_VALUE_LENGTH)
    note = f"the limit of block “persona” ({limit:,} is {stored:,} here)"
    assert file.not_kept[-1] == note


# --- Files from outside ------------------------------------------------------------------------

FOLDER = os.environ.get("ADE_REFERENCE_DIR")


@pytest.mark.skipif(not FOLDER, reason="ADE_REFERENCE_DIR names no folder of real agent files")
def test_real_files_come_in_with_all_their_tags() -> None:
    paths = [*Path(FOLDER or "").rglob("*.af")]
    assert paths
    for path in paths:
        data = path.read_bytes()
        value = json.loads(data.decode(json.detect_encoding(data)))
        value = json.loads(value) if isinstance(value, str) else value
        made = import_file(parse(data), actor=ACTOR, again=True).made
        listed = value.get("agents", [value])
        for agent, raw in zip(made, listed, strict=True):
            assert tags_of(agent) == sorted(raw.get("tags") or []), path.name
