"""Off-boarding: what belongs to a user goes as planned, is read back, and the receipt says so."""

import hashlib
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from agents.core.json_text import dumps
from agents.core.limits import BULK_BATCH_GONE
from agents.core.reach import Reach
from agents.domain import users
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.write import delete_agent, update_agent
from agents.domain.bulk import run, whole_tag
from agents.domain.keys import create_key
from agents.domain.memory.agent import attach_block
from agents.domain.memory.new import NewBlock
from agents.domain.offboarding import receipt
from agents.domain.offboarding.begin import begin, make_plan
from agents.domain.offboarding.inventory import KINDS, TABLES
from agents.domain.sources.deletion.bury import bury_agents
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode
from agents.models import (
    Agent,
    AgentSource,
    Block,
    BulkPlan,
    BulkState,
    Change,
    Offboarding,
    Seen,
    Tag,
    TrashedAgent,
    TrashedFile,
)
from agents.tasks import bulk_worker
from agents.tasks.offboarding import check_offboarding, offboard
from tests.domain.sources.fixtures import known
from tests.helpers import ROOT, drift, everything, make_agent, make_manager, replayed, tags_of
from tests.net.scripted import Letta

pytestmark = pytest.mark.django_db(transaction=True)

# Tables of ADE's own running, of history, or of what other people set up: no user owns a row.
WITHOUT_USER_DATA = {
    *("BulkBatch", "BulkPlan", "Change", "ChangeSet", "Delivery", "IdempotentRequest"),
    *("ImportSource", "ImportedBlock", "InboxItem", "LogHead", "Offboarding", "OffboardingItem"),
    *(
        "AccessSpan",
        "AgentUse",
        "KeyRefusal",
        "TagUse",
        "TagWatch",
        "UserChange",
        "BlockMove",
        "Crossing",
        "CrossingHead",
        "DayTally",
        "SourceMarking",
        "TallyHead",
        "Tombstone",
    ),
}


def make_two() -> tuple[Agent, Agent]:
    """Two agents of user_1: one alone with a private block, one with user_2 and a shared block."""
    own = make_agent(name="Own", tags=["user_1"], blocks=[NewBlock("human", "Jane, 555-0100")])
    make_agent(name="Other", tags=["user_2"], blocks=[NewBlock("company", "We sell")])
    shared_block = Block.objects.get(label="company")
    attach_block(agent_id=own.public_id, block_id=shared_block.public_id, actor=ROOT)
    both = make_agent(name="Both", tags=["user_1", "user_2"])
    return own, both


def seen_of(row: Offboarding) -> dict[tuple[str, str], str]:
    """What was seen of each thing, by kind and name or id."""
    return {(item.kind, item.label or item.public_id): item.seen for item in row.items.all()}


def work() -> None:
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)


def test_no_word_of_the_user_is_left() -> None:
    own, both = make_two()
    key = create_key(name="app", limit_tag="user_1", actor=ROOT).key
    block = Block.objects.get(label="human")
    for text in ("for Jane, 555-0100", "You help someone"):
        edit = AgentEdit(description=text, system=text, metadata={"note": text})
        update_agent(agent_id=own.public_id, edit=edit, actor=ROOT)
    row = offboard(name="user_1", how=OffboardMode.AGENTS, actor=make_manager())
    assert row.checked_at is not None
    assert seen_of(row) == {
        ("agents", "Own"): "gone",
        ("agents", "Both"): "kept",
        ("blocks", block.public_id): "gone",
        ("blocks", Block.objects.get().public_id): "kept",
        ("keys", "app"): "ended",
    }
    assert "555-0100" not in repr(everything())
    assert tags_of(both) == ["user_2"]
    key.refresh_from_db()
    assert key.disabled_at is not None
    assert hashlib.sha256(receipt.canonical(row)).hexdigest() == row.digest
    assert Change.objects.filter(field="receipt", new=row.digest).exists()
    assert drift() == []


def test_the_plan_names_everything_before() -> None:
    make_two()
    create_key(name="app", limit_tag="user_1", actor=ROOT)
    create_key(name="several", reach=Reach.of_tags(["user_1", "user_2"]), actor=ROOT)
    trashed = make_agent(tags=["user_1"])
    delete_agent(agent_id=trashed.public_id, actor=ROOT)
    plan = make_plan(name="user_1", how=OffboardMode.AGENTS, actor=make_manager())
    assert {(part.title, part.action): part.count for part in plan.parts} == {
        ("Agents", "deleted"): 1,
        ("Agents with another user", "loses the tag"): 1,
        ("Memory blocks", "deleted"): 1,
        ("Memory blocks that other agents share", "kept"): 1,
        ("API keys limited to this user", "ends"): 1,
        ("API keys limited to several tags", "loses the tag"): 1,
        ("Agents in the trash", "deleted"): 1,
    }
    row = offboard(name="user_1", how=OffboardMode.AGENTS, actor=make_manager())
    assert row.items.count() == sum(part.count for part in plan.parts)
    assert not TrashedAgent.objects.exists()


def test_agents_can_stay_or_move() -> None:
    own, both = make_two()
    row = offboard(name="user_1", how=OffboardMode.TAG, actor=make_manager())
    assert [tags_of(agent) for agent in (own, both)] == [[], ["user_2"]]
    assert set(seen_of(row).values()) == {"kept"}
    mine = make_agent(name="Mine", tags=["user_3"])
    row = offboard(name="user_3", how=OffboardMode.MOVE, to="user_4", actor=make_manager())
    assert (tags_of(mine), seen_of(row)) == (["user_4"], {("agents", "Mine"): "kept"})
    row = offboard(name="user_4", how=OffboardMode.MOVE, to="user_2", actor=make_manager())
    assert (tags_of(mine), seen_of(row)) == (["user_2"], {("agents", "Mine"): "kept"})


