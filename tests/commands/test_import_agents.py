"""manage.py import_agents: real agent files come in, broken ones change nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.core.errors import Invalid
from agents.core.json_text import loads
from agents.domain.transfer.agent_file import parse
from agents.domain.upkeep import recount
from agents.models import Agent, AgentBlock, Block, Change, ChangeSet, Tag
from tests.helpers import tags_of

pytestmark = pytest.mark.django_db

AGENT = {
    "id": "agent-0",
    "name": "Nova",
    "system": "You are Nova.",
    "description": "Helps",
    "llm_config": {"model": "gpt-4o", "model_endpoint_type": "openai", "context_window": 32000},
    "embedding_config": {"embedding_model": "ada", "embedding_endpoint_type": "openai"},
    "metadata": {"a": [1, None]},
    "tags": ["user_1", "vip, gold"],
    "block_ids": ["block-0"],
    "agent_type": "memgpt_agent",
    "tool_rules": [{"tool_name": "x", "type": "run_first"}],
    "timezone": "Europe/Riga",
    "messages": [{"role": "user"}],
}
BLOCK = {"id": "block-0", "label": "human", "value": "Ada", "limit": 2, "description": "who"}


def agent_file(*agents: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"agents": list(agents), "blocks": [BLOCK], "tools": [{"name": "t"}], **more}


def write(folder: Path, content: object, name: str = "one.af") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    call_command("import_agents", *map(str, arguments))
    return capsys.readouterr().out.splitlines()


def everything() -> list[int]:
    return [model.objects.count() for model in (Agent, Block, Tag, Change, ChangeSet)]


def test_it_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, agent_file(AGENT))
    lines = run(capsys, path)
    agent = Agent.objects.get()
    assert lines == [
        f"{path}: imported “Nova” as {agent.public_id}, openai/gpt-4o, 1 block, 2 tags",
        f"{path}: not kept: 1 tool, 1 message",
    ]
    assert (agent.name, agent.description, agent.model, agent.embedding) == (
        "Nova",
        "Helps",
        "openai/gpt-4o",
        "openai/ada",
    )
    assert agent.context_window_limit == 32000
    assert tags_of(agent) == ["user_1", "vip, gold"]
    assert agent.detail.system == "You are Nova."
    assert loads(agent.detail.metadata) == {"a": [1, None]}
    extra = loads(agent.detail.extra)
    assert extra["agent_type"] == "memgpt_agent"
    assert extra["tool_rules"] == [{"tool_name": "x", "type": "run_first"}]
    assert extra["timezone"] == "Europe/Riga"
    block = Block.objects.get()
    # The file's limit is below its text already; both are kept.
    assert (block.label, block.value, block.limit, block.description) == ("human", "Ada", 2, "who")
    assert ChangeSet.objects.get().act == "import"
    assert recount.differences() == []


def test_json_inside_a_json_string_imports(tmp_path: Path) -> None:
    call_command("import_agents", str(write(tmp_path, json.dumps(agent_file(AGENT)))))
    assert Agent.objects.get().name == "Nova"


def test_agents_that_share_a_block_go_on_sharing_it(tmp_path: Path) -> None:
    second = {**AGENT, "id": "agent-1", "name": "Vega"}
    call_command("import_agents", str(write(tmp_path, agent_file(AGENT, second))))
    assert Block.objects.count() == 1
    assert AgentBlock.objects.count() == 2


def test_same_file_again_makes_no_second_agent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, agent_file(AGENT))
    run(capsys, path)
    before = everything()
    assert run(capsys, path) == [
        f"{path}: “Nova” was already imported as {Agent.objects.get().public_id}"
    ]
    assert everything() == before


def test_again_makes_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, agent_file(AGENT))
    run(capsys, path)
    run(capsys, path, "--again")
    assert Agent.objects.count() == 2


def test_only_the_agents_that_are_missing_are_made(tmp_path: Path) -> None:
    second = {**AGENT, "id": "agent-1", "name": "Vega"}
    call_command("import_agents", str(write(tmp_path, agent_file(AGENT))))
    call_command("import_agents", str(write(tmp_path, agent_file(AGENT, second))))
    assert sorted(Agent.objects.values_list("name", flat=True)) == ["Nova", "Vega"]


def test_tag_is_given_to_every_agent(tmp_path: Path) -> None:
    path = write(tmp_path, agent_file({**AGENT, "tags": None}))
    call_command("import_agents", str(path), "--tag", "user_2", "--tag", "a b")
    assert tags_of(Agent.objects.get()) == ["a b", "user_2"]


def test_illegal_tag_option_is_refused_where_it_was_typed(tmp_path: Path) -> None:
    path = write(tmp_path, agent_file(AGENT))
    with pytest.raises(CommandError) as refused:
        call_command("import_agents", str(path), "--tag", "")
    assert str(refused.value) == "--tag: Tag is empty."
    assert everything() == [0] * 5


WHOLE = json.dumps(agent_file(AGENT)).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WHOLE[:-20], "is not valid JSON: Input data was truncated."),
        ([], "is no agent file: it contains a list, not an object."),
        (b"", "is empty."),
        (b" \n", "is empty."),
        (b"\x00\xff\xfe\x01", "is not valid JSON: JSON is malformed: invalid character (byte 0)."),
        (b"[" * 100_000, "is nested too deep."),
        (json.dumps(json.dumps("text")).encode(), "is not valid JSON: JSON is malformed: invalid character (byte 4)."),
        ({"tools": []}, "is no agent file: it has neither “agents” nor the fields of a single agent."),
        (
            {"core_memory": []},
            "is no agent file: it has neither “agents” nor the fields of a single agent.",
        ),
        ({"agents": []}, "contains no agents."),
        ({"agents": {}}, "is no agent file: Expected `array`, got `object` - at `$.agents`."),
        (
            agent_file({**AGENT, "name": 3}),
            "is no agent file: Expected `str`, got `int` - at `$.agents[0].name`.",
        ),
        (
            agent_file({**AGENT, "tags": "user_1"}),
            "is no agent file: Expected `array | null`, got `str` - at `$.agents[0].tags`.",
        ),
        (
            agent_file({**AGENT, "tags": [1]}),
            "is no agent file: Expected `str`, got `int` - at `$.agents[0].tags[0]`.",
        ),
        (agent_file({**AGENT, "tags": ["ok", ""]}), "agent “Nova”: Tag is empty."),
        (
            agent_file({**AGENT, "tags": ["a\0b"]}),
            "agent “Nova”: Tag “a⟨U+0000⟩b” contains a NUL character.",
        ),
        (agent_file({**AGENT, "system": "a\0"}), "agent “Nova”: system contains a NUL character."),
        (
            agent_file({**AGENT, "llm_config": None}),
            "agent “Nova”: INVALID_ARGUMENT: Must specify either model or llm_config in request",
        ),
        (
            agent_file({**AGENT, "block_ids": ["block-9"]}),
            "agent “Nova”: the file has no block “block-9”, which it names.",
        ),
        (
            agent_file({**AGENT, "metadata": json.loads("[" * 80 + "]" * 80)}),
            "is no agent file: Expected `object | null`, got `array` - at `$.agents[0].metadata`.",
        ),
        (
            agent_file({**AGENT, "metadata": {"a": json.loads("[" * 80 + "]" * 80)}}),
            "agent “Nova”: metadata is nested deeper than 64 levels.",
        ),
        # The first agent is good: nothing of the file comes in.
        (agent_file(AGENT, {**AGENT, "tags": [""]}), "agent “Nova”: Tag is empty."),
    ],
)  # fmt: skip
def test_broken_file_is_refused_in_one_line_and_changes_nothing(
    content: object, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(CommandError) as refused:
        call_command("import_agents", str(path))
    assert str(refused.value) == "Refused 1 of 1 files. Refused files changed nothing."
    assert capsys.readouterr().err.splitlines() == [f"{path}: refused: {reason}"]
    assert everything() == [0] * 5


def test_directory_and_missing_file_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError):
        call_command("import_agents", str(tmp_path), str(tmp_path / "none.af"))
    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path}: refused: is a folder without agent files (.af, .json or .zip).",
        f"{tmp_path / 'none.af'}: refused: cannot be read: No such file or directory.",
    ]


def test_good_files_come_in_beside_a_refused_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = write(tmp_path, agent_file(AGENT)), write(tmp_path, [], "bad.af")
    with pytest.raises(CommandError) as refused:
        call_command("import_agents", str(bad), str(good))
    assert str(refused.value) == "Refused 1 of 2 files. Refused files changed nothing."
    assert Agent.objects.get().name == "Nova"


def test_control_characters_of_a_path_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, [], "a\x1b[2Jb.af")
    with pytest.raises(CommandError):
        call_command("import_agents", str(path))
    assert "\x1b" not in capsys.readouterr().err


def test_too_large_a_file_is_refused(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    with pytest.raises(Invalid) as refused:
        parse(b" " * 11)
    assert refused.value.message == "is 11 bytes; the limit is 10."


@pytest.mark.parametrize(
    ("name", "agents"),
    [
        ("customer_service.af", [("customer_service", 2, [])]),
        ("evie.af", [("Evie", 12, []), ("companion-sleeptime_copy", 13, [])]),
        ("loop.af", [("Loop", 9, ["origin:letta-chat", "view:letta-chat"])]),
        ("memgpt_agent_with_convo.af", [("memgpt_agent", 2, [])]),
    ],
)
def test_real_file_imports(
    name: str, agents: list[tuple[str, int, list[str]]], reference_dir: Path
) -> None:
    path = reference_dir / "letta" / "agent-files" / name
    call_command("import_agents", str(path), verbosity=0)
    found = [
        (agent.name, agent.agentblock_set.count(), tags_of(agent))
        for agent in Agent.objects.order_by("seq")
    ]
    assert found == agents
    before = everything()
    call_command("import_agents", str(path))
    assert everything() == before
    assert recount.differences() == []


def test_real_file_cut_short_is_refused(reference_dir: Path, tmp_path: Path) -> None:
    data = (reference_dir / "letta" / "agent-files" / "evie.af").read_bytes()
    with pytest.raises(CommandError):
        call_command("import_agents", str(write(tmp_path, data[: len(data) // 2])))
    assert everything() == [0] * 5
