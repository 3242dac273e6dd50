"""manage.py import_letta: a second ADE's agents come in whole, once, and what changed comes too."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.write import delete_agent, update_agent
from agents.domain.memory.write import update_block
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep import recount
from agents.models import (
    Agent,
    AgentBlock,
    AgentSource,
    Block,
    Change,
    ChangeSet,
    ImportedAgent,
    ImportSource,
)
from tests.commands.letta_source import Ade, new_database
from tests.helpers import ROOT, everything, make_agent, tags_of

pytestmark = pytest.mark.django_db
CONFLICT = "an agent with this ID exists in ADE and did not come from this source"


@pytest.fixture(scope="module")
def running_source(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Ade:
    path = new_database(tmp_path_factory.mktemp("source"))
    return Ade(serve(DATABASE_URL=f"sqlite:///{path}", API_OPEN="true"))


@pytest.fixture
def source(running_source: Ade) -> Ade:
    """A second ADE, without agents."""
    running_source.empty()
    return running_source


class Run:
    """Runs the command; what it printed."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.url, self.capsys = url, capsys

    def __call__(self, *arguments: str) -> list[str]:
        call_command("import_letta", "--base-url", self.url, "--retries", "0", *arguments)
        printed = self.capsys.readouterr()
        return [*printed.err.splitlines(), *printed.out.splitlines()]

    def refused(self, *arguments: str) -> tuple[str, list[str]]:
        with pytest.raises(CommandError) as error:
            self(*arguments)
        return str(error.value), self.capsys.readouterr().err.splitlines()