def test_many_agents_go_in_batches_that_can_be_interrupted() -> None:
    for number in range(120):
        make_agent(tags=["user_1"], blocks=[NewBlock("human", f"secret {number}")])
    begun = begin(name="user_1", how=OffboardMode.AGENTS, actor=make_manager())
    assert begun.job is not None
    run.step(begun.job.id)
    run.step(begun.job.id)
    assert Agent.objects.count() == 120 - 2 * BULK_BATCH_GONE
    row = receipt.check(offboarding_id=begun.offboarding.id, actor=make_manager())
    assert (row.checked_at, row.items.count()) == (None, 0)  # nothing is said before the end
    run.stop(plan_id=begun.job.id, actor=make_manager())
    assert not run.step(begun.job.id)
    run.resume(plan_id=begun.job.id, actor=make_manager())
    while run.step(begun.job.id):
        pass
    row = receipt.check(offboarding_id=begun.offboarding.id, actor=make_manager())
    assert BulkPlan.objects.get().state == BulkState.DONE
    assert {item.seen for item in row.items.all()} == {"gone"}
    assert (row.items.count(), Agent.objects.count(), Block.objects.count()) == (240, 0, 0)
    assert not Tag.objects.exists()
    assert "secret 7" not in repr(everything())
    assert (drift(), replayed()) == ([], {})


def test_a_block_of_agents_in_two_batches_is_deleted_with_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(users, "OFFBOARD_DELETES", 1)
    monkeypatch.setattr(whole_tag, "BULK_BATCH_GONE", 1)
    make_agent(tags=["user_1"], blocks=[NewBlock("human", "Jane")])
    block = Block.objects.get()
    make_agent(tags=["user_1"], block_ids=[block.public_id])
    begun = begin(name="user_1", how=OffboardMode.AGENTS, actor=make_manager())
    assert begun.job is not None
    while run.step(begun.job.id):
        pass
    row = receipt.check(offboarding_id=begun.offboarding.id, actor=make_manager())
    [item] = row.items.filter(kind="blocks")
    assert (item.public_id, item.action, item.seen) == (block.public_id, "deleted", "gone")
    assert drift() == []


def test_memory_that_deleted_agents_left_at_a_source_is_on_the_receipt(
    letta: Letta, letta_source: AgentSource
) -> None:
    agent = known(letta, letta_source, tags=["user_1"])
    bury_agents([agent.public_id], actor=ROOT, reason="")
    TrashedFile.objects.create(
        public_id=agent.public_id,
        source_id=letta_source.id,
        blocks=dumps([["block-1", "human", "own"], ["block-2", "company", "shared"]]),
        waiting=True,
        taken_at=timezone.now(),
    )
    make_agent(tags=["user_1"])
    plan = make_plan(name="user_1", how=OffboardMode.TAG, actor=make_manager())
    assert ("Memory of deleted agents at sources", 1) in [(p.title, p.count) for p in plan.parts]
    row = offboard(name="user_1", how=OffboardMode.AGENTS, actor=make_manager())
    [item] = row.items.filter(kind="blocks")
    assert (item.public_id, item.place, item.action) == ("block-1", "prod", "deleted")
    assert item.seen in ("gone", "not reachable")


def test_the_worker_reads_back_by_itself() -> None:
    for _ in range(101):
        make_agent(tags=["user_1"])
    row = offboard(name="user_1", how=OffboardMode.AGENTS, actor=make_manager())
    assert row.checked_at is None
    work()
    check_due = Offboarding.objects.get()
    if check_due.checked_at is None:  # the look was due later than the worker ran
        receipt.check(offboarding_id=row.id, actor=make_manager())
    row.refresh_from_db()
    assert row.checked_at is not None
    assert row.items.filter(seen=Seen.GONE).count() == 101


def test_a_worker_that_starts_reads_back_what_an_ended_request_left() -> None:
    make_two()
    row = begin(name="user_1", how=OffboardMode.TAG, actor=make_manager()).offboarding
    assert row.checked_at is None
    work()
    row.refresh_from_db()
    assert row.checked_at is not None
    assert row.items.filter(seen=Seen.WAITING).count() == 0


def test_a_passing_error_does_not_end_the_reading_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_worker, "_FIRST_PAUSE", 0.0)
    make_two()
    row = begin(name="user_1", how=OffboardMode.TAG, actor=make_manager()).offboarding
    failed = []

    def locked(execute: Any, sql: str, *more: Any) -> Any:
        if len(failed) < 3 and sql.startswith("UPDATE") and "agents_offboarding" in sql:
            failed.append(sql)
            raise OperationalError("database is locked")
        return execute(sql, *more)

    with connection.execute_wrapper(locked):
        check_offboarding.call(str(row.id))
    row.refresh_from_db()
    assert (len(failed), row.checked_at is not None) == (3, True)


def test_what_comes_back_is_seen() -> None:
    own, _ = make_two()
    row = offboard(name="user_1", how=OffboardMode.TAG, actor=make_manager())
    change_tags(agent_id=own.public_id, add=["user_1"], remove=[], actor=ROOT)
    row.items.update(seen=Seen.WAITING)
    row = receipt.check(offboarding_id=row.id, actor=make_manager())
    assert seen_of(row)["agents", "Own"] == "still there"


def test_every_table_with_user_data_is_in_the_inventory() -> None:
    assert TABLES.keys() == KINDS.keys()
    listed = {model.__name__ for models in TABLES.values() for model in models}
    tables = {model.__name__ for model in apps.get_app_config("agents").get_models()}
    assert tables - listed - WITHOUT_USER_DATA == set()
