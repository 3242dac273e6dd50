"""Plans of very many agents, made in steps; and who loses their rights while long work runs."""

import pytest
from django.core.management import call_command

from ade.models import User
from agents.core.actors import Actor
from agents.core.errors import Conflict, NotAllowed
from agents.core.filters import AgentFilter
from agents.core.json_text import loads
from agents.domain.agents.write import delete_agent
from agents.domain.bulk import planning, plans, refresh, run
from agents.domain.bulk.planning import parts
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.rename import rename_tag
from agents.domain.keys import disable_key
from agents.models import Agent, ApiKey, BulkOp, BulkPlan, BulkState, Tag
from agents.tasks import bulk, bulk_worker
from tests.domain.bulk.test_bulk import make_many
from tests.helpers import ROOT, make_agent, make_key_row, make_manager, tags_of

pytestmark = pytest.mark.django_db
COUNT = 25


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "_STEP", 4)
    monkeypatch.setattr(plans, "BULK_PLANNED_AT_ONCE", 10)
    monkeypatch.setattr(refresh, "BULK_PLANNED_AT_ONCE", 10)
    monkeypatch.setattr(run, "BULK_AT_ONCE", 5)
    monkeypatch.setattr(planning, "BULK_BATCH", 3)


def ask(actor: Actor | None = None, **fields: object) -> BulkPlan:
    selection = Selection(AgentFilter(any=("t",)), **fields)
    change = BulkChange(BulkOp.ADD, add=["vip"])
    return bulk.make_plan(selection=selection, change=change, actor=actor or make_manager())


def work() -> None:
    """What a worker does until there is nothing more to do."""
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)


def test_plan_of_many_is_left_to_the_worker_and_is_the_same() -> None:
    agents = make_many(COUNT)
    left_out = agents[7].public_id
    plan = ask(excluded=(left_out,))
    assert (plan.state, plan.expected) == (BulkState.PLANNING, COUNT)
    assert 10 <= plan.matched < COUNT
    with pytest.raises(Conflict, match="Planning has not finished"):
        bulk.begin(plan_id=plan.id, actor=make_manager())
    while plans.plan_next(plan.id):
        pass
    plan.refresh_from_db()
    assert (plan.state, plan.matched, plan.planned_to) == (BulkState.PLANNED, COUNT - 1, None)
    assert loads(plan.planned) == {"change": COUNT - 1}
    wanted = Agent.objects.exclude(public_id=left_out).order_by("-seq")
    assert list(refresh.planned_seqs(plan)) == list(wanted.values_list("seq", flat=True))
    numbers = list(plan.batches.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(len(numbers)))
    assert refresh.plan_again(plan, actor=make_manager()) is None


def test_step_whose_place_another_took_is_thrown_away() -> None:
    make_many(COUNT)
    plan = ask()
    wishes = dict.fromkeys(Agent.objects.values_list("seq", flat=True)[:3], planning.wish_of(plan))
    before = plan.batches.count(), plan.matched
    stale = BulkPlan.objects.get(id=plan.id)
    planning._plan_agents(stale, planning.Tally(), wishes, make_manager(), "elsewhere", "further")
    plan.refresh_from_db()
    assert (plan.batches.count(), plan.matched) == before


def test_planning_is_stopped_and_goes_on() -> None:
    make_many(COUNT)
    plan = ask()
    run.stop(plan_id=plan.id, actor=make_manager())
    assert run.step(plan.id) is False
    plan.refresh_from_db()
    assert plan.state == BulkState.STOPPED
    with pytest.raises(Conflict):
        bulk.begin(plan_id=plan.id, actor=make_manager())
    assert bulk.resume(plan_id=plan.id, actor=make_manager()).state == BulkState.PLANNING
    while run.step(plan.id):
        pass
    plan.refresh_from_db()
    assert (plan.state, plan.matched) == (BulkState.PLANNED, COUNT)


@pytest.mark.django_db(transaction=True)
def test_worker_plans_and_runs_to_the_end() -> None:
    make_many(COUNT)
    plan = ask()
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.matched) == (BulkState.PLANNED, COUNT)
    bulk.begin(plan_id=plan.id, actor=make_manager())
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.changed, Tag.objects.get(name="vip").n) == (
        BulkState.DONE,
        COUNT,
        COUNT,
    )


@pytest.mark.django_db(transaction=True)
def test_worker_finds_that_other_agents_match_and_plans_anew() -> None:
    agents = make_many(COUNT)
    plan = ask()
    work()
    come = make_agent(tags=["t"])
    delete_agent(agent_id=agents[0].public_id, actor=ROOT)
    plan.refresh_from_db()
    assert bulk.plan_again(plan, actor=make_manager()) is None
    assert bulk.begin(plan_id=plan.id, actor=make_manager()).state == BulkState.RUNNING
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.looked, plan.started_at) == (BulkState.PLANNED, 0, None)
    assert plan.problem == "Other agents match now than when this was planned. Nothing was changed."
    assert not Tag.objects.filter(name="vip").exists()
    newer = BulkPlan.objects.get(id=refresh.newer_of(plan))
    assert (newer.state, newer.matched) == (BulkState.PLANNED, COUNT)
    assert loads(newer.difference) == {"came": 1, "went": 1}
    bulk.begin(plan_id=newer.id, actor=make_manager())
    work()
    newer.refresh_from_db()
    assert (newer.state, newer.changed, tags_of(come)) == (BulkState.DONE, COUNT, ["t", "vip"])