@pytest.fixture
def run(source: Ade, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(source.url, capsys)


def summary(
    run: Run, *, read: int, made: int = 0, changed: int = 0, same: int = 0, left: int = 0
) -> str:
    return (
        f"{run.url}: {read} agents read; {made} created, {changed} updated, "
        f"{same} unchanged, {left} skipped."
    )


def here(agent: dict[str, Any]) -> Agent:
    return Agent.objects.get(public_id=agent["id"])


def test_it_works(source: Ade, run: Run) -> None:
    there = source.make(
        "Nova",
        tags=["user_1", "vip, gold", "a/b?c#d%", ".."],
        description="Helps",
        system="You are Nova.",
        embedding="openai/ada",
        context_window_limit=32000,
        metadata={"a": [1, None]},
        timezone="Europe/Riga",
        memory_blocks=[{"label": "human", "value": "Ada", "limit": 20, "description": "who"}],
    )
    assert run() == [summary(run, read=1, made=1)]
    agent = here(there)
    assert (agent.name, agent.description, agent.model, agent.embedding) == (
        "Nova",
        "Helps",
        "openai/gpt-4o",
        "openai/ada",
    )
    assert agent.context_window_limit == 32000
    assert agent.created_at == datetime.fromisoformat(there["created_at"])
    assert agent.updated_at == datetime.fromisoformat(there["updated_at"])
    assert tags_of(agent) == sorted(["user_1", "vip, gold", "a/b?c#d%", ".."])
    block = Block.objects.get()
    assert block.public_id == there["blocks"][0]["id"]
    assert (block.label, block.value, block.limit, block.description) == ("human", "Ada", 20, "who")
    assert ChangeSet.objects.values_list("act", "source", "actor_name", "reason").get() == (
        "import",
        "import",
        "import_letta",
        f"from {source.url}",
    )
    assert recount.differences() == []


def test_everything_of_the_answer_is_given_back(
    source: Ade, run: Run, client: Any, settings: Any
) -> None:
    there = source.make("Nova", tags=["b", "a"], memory_blocks=[{"label": "human", "value": "x"}])
    run()
    settings.API_OPEN = True
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    answer = client.get(f"/v1/agents/{there['id']}", headers={"Host": "127.0.0.1"}).json()
    assert answer == there


def test_again_changes_nothing(source: Ade, run: Run) -> None:
    source.make(tags=["a"], memory_blocks=[{"label": "human", "value": "x"}])
    source.make(tags=[])
    run()
    ImportSource.objects.update(finished_at=None)
    before = everything()
    assert run() == [summary(run, read=2, same=2)]
    ImportSource.objects.update(finished_at=None)
    assert everything() == before


def test_pages_of_any_size_bring_all_in_order(source: Ade, run: Run) -> None:
    there = [source.make(str(n))["id"] for n in range(7)]
    assert run("--page-size", "3") == [summary(run, read=7, made=7)]
    assert list(Agent.objects.order_by("seq").values_list("public_id", flat=True)) == there
    assert ChangeSet.objects.count() == 3


def test_tag_added_here_and_tag_added_there_are_both_there(source: Ade, run: Run) -> None:
    there = source.make(tags=["start"])
    run()
    change_tags(agent_id=there["id"], add=["here"], actor=ROOT)
    source.tags(there, add=["there"])
    assert run() == [summary(run, read=1, changed=1)]
    assert tags_of(here(there)) == ["here", "start", "there"]
    assert run() == [summary(run, read=1, same=1)]


def test_tag_removed_here_stays_removed_and_one_removed_there_goes(source: Ade, run: Run) -> None:
    there = source.make(tags=["here", "stays", "there", "both"])
    run()
    change_tags(agent_id=there["id"], remove=["here", "both"], actor=ROOT)
    source.tags(there, remove=["there", "both"])
    run()
    assert tags_of(here(there)) == ["stays"]
    assert recount.differences() == []


def test_tag_removed_here_comes_back_only_if_added_anew_there(source: Ade, run: Run) -> None:
    there = source.make(tags=["a"])
    run()
    change_tags(agent_id=there["id"], remove=["a"], actor=ROOT)
    source.tags(there, remove=["a"])
    run()
    source.tags(there, add=["a"])
    run()
    assert tags_of(here(there)) == ["a"]


def test_field_edited_there_wins_and_is_recorded(source: Ade, run: Run) -> None:
    there = source.make("Old", system="before")
    run()
    update_agent(
        agent_id=there["id"], edit=AgentEdit(name="Mine", description="my own"), actor=ROOT
    )
    source.edit(there, name="New", model="anthropic/claude", timezone="Europe/Riga")
    assert run() == [summary(run, read=1, changed=1)]
    agent = here(there)
    assert (agent.name, agent.model, agent.description) == ("New", "anthropic/claude", None)
    changes = Change.objects.filter(change_set__act="import", op="set").order_by("field")
    assert list(changes.values_list("field", flat=True)) == [
        "description", "extra", "llm_config", "model", "name",
    ]  # fmt: skip


def test_field_edited_only_here_stays(source: Ade, run: Run) -> None:
    there = source.make("Old")
    run()
    update_agent(agent_id=there["id"], edit=AgentEdit(name="Mine"), actor=ROOT)
    assert run() == [summary(run, read=1, same=1)]
    assert here(there).name == "Mine"


def test_agent_deleted_there_is_reported_and_stays(source: Ade, run: Run) -> None:
    there = source.make()
    run()
    source.delete(there)
    assert run() == [
        f"{there['id']}: no longer exists at the source; it stays in ADE",
        summary(run, read=0, left=1),
    ]
    assert here(there).name == "Nova"


def test_agent_deleted_here_is_not_brought_back(source: Ade, run: Run) -> None:
    there = source.make()
    run()
    delete_agent(agent_id=there["id"], actor=ROOT)
    source.edit(there, name="New")
    line = f"{there['id']}: was deleted in ADE and is not created again"
    assert run() == [line, summary(run, read=1, left=1)]
    # Neither is one that only its tombstone tells of.
    ImportedAgent.objects.all().delete()
    assert run() == [line, summary(run, read=1, left=1)]
    assert Agent.objects.count() == 0


def test_same_id_of_another_origin_is_a_conflict_and_left_alone(source: Ade, run: Run) -> None:
    there, other = source.make("There", tags=["there"]), source.make("Other")
    make_agent(public_id=there["id"], name="Here", tags=["here"])
    assert run.refused() == (
        "Not imported: 1 of 2 agents. See the errors above.",
        [f"{there['id']}: not imported: {CONFLICT}"],
    )
    agent = here(there)
    assert (agent.name, tags_of(agent)) == ("Here", ["here"])
    assert here(other).name == "Other"


def test_agent_of_a_connected_server_is_left_to_the_sync(source: Ade, run: Run) -> None:
    there = source.make("There")
    run()
    now = here(there).created_at
    connected = AgentSource.objects.create(
        name="prod", kind="letta", url=source.url, created_at=now, created_by="test"
    )
    Agent.objects.update(source=connected)
    source.edit(there, name="New")
    line = f"{there['id']}: belongs to a connected server, which keeps it in step"
    assert run() == [line, summary(run, read=1, left=1)]
    assert here(there).name == "There"


def test_agent_over_a_limit_is_named_and_the_others_come_in(
    source: Ade, run: Run, settings: Any
) -> None:
    good, bad = source.make("Good", tags=["a"]), source.make("Bad", tags=["a", "b", "c"])
    settings.MAX_TAGS_PER_AGENT = 2
    assert run.refused() == (
        "Not imported: 1 of 2 agents. See the errors above.",
        [f"{bad['id']}: not imported: An agent has at most 2 tags; this one has 3."],
    )
    assert [agent.public_id for agent in Agent.objects.all()] == [good["id"]]
    # With the tag given here there is no room for the one added there.
    change_tags(agent_id=good["id"], add=["mine"], actor=ROOT)
    source.tags(good, add=["more"])
    source.edit(bad, tags=[])
    assert run.refused()[1] == [
        f"{good['id']}: not imported: An agent has at most 2 tags; this would make 3."
    ]
    assert tags_of(here(good)) == ["a", "mine"]
    assert here(bad).name == "Bad"


def test_dry_run_says_what_it_would_do_and_changes_nothing(source: Ade, run: Run) -> None:
    old = source.make("Old", tags=["a"], memory_blocks=[{"label": "human", "value": "x"}])
    run()
    source.tags(old, add=["b"])
    source.make("New", tags=["c"], memory_blocks=[{"label": "human", "value": "y"}])
    before = everything()
    assert run("--dry-run") == [
        f"{run.url}: 2 agents read; 1 would be created, 1 would be updated, 0 unchanged, 0 skipped."
    ]
    assert everything() == before
    assert run() == [summary(run, read=2, made=1, changed=1)]


def test_tag_option_is_given_to_what_is_made(source: Ade, run: Run) -> None:
    there = source.make(tags=["a"])
    run("--tag", "from:letta", "--tag", "a")
    assert tags_of(here(there)) == ["a", "from:letta"]
    change_tags(agent_id=there["id"], remove=["from:letta"], actor=ROOT)
    run("--tag", "from:letta")
    assert tags_of(here(there)) == ["a"]


def test_illegal_tag_option_is_refused_where_it_was_typed(run: Run) -> None:
    before = everything()
    assert run.refused("--tag", "") == ("--tag: Tag is empty.", [])
    assert everything() == before


def test_shared_blocks_stay_shared_also_across_pages(source: Ade, run: Run) -> None:
    first = source.make("One", memory_blocks=[{"label": "human", "value": "Ada"}])
    block_id = first["blocks"][0]["id"]
    second = source.make("Two", block_ids=[block_id])
    run("--page-size", "1")
    assert Block.objects.get().public_id == block_id
    assert sorted(AgentBlock.objects.values_list("agent__public_id", flat=True)) == sorted(
        [first["id"], second["id"]]
    )


def test_block_whose_id_is_taken_gets_another_and_stays_shared(source: Ade, run: Run) -> None:
    first = source.make("One", memory_blocks=[{"label": "human", "value": "Ada"}])
    block_id = first["blocks"][0]["id"]
    source.make("Two", block_ids=[block_id])
    own = make_agent(name="Own").created_at
    Block.objects.create(
        public_id=block_id, label="x", value="own", limit=9, created_at=own, updated_at=own
    )
    run()
    made = Block.objects.exclude(public_id=block_id).get()
    assert (made.value, made.agentblock_set.count()) == ("Ada", 2)
    assert Block.objects.get(public_id=block_id).value == "own"


def test_block_edited_there_wins_for_all_that_share_it(source: Ade, run: Run) -> None:
    first = source.make("One", memory_blocks=[{"label": "human", "value": "Ada"}])
    source.make("Two", block_ids=[first["blocks"][0]["id"]])
    run()
    update_block(agent_id=first["id"], label="human", value="mine", actor=ROOT)
    path = f"/agents/{first['id']}/core-memory/blocks/human"
    source.call("PATCH", path, json={"value": "Grace"})
    assert run() == [summary(run, read=2, changed=1, same=1)]
    assert Block.objects.get().value == "Grace"
    change = Change.objects.filter(change_set__act="import", op="set").get()
    assert (change.field, change.old, change.new) == ("block human: value", "mine", "Grace")
    assert run() == [summary(run, read=2, same=2)]


def test_times_and_number_options_are_checked(run: Run) -> None:
    for option, value in (("--page-size", "0"), ("--page-size", "1001"), ("--retries", "x")):
        with pytest.raises(CommandError) as error:
            run(option, value)
        assert re.sub(r"\d.*", "", str(error.value)) == (
            f"Error: argument {option}: must be a whole number from "
        )
