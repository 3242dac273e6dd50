"""How much one import takes, and how the command brings in more."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from agents.core.actors import Source, command_actor
from agents.core.limits import IMPORT_AGENTS, IMPORT_BLOCKS, IMPORT_TAGS
from agents.domain.transfer import import_file as importing
from agents.domain.transfer.agent_file import TooMuch, parse
from agents.domain.transfer.import_file import import_file, import_in_batches
from agents.models import Agent, AgentBlock, Block, ChangeSet, Tag
from tests.api.calls import make_token
from tests.helpers import drift
from tests.views.browsing import signed_in

pytestmark = pytest.mark.django_db
ACTOR = command_actor("test", Source.IMPORT)


def agent_file(number: int, *, tags: int = 0, blocks: int = 0) -> dict[str, Any]:
    """A file with `agents` agents that have the same number of tags and share memory blocks."""
    ids = [f"block-{n}" for n in range(blocks)]
    agent = {"model": "a/b", "tags": [f"t{n}" for n in range(tags)], "block_ids": ids}
    return {
        "agents": [agent | {"id": f"agent-{n}", "name": f"n{n}"} for n in range(number)],
        "blocks": [{"id": key, "label": key, "value": "v"} for key in ids],
    }


TOO_MUCH = {
    "agents": agent_file(IMPORT_AGENTS + 1),
    "tags": agent_file(11, tags=IMPORT_TAGS // 10),
    "blocks": agent_file(51, blocks=IMPORT_BLOCKS // 50),
}


def upload(content: object) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.af", json.dumps(content).encode())


@pytest.mark.parametrize("what", TOO_MUCH)
def test_more_than_one_import_takes_is_refused_before_the_work(what: str) -> None:
    content = TOO_MUCH[what]
    program = Client(headers={"Authorization": f"Bearer {make_token()}"})
    browser = signed_in()
    with pytest.raises(TooMuch):
        parse(json.dumps(content).encode())
    for client, path in ((program, "/v1/agents/import"), (browser, "/agents/upload/")):
        answer = client.post(path, {"file": upload(content)})
        assert answer.status_code == 422
        assert "the limit of one import is" in answer.content.decode()
        assert "manage.py import_agents" in answer.content.decode()
    assert (Agent.objects.count(), Block.objects.count(), Tag.objects.count()) == (0, 0, 0)


def test_the_tags_of_the_page_count_too() -> None:
    content = json.dumps(agent_file(IMPORT_AGENTS, tags=10)).encode()
    assert len(parse(content).agents) == IMPORT_AGENTS
    with pytest.raises(TooMuch):
        parse(content, tags=["one more"])


def shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "IMPORT_AGENTS", 2)


def test_the_command_takes_more_in_batches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch)
    path = tmp_path / "a.af"
    path.write_text(json.dumps(agent_file(5, tags=2, blocks=3)))
    call_command("import_agents", str(path))
    lines = capsys.readouterr().out.splitlines()
    assert sum("imported “" in line for line in lines) == 5
    assert [line.partition(": ")[2] for line in lines if line.endswith("done")] == [
        "2 of 5 agents done",
        "4 of 5 agents done",
        "5 of 5 agents done",
    ]
    assert (Agent.objects.count(), ChangeSet.objects.count()) == (5, 3)
    # What agents of several batches share is one block.
    assert (Block.objects.count(), AgentBlock.objects.count()) == (3, 15)
    assert drift() == []
    call_command("import_agents", str(path))
    assert "imported as" in capsys.readouterr().out
    assert (Agent.objects.count(), Block.objects.count()) == (5, 3)


def test_an_import_that_was_broken_off_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)
    file = parse(json.dumps(agent_file(5, tags=1, blocks=2)).encode(), bounded=False)
    first = next(import_in_batches(file, actor=ACTOR))
    assert len(first.made) == Agent.objects.count() == 2
    again = list(import_in_batches(file, actor=ACTOR))
    assert [len(result.made) for result in again] == [0, 2, 1]
    assert [len(result.known) for result in again] == [2, 0, 0]
    assert (Agent.objects.count(), Block.objects.count(), AgentBlock.objects.count()) == (5, 2, 10)


def test_batches_count_tags_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("IMPORT_TAGS", 4), ("IMPORT_BLOCKS", 100)):
        monkeypatch.setattr(importing, name, most)
    file = parse(json.dumps(agent_file(5, tags=2, blocks=1)).encode(), bounded=False)
    assert [len(result.made) for result in import_in_batches(file, actor=ACTOR)] == [2, 2, 1]
    monkeypatch.setattr(importing, "IMPORT_BLOCKS", 1)
    again = import_in_batches(file, actor=ACTOR, again=True)
    assert [len(result.made) for result in again] == [1] * 5


def test_statements_do_not_grow_with_the_agents(
    django_assert_max_num_queries: Any,
) -> None:
    file = parse(json.dumps(agent_file(100, tags=5, blocks=10)).encode())
    with django_assert_max_num_queries(60):
        import_file(file, actor=ACTOR, again=True)