def test_what_began_is_not_planned_anew() -> None:
    make_many(COUNT)
    plan = ask()
    while plans.plan_next(plan.id):
        pass
    bulk.begin(plan_id=plan.id, actor=make_manager())
    make_agent(tags=["t"])
    run.stop(plan_id=plan.id, actor=make_manager())
    assert refresh.plan_again_late(plan.id) is None
    run.resume(plan_id=plan.id, actor=make_manager())
    assert run.step(plan.id) is True
    assert refresh.plan_again_late(plan.id) is None
    assert BulkPlan.objects.count() == 1


def begun(actor: Actor) -> BulkPlan:
    """A run that has done its first batch."""
    make_many(8)
    plan = make_plan(
        selection=Selection(AgentFilter(any=("t",))),
        change=BulkChange(BulkOp.ADD, add=["vip"]),
        actor=actor,
    )
    bulk.begin(plan_id=plan.id, actor=actor)
    assert run.step(plan.id) is True
    return plan


def run_stops(plan: BulkPlan, why: str) -> None:
    """The worker finds out, and what was done stays whole."""
    with pytest.raises(NotAllowed, match=why):
        run.step(plan.id)
    bulk_worker.run_bulk.func(str(plan.id))
    plan.refresh_from_db()
    assert (plan.state, plan.looked, plan.changed) == (BulkState.STOPPED, 3, 3)
    assert why in plan.problem
    assert Tag.objects.get(name="vip").n == 3


def goes_on(plan: BulkPlan, actor: Actor) -> None:
    run.resume(plan_id=plan.id, actor=actor)
    while run.step(plan.id):
        pass
    plan.refresh_from_db()
    assert (plan.state, plan.changed, plan.problem) == (BulkState.DONE, 8, "")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"role": "editor"}, "Mona may no longer change agents in bulk"),
        ({"is_active": False}, "The account of Mona is disabled"),
    ],
)
def test_run_stops_when_its_member_loses_the_right(change: dict[str, object], why: str) -> None:
    mona = make_manager("Mona")
    plan = begun(mona)
    User.objects.filter(username="Mona").update(**change)
    run_stops(plan, why)
    if "role" in change:
        with pytest.raises(NotAllowed):
            run.resume(plan_id=plan.id, actor=make_manager("Mona"))
    goes_on(plan, make_manager("Nora"))


def test_run_stops_when_its_key_ends() -> None:
    key = make_key_row()
    plan = begun(key)
    disable_key(key_id="1", actor=make_manager("Ada", "admin"))
    run_stops(plan, "is disabled or has expired")
    goes_on(plan, make_manager())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"scope": "write"}, "may no longer change agents in bulk"),
        ({"limit_tag": "user_1"}, "is now limited to some agents"),
    ],
)
def test_run_stops_when_its_key_is_narrowed(change: dict[str, object], why: str) -> None:
    plan = begun(make_key_row())
    ApiKey.objects.update(**change)
    run_stops(plan, why)


def test_undo_stops_and_planning_stops_too() -> None:
    mona = make_manager("Mona")
    plan = begun(mona)
    while run.step(plan.id):
        pass
    undo = bulk.begin_undo(plan_id=plan.id, actor=mona)
    make_many(COUNT, start=100)
    half = ask(mona)
    User.objects.filter(username="Mona").update(role="viewer")
    for one in (undo, half):
        bulk_worker.run_bulk.func(str(one.id))
        one.refresh_from_db()
        assert (one.state, "may no longer" in one.problem) == (BulkState.STOPPED, True)


def test_limited_run_goes_on_under_its_tags_new_name() -> None:
    for _ in range(8):
        make_agent(tags=["user_1", "t"])
    key = make_key_row("user_1")
    plan = make_plan(
        selection=Selection(AgentFilter(any=("t",))),
        change=BulkChange(BulkOp.ADD, add=["note"]),
        actor=key,
    )
    bulk.begin(plan_id=plan.id, actor=key)
    run.step(plan.id)
    rename_tag(old="user_1", new="user_one", actor=make_manager())
    while run.step(plan.id):
        pass
    plan.refresh_from_db()
    assert (plan.state, plan.changed) == (BulkState.DONE, 8)


def test_a_batch_is_cut_by_its_pairs_too() -> None:
    items = [[agent, ["tag"] * count] for agent, count in enumerate([3, 3, 3, 9, 1])]
    sizes = [[len(tags) for _, tags in part] for part in parts(items, most=3, pairs=7)]
    assert sizes == [[3, 3], [3], [9], [1]]
    assert [len(part) for part in parts(range(7), most=3)] == [3, 3, 1]
