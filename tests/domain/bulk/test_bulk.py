"""Bulk changes: the plan, the run by the same rule, what others changed meanwhile, undo."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django_tasks_db.models import DBTaskResult

from agents.core.actors import Actor
from agents.core.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.core.filters import AgentFilter
from agents.core.json_text import loads
from agents.core.limits import BULK_AT_ONCE, BULK_BATCH
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents, delete_agent
from agents.domain.bulk import plans, refresh
from agents.domain.bulk import run as bulkrun
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.tags.edit import change_tags
from agents.models import Agent, BulkOp, BulkPlan, BulkState, Change, ChangeSet, Tag
from agents.tasks import bulk
from tests.helpers import (
    all_tags,
    drift,
    everything,
    make_agent,
    make_editor,
    make_key_row,
    make_manager,
    replayed,
    tags_of,
)

pytestmark = pytest.mark.django_db


def manager() -> Actor:
    return make_manager("Mona")


def make_many(count: int, *, tags: tuple[str, ...] = ("t",), start: int = 0) -> list[Agent]:
    specs = [
        NewAgent(name=f"n{i:05}", model="m/1", tags=list(tags)) for i in range(start, start + count)
    ]
    return create_agents(specs, actor=manager())


def plan_of(
    op: str,
    *,
    add: list[str] | None = None,
    remove: list[str] | None = None,
    wanted: AgentFilter | None = None,
    excluded: tuple[str, ...] = (),
    actor: Actor | None = None,
    reason: str = "",
) -> BulkPlan:
    return make_plan(
        selection=Selection(wanted or AgentFilter(), excluded),
        change=BulkChange(BulkOp(op), add or [], remove or [], reason),
        actor=actor or manager(),
    )


def counts(plan: BulkPlan) -> dict[str, int]:
    return dict(loads(plan.planned))


def run(plan: BulkPlan, actor: Actor | None = None) -> BulkPlan:
    bulk.begin(plan_id=plan.id, actor=actor or manager())
    while bulkrun.step(plan.id):
        pass
    plan.refresh_from_db()
    return plan


def test_plan_counts_and_changes_nothing() -> None:
    make_agent(tags=["vip"])
    make_agent(name="Bob")
    before = all_tags(), ChangeSet.objects.count()
    plan = plan_of("add", add=["vip"])
    assert (plan.matched, counts(plan)) == (2, {"same": 1, "change": 1})
    assert [(row["name"], row["words"]) for row in loads(plan.sample)] == [("Bob", ["+vip"])]
    assert (all_tags(), ChangeSet.objects.count()) == before
    assert not Tag.objects.filter(name="new").exists()


def test_run_is_one_change_set_with_its_reason() -> None:
    agents = [make_agent(tags=["a"]) for _ in range(3)]
    plan = run(plan_of("add", add=["vip", "a"], reason="spring"))
    assert (plan.state, plan.looked, plan.changed) == (BulkState.DONE, 3, 3)
    change_set = ChangeSet.objects.get(id=plan.change_set_id)
    assert (change_set.reason, change_set.source, change_set.actor_name) == (
        "spring",
        "bulk",
        "Mona",
    )
    assert sorted(change_set.changes.values_list("op", "agent_id", "tag")) == sorted(
        ("add", agent.public_id, "vip") for agent in agents
    )
    assert [tags_of(agent) for agent in agents] == [["a", "vip"]] * 3
    assert drift() == []
    assert replayed() == all_tags()


def test_run_again_changes_nothing_and_records_nothing() -> None:
    make_agent(tags=["a"])
    plan = run(plan_of("add", add=["vip"]))
    before = everything()
    bulk.begin(plan_id=plan.id, actor=manager())
    assert bulkrun.step(plan.id) is False
    assert everything() == before


def test_remove_takes_off_where_it_is() -> None:
    one, two = make_agent(tags=["a", "user_1"]), make_agent(tags=["b"])
    plan = run(plan_of("remove", remove=["user_1", "never"]))
    assert (counts(plan), plan.changed) == ({"change": 1, "same": 1}, 1)
    assert (tags_of(one), tags_of(two)) == (["a"], ["b"])
    assert drift() == []


def test_replace_touches_only_who_carries_the_old_one() -> None:
    one, two, both = make_agent(tags=["a"]), make_agent(tags=["x"]), make_agent(tags=["a", "b"])
    run(plan_of("replace", remove=["a"], add=["b"]))
    assert [tags_of(agent) for agent in (one, two, both)] == [["b"], ["x"], ["b"]]
    assert drift() == []


def test_exclusions_stay_out() -> None:
    one, two = make_agent(tags=["t"]), make_agent(tags=["t"])
    wanted = AgentFilter(any=("t",))
    run(plan_of("add", add=["vip"], wanted=wanted, excluded=(one.public_id,)))
    assert (tags_of(one), tags_of(two)) == (["t"], ["t", "vip"])


def test_full_agent_is_skipped_and_listed(settings: object) -> None:
    settings.MAX_TAGS_PER_AGENT = 2
    full, room = make_agent(tags=["a", "b"]), make_agent(tags=["a"])
    plan = plan_of("add", add=["vip"])
    assert counts(plan) == {"change": 1, "full": 1}
    run(plan)
    assert (tags_of(full), tags_of(room)) == (["a", "b"], ["a", "vip"])
    assert loads(plan.batches.get().left) == [
        [full.seq, "full", "it would have 3 tags; the limit is 2"]
    ]


def test_protected_tag_is_skipped_for_a_key_that_may_not_write_it() -> None:
    agent = make_agent(tags=["user_1"])
    actor = make_key_row("user_1")
    plan = plan_of("add", add=["git-memory-enabled"], actor=actor)
    assert counts(plan) == {"refused": 1}
    with pytest.raises(Conflict):
        bulk.begin(plan_id=plan.id, actor=actor)
    assert tags_of(agent) == ["user_1"]


def test_limited_actor_reaches_its_own_agents_and_plans_only() -> None:
    own, other = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    actor = make_key_row("user_1")
    theirs = plan_of("add", add=["x"])
    plan = run(plan_of("add", add=["note"], actor=actor), actor)
    assert (plan.matched, tags_of(own), tags_of(other)) == (1, ["note", "user_1"], ["user_2"])
    with pytest.raises(NotFound):
        plans.get_plan(theirs.id, actor=actor)


def test_bulk_needs_a_manager() -> None:
    make_agent()
    before = everything()
    with pytest.raises(NotAllowed):
        plan_of("add", add=["vip"], actor=make_editor())
    assert everything() == before


@pytest.mark.parametrize(
    ("op", "add", "remove", "field"),
    [
        ("add", [], [], "add"),
        ("add", [""], [], "add"),
        ("remove", [], [], "remove"),
        ("replace", ["a"], [], "remove"),
        ("replace", ["a", "b"], ["c"], "add"),
        ("replace", ["a"], ["a"], "add"),
        ("add", [f"t{i}" for i in range(51)], [], "add"),
    ],
)
def test_change_that_is_none_is_refused_at_its_field(
    op: str, add: list[str], remove: list[str], field: str
) -> None:
    make_agent()
    before = everything()
    with pytest.raises(Invalid) as refusal:
        plan_of(op, add=add, remove=remove)
    assert refusal.value.field == field
    assert everything() == before


def test_agent_changed_or_deleted_since_the_plan() -> None:
    done, gone, left = (make_agent() for _ in range(3))
    plan = plan_of("add", add=["vip"])
    change_tags(agent_id=done.public_id, add=["vip"], actor=manager())
    delete_agent(agent_id=gone.public_id, actor=manager())
    run(plan)
    assert (plan.looked, plan.changed, tags_of(left)) == (3, 1, ["vip"])
    assert sorted(loads(plan.batches.get().left)) == sorted(
        [[done.seq, "same", ""], [gone.seq, "gone", "the agent no longer exists"]]
    )
    assert drift() == []


def test_plan_is_renewed_where_other_agents_match_now() -> None:
    wanted = AgentFilter(any=("t",))
    first, second = make_agent(tags=["t"]), make_agent(tags=["t"])
    plan = plan_of("add", add=["vip"], wanted=wanted)
    assert refresh.plan_again(plan, actor=manager()) is None
    change_tags(agent_id=first.public_id, remove=["t"], actor=manager())
    make_agent(tags=["t"])
    make_agent(tags=["t"])
    new = refresh.plan_again(plan, actor=manager())
    assert new is not None
    assert (loads(new.difference), new.matched) == ({"came": 2, "went": 1}, 3)
    assert refresh.plan_again(new, actor=manager()) is None
    assert tags_of(second) == ["t"]


def test_large_run_goes_in_whole_batches_and_can_be_stopped_resumed_and_undone() -> None:
    count = BULK_AT_ONCE + BULK_BATCH + 1
    make_many(count)
    before = all_tags()
    plan = plan_of("add", add=["vip"])
    bulk.begin(plan_id=plan.id, actor=manager())
    for _ in range(3):
        assert bulkrun.step(plan.id) is True
    with pytest.raises(Conflict):
        bulk.begin_undo(plan_id=plan.id, actor=manager())
    bulkrun.stop(plan_id=plan.id, actor=manager())
    assert bulkrun.step(plan.id) is False
    plan.refresh_from_db()
    assert (plan.state, plan.looked) == (BulkState.STOPPED, 3 * BULK_BATCH)
    assert Tag.objects.get(name="vip").n == 3 * BULK_BATCH
    bulkrun.resume(plan_id=plan.id, actor=manager())
    while bulkrun.step(plan.id):
        pass
    plan.refresh_from_db()
    assert (plan.state, plan.looked, plan.changed) == (BulkState.DONE, count, count)
    assert Tag.objects.get(name="vip").n == count
    assert Change.objects.filter(change_set_id=plan.change_set_id).count() == count
    undo = bulk.begin_undo(plan_id=plan.id, actor=manager())
    assert bulk.begin_undo(plan_id=plan.id, actor=manager()).id == undo.id
    while bulkrun.step(undo.id):
        pass
    assert all_tags() == before
    assert drift() == []
    undo.refresh_from_db()
    assert ChangeSet.objects.get(id=undo.change_set_id).undoes == plan.change_set_id


def test_stopped_run_that_was_undone_does_not_go_on() -> None:
    make_many(BULK_AT_ONCE + 1)
    plan = plan_of("add", add=["vip"])
    bulk.begin(plan_id=plan.id, actor=manager())
    bulkrun.step(plan.id)
    bulkrun.stop(plan_id=plan.id, actor=manager())
    undo = bulk.begin_undo(plan_id=plan.id, actor=manager())
    assert (undo.state, undo.changed) == (BulkState.DONE, BULK_BATCH)
    assert Tag.objects.get(name="vip").n == 0
    with pytest.raises(Conflict):
        bulkrun.resume(plan_id=plan.id, actor=manager())


def test_undo_leaves_and_lists_what_changed_since() -> None:
    one, two, gone = (make_agent() for _ in range(3))
    plan = run(plan_of("add", add=["vip"]))
    change_tags(agent_id=one.public_id, remove=["vip"], actor=make_editor())
    delete_agent(agent_id=gone.public_id, actor=manager())
    undo = bulk.begin_undo(plan_id=plan.id, actor=manager())
    assert (undo.looked, undo.changed, tags_of(two)) == (3, 1, [])
    left = {seq: outcome for seq, outcome, _ in loads(undo.batches.get().left)}
    assert left == {one.seq: "kept", gone.seq: "gone"}
    assert drift() == []


def test_small_run_that_breaks_off_leaves_whole_batches_and_goes_on() -> None:
    make_many(BULK_BATCH + 1)
    plan = plan_of("add", add=["vip"])
    looks = 0

    def break_off(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        nonlocal looks
        looks += 'FROM "agents_bulkbatch"' in sql and sql.startswith("SELECT")
        if looks == 2:
            raise KeyboardInterrupt
        return execute(sql, *rest)

    with connection.execute_wrapper(break_off), pytest.raises(KeyboardInterrupt):
        bulk.begin(plan_id=plan.id, actor=manager())
    plan.refresh_from_db()
    assert (plan.state, plan.looked) == (BulkState.RUNNING, BULK_BATCH)
    assert (Tag.objects.get(name="vip").n, drift()) == (BULK_BATCH, [])
    # Who looks after it is in the queue already.
    assert [row.task_path for row in DBTaskResult.objects.all()] == ["agents.tasks.look_after_bulk"]
    assert run(plan).changed == BULK_BATCH + 1
