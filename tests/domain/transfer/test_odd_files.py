"""Agent files with gaps: missing names, nulls, handles without a provider, lists, wrapped JSON."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from agents.core.actors import Source, command_actor
from agents.core.errors import Invalid
from agents.domain.transfer.agent_file import parse
from agents.domain.transfer.export import export_agent
from agents.domain.transfer.import_file import import_file
from agents.domain.transfer.many_files import parse_files
from agents.models import Agent, AgentBlock, Block
from tests.helpers import ROOT, tags_of
from tests.views.browsing import signed_in

pytestmark = pytest.mark.django_db
ACTOR = command_actor("test", Source.IMPORT)
AGENT = {"id": "agent-0", "name": "n", "model": "a/b", "tags": ["user_1", "b"]}
BLOCK = {"label": "persona", "value": "v", "limit": 50}


def imported(content: object) -> list[Agent]:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return import_file(parse(data), actor=ACTOR, again=True).made


def labels(agent: Agent) -> list[str]:
    return sorted(AgentBlock.objects.filter(agent=agent).values_list("label", flat=True))


@pytest.mark.parametrize(
    "agent",
    [
        {"name": None},
        {"name": " "},
        {"id": None},
        {"model": None, "llm_config": {"handle": "a/b", "model": "b"}},
        {"model": "b", "llm_config": {"model": "b", "model_endpoint_type": "a"}},
        {"model": "", "llm_config": {"model": "b", "provider_name": "a"}},
        {"llm_config": None, "embedding_config": None, "metadata": None, "block_ids": None},
        {"system": None, "description": None, "tool_rules": None, "messages": None},
        {"hidden": None, "timezone": None, "message_buffer_autoclear": None},
        {"embedding": "text-embedding-3-small"},
        {"embedding_config": {"embedding_model": "m", "embedding_dim": 8}},
        {"tags": [{"tag": "user_1"}, {"tag": "b"}, {"name": "b"}]},
        {"unknown": [{"deep": 1}], "created_at": "nonsense", "memory": 5},
    ],
)
@pytest.mark.parametrize("single", [False, True])
def test_gaps_are_filled_and_all_tags_come_in(agent: dict[str, Any], single: bool) -> None:
    whole = AGENT | {"system": "s"} | agent
    [made] = imported(whole if single else {"agents": [whole], "blocks": None})
    assert tags_of(made) == ["b", "user_1"]
    assert made.model == "a/b"
    assert made.name == ("n" if "name" not in agent else "Unnamed agent")


def test_a_missing_provider_comes_from_the_config_or_is_local() -> None:
    config = {"embedding_model": "e", "embedding_endpoint_type": "openai"}
    llm = {"model": "m"}
    one = {"id": "agent-0", "name": "n", "llm_config": llm, "tags": []}
    [made] = imported({"agents": [one | {"embedding": "e", "embedding_config": config}]})
    assert (made.model, made.embedding) == ("local/m", "openai/e")
    [made] = imported({"agents": [one | {"embedding": "other", "embedding_config": config}]})
    assert made.embedding == "local/other"


def test_an_agent_without_any_model_is_refused_in_words() -> None:
    with pytest.raises(Invalid, match=r"agent “n”: .*Must specify either model or llm_config"):
        parse(json.dumps({"agents": [{"id": "a", "name": "n"}]}).encode())


def test_a_null_value_of_a_block_is_empty() -> None:
    file = {
        "agents": [AGENT | {"block_ids": ["x"]}],
        "blocks": [BLOCK | {"id": "x", "value": None}],
    }
    imported(file)
    assert Block.objects.get().value == ""


@pytest.mark.parametrize(
    "memory", [{"core_memory": [BLOCK]}, {"blocks": [BLOCK]}, {"memory": {"blocks": [BLOCK]}}]
)
def test_blocks_inside_an_agent_of_a_list_come_in(memory: dict[str, Any]) -> None:
    file = parse(json.dumps({"agents": [AGENT | memory]}).encode())
    assert file.not_kept == []
    assert [block.label for block in file.agents[0].blocks] == ["persona"]


def test_copies_of_the_blocks_that_an_agent_names_are_not_made_again() -> None:
    agent = AGENT | {"block_ids": ["x"], "memory": {"blocks": [BLOCK]}}
    [made] = imported({"agents": [agent], "blocks": [BLOCK | {"id": "x"}]})
    assert labels(made) == ["persona"]


def test_the_list_of_a_letta_server_comes_in_and_shared_blocks_stay_shared() -> None:
    shared = BLOCK | {"id": "block-1"}
    agents = [
        {"id": f"agent-{n}", "name": f"a{n}", "system": "s", "model": "a/b", "tags": [f"user_{n}"],
         "blocks": [shared, {"label": "own", "value": str(n)}], "tools": [{"name": "t"}]}
        for n in range(3)
    ]  # fmt: skip
    file = parse(json.dumps(agents).encode())
    assert file.not_kept == ["3 tools"]
    made = import_file(file, actor=ACTOR).made
    assert [tags_of(agent) for agent in made] == [["user_0"], ["user_1"], ["user_2"]]
    assert [labels(agent) for agent in made] == [["own", "persona"]] * 3
    assert Block.objects.filter(label="persona").count() == 1
    assert Block.objects.filter(label="own").count() == 3


@pytest.mark.parametrize("content", [[], [1], [AGENT, {"name": "x"}], "text", 5, None])
def test_other_json_is_refused_by_its_kind(content: object) -> None:
    with pytest.raises(Invalid, match=r"is no agent file: it contains|is not valid JSON"):
        parse(json.dumps(content).encode())


def test_json_inside_json_inside_json() -> None:
    text = json.dumps({"agents": [AGENT]})
    for _ in range(3):
        text = json.dumps(text)
        assert tags_of(imported(text.encode())[0]) == ["b", "user_1"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"agents": [],}', "is not valid JSON: JSON is malformed"),
        (b'{"agents": [{"id": "a", "name": "n", "model": "a/b",}]}', "is not valid JSON"),
        (b"// a comment\n{}", "is not valid JSON"),
        (b'{"agents": [{"id": "a", "name": "n", "model": "a/b", "tags": "x"}]}', "$.agents[0].tags"),
        (b'{"agents": [{"id": "a", "name": "n", "model": "a/b", "tags": [null]}]}', ".tags[0]"),
        (b'{"agents": [{"id": "a", "name": "n", "model": "a/b", "block_ids": ["x"]}]}', "has no block"),
        (b'{"agents": {"a": 1}}', "$.agents"),
        (b'{"agents": [1]}', "$.agents[0]"),
        (b'{"agents": [{"id": "a", "name": "n"}], "blocks": {"x": 1}}', "$.blocks"),
        (
            b'{"agents": [{"id": "a", "name": "n", "memory": {"human": "x"}}], "blocks": 5}',
            "$.blocks",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_where_it_is(data: bytes, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(data)
    assert why in refused.value.message


def test_files_that_macos_puts_beside_others_are_left_out_of_a_folder() -> None:
    files = [("._a.af", b"\x00\x05\x16\x07"), ("a.af", json.dumps({"agents": [AGENT]}).encode())]
    assert [agent.name for agent in parse_files(files).agents] == ["n"]
    given = [SimpleUploadedFile(name, data) for name, data in [*files, (".DS_Store", b"\x00")]]
    assert signed_in("editor").post("/agents/upload/", {"file": given}).status_code == 303
    assert tags_of(Agent.objects.get()) == ["b", "user_1"]


def test_what_went_out_comes_back_equal() -> None:
    [first] = imported({"agents": [AGENT | {"memory_blocks": [BLOCK], "metadata": {"k": [1]}}]})
    file = export_agent(first.public_id, actor=ROOT)
    [second] = imported(file)
    assert export_agent(second.public_id, actor=ROOT) | {"created_at": 0} == file | {
        "created_at": 0
    }
