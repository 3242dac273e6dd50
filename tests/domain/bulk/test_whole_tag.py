"""Merge, deletion and off-boarding of a tag on many agents: by the worker, in batches."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from agents.core.actors import Actor
from agents.core.errors import Conflict, NotAllowed
from agents.core.filters import AgentFilter
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent, columns_of
from agents.domain.agents.write import create_agent, update_agent
from agents.domain.bulk import run
from agents.domain.bulk.plans import BulkChange, Selection
from agents.domain.bulk.results import results_of
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.plans import PlanChanged, plan_delete, plan_merge, plan_rename
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.history.undo import undo
from agents.domain.keys import create_key
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep.recount import differences
from agents.domain.users import OffboardChanged, OffboardMode, assign, plan_offboard
from agents.models import Act, Agent, AgentTag, ApiKey, BulkOp, BulkPlan, BulkState, Change, Op, Tag
from agents.samples.bulk_load import BulkAgent, load
from agents.tasks import bulk as tasks
from agents.tasks import bulk_worker
from agents.tasks.offboarding import offboard
from tests.helpers import ROOT, all_tags, drift, make_agent, make_manager, replayed, tags_of

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 230  # three batches


@pytest.fixture(autouse=True)
def _low_threshold(settings: Settings) -> None:
    settings.WHOLE_TAG_AT_ONCE = 100


def make_herd(tag: str, *more: str) -> None:
    """Agents that carry the tag; every tenth one of `more` as well."""
    for number in range(COUNT):
        make_agent(tags=[tag, *(more if number % 10 == 0 else ())])


def work() -> None:
    """What a worker does until nothing is due."""
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)


def step(plan: BulkPlan, times: int = 1) -> None:
    """Some batches of a run."""
    for _ in range(times):
        run.step(plan.id)
    plan.refresh_from_db()


def carried() -> list[tuple[int, str]]:
    return sorted(AgentTag.objects.values_list("agent_id", "tag__name"))


def agrees() -> None:
    """Counters, history and rows say the same."""
    assert (drift(), list(differences()), replayed()) == ([], [], all_tags())


def merged(actor: Actor | None = None) -> BulkPlan:
    actor = actor or make_manager()
    plan = tasks.merge_tags(source="user_1", target="user_2", actor=actor)
    assert isinstance(plan, BulkPlan)
    return plan


def test_merge_it_works() -> None:
    make_herd("user_1", "user_2", "x")
    make_agent(tags=["user_2"])
    told = plan_merge(source="user_1", target="user_2", actor=make_manager())
    assert told.is_job
    assert told.seconds
    plan = merged()
    assert (plan.state, plan.op, plan.matched) == (BulkState.RUNNING, BulkOp.MERGE, COUNT)
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.looked, plan.changed) == (BulkState.DONE, COUNT, COUNT)
    assert sorted(Tag.objects.values_list("name", "n")) == [("user_2", COUNT + 1), ("x", 23)]
    assert {one.words for one in results_of(plan, ROOT)} == {"changed"}
    heads = Change.objects.filter(change_set_id=plan.change_set_id, agent_id=None)
    assert heads.get().op == Op.MERGE
    assert heads.get().change_set.act == Act.MERGE
    agrees()


def job_of(how: OffboardMode, **more: str) -> BulkPlan:
    """The bulk change of an off-boarding."""
    row = offboard(name="user_1", how=how, actor=make_manager(), **more)
    return BulkPlan.objects.get(id=row.plan_id)


@pytest.mark.parametrize("how", ["delete", "off-board"])
def test_end_it_works(how: str) -> None:
    make_herd("user_1", "user_2")
    key = create_key(name="app", scope="write", limit_tag="user_1", actor=ROOT).key
    if how == "delete":
        plan = tasks.delete_tag(name="user_1", actor=make_manager())
    else:
        plan = job_of(OffboardMode.TAG)
    assert isinstance(plan, BulkPlan)
    key.refresh_from_db()
    assert key.disabled_at is not None  # before the first batch
    late = Agent.objects.order_by("seq").first()
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.changed) == (BulkState.DONE, COUNT)
    assert late is not None
    assert tags_of(late) == ["user_2"]
    assert list(Tag.objects.values_list("name", flat=True)) == ["user_2"]
    act = Act.TAG_DELETE if how == "delete" else Act.OFFBOARD
    assert Change.objects.filter(change_set__act=act, op=Op.REMOVE).count() == COUNT
    agrees()


def test_merge_that_a_worker_of_0_2_0_takes_for_done_is_continued() -> None:
    make_herd("user_1")
    make_agent(tags=["user_2"])
    plan = merged()
    DBTaskResult.objects.all().delete()
    # As that version leaves a plan without a next batch, a minute ago.
    ended = plan.started_at - timedelta(minutes=1)
    BulkPlan.objects.update(state=BulkState.DONE, beat_at=ended, finished_at=ended)
    bulk_worker.look_after_start()
    bulk_worker.look_after_bulk.func()
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.changed) == (BulkState.DONE, COUNT)
    assert not Tag.objects.filter(name="user_1").exists()
    bulk_worker.look_after_start()
    plan.refresh_from_db()
    assert plan.state == BulkState.DONE
    agrees()


def test_few_agents_change_at_once() -> None:
    make_agent(tags=["user_1"])
    assert not plan_delete(name="user_1", actor=make_manager()).is_job
    done = tasks.delete_tag(name="user_1", actor=make_manager())
    assert not isinstance(done, BulkPlan)
    assert not Tag.objects.exists()


def test_plan_that_no_longer_holds_begins_nothing() -> None:
    make_herd("user_1")
    print_ = plan_delete(name="user_1", actor=make_manager()).fingerprint
    offboarding = plan_offboard(
        name="user_1", how=OffboardMode.TAG, actor=make_manager()
    ).fingerprint
    make_agent(tags=["user_1"])
    with pytest.raises(PlanChanged):
        tasks.delete_tag(name="user_1", actor=make_manager(), fingerprint=print_)
    with pytest.raises(OffboardChanged):
        job_of(OffboardMode.TAG, fingerprint=offboarding)
    assert not BulkPlan.objects.exists()
    assert Tag.objects.get().ends_in is None
    # The agent that came a moment before is part of it.
    job_of(OffboardMode.TAG)
    work()
    assert not AgentTag.objects.exists()


def test_batch_is_whole_and_stop_resume_and_undo_work() -> None:
    make_herd("user_1", "user_2")
    describe_tag(name="user_1", description="Mara", colour="red", actor=make_manager())
    before = carried()
    plan = merged()
    step(plan)
    per_agent = [sorted(tags) for tags in all_tags().values()]
    assert per_agent.count(["user_2"]) == plan.looked == 100
    assert all(tags == ["user_1"] or "user_2" in tags for tags in per_agent)
    agrees()
    run.stop(plan_id=plan.id, actor=make_manager())
    step(plan)
    assert (plan.state, plan.looked) == (BulkState.STOPPED, 100)
    tasks.resume(plan_id=plan.id, actor=make_manager())
    work()
    plan.refresh_from_db()
    assert (plan.state, plan.looked) == (BulkState.DONE, COUNT)
    undone = tasks.undo(change_set_id=plan.change_set_id or 0, actor=make_manager())
    assert isinstance(undone, BulkPlan)
    work()
    undone.refresh_from_db()
    assert (undone.state, undone.changed, undone.problem) == (BulkState.DONE, COUNT, "")
    assert carried() == before
    again = Tag.objects.get(name="user_1")
    assert (again.description, again.colour, again.ends_in) == ("Mara", "red", None)
    agrees()


def test_undo_of_one_that_was_stopped_opens_the_tag_again() -> None:
    make_herd("user_1")
    before = carried()
    plan = tasks.delete_tag(name="user_1", actor=make_manager())
    assert isinstance(plan, BulkPlan)
    step(plan)
    run.stop(plan_id=plan.id, actor=make_manager())
    tasks.begin_undo(plan_id=plan.id, actor=make_manager())
    work()
    assert carried() == before
    make_agent(tags=["user_1"])
    with pytest.raises(Conflict, match="undone"):
        tasks.resume(plan_id=plan.id, actor=make_manager())
    agrees()


def test_undo_before_the_first_batch() -> None:
    make_herd("user_1")
    plan = tasks.delete_tag(name="user_1", actor=make_manager())
    assert isinstance(plan, BulkPlan)
    run.stop(plan_id=plan.id, actor=make_manager())
    undo_plan = tasks.begin_undo(plan_id=plan.id, actor=make_manager())
    work()
    undo_plan.refresh_from_db()
    assert undo_plan.state == BulkState.DONE
    make_agent(tags=["user_1"])
    agrees()


def test_no_way_puts_the_old_tag_on_an_agent() -> None:
    make_herd("user_1")
    agent = make_agent(tags=["user_1", "other"])
    removed = change_tags(
        agent_id=agent.public_id, remove=["user_1"], actor=make_manager()
    ).change_set
    assert removed
    plan = merged_into_new()
    step(plan)
    other = make_agent(tags=["other"])
    one = {"agent_id": other.public_id, "actor": ROOT}
    new = NewAgent(model="a/b", tags=["user_1"])
    ways = {
        "create": lambda: create_agent(new, actor=ROOT),
        "import": lambda: create_agent(new, actor=ROOT, act=Act.IMPORT),
        "load": lambda: list(load([loaded("user_1")], actor=ROOT)),
        "delta": lambda: change_tags(add=["user_1"], **one),
        "patch": lambda: update_agent(edit=AgentEdit(), tags=["user_1"], **one),
        "assign": lambda: assign(name="user_1", agent_ids=[other.public_id], actor=ROOT),
        "rename onto": lambda: rename_tag(old="other", new="user_1", actor=ROOT),
        "merge into": lambda: merge_tags(source="other", target="user_1", actor=ROOT),
        "rename": lambda: plan_rename(old="user_1", new="user_3", actor=ROOT),
        "delete": lambda: plan_delete(name="user_1", actor=ROOT),
        "delete the target": lambda: plan_delete(name="user_2", actor=ROOT),
        "key": lambda: create_key(name="k", scope="read", limit_tag="user_1", actor=ROOT),
    }
    for name, way in ways.items():
        before = carried()
        with pytest.raises(Conflict):
            print(name, way())
        assert carried() == before
    kept = undo(change_set_id=removed.id, actor=ROOT).kept
    assert "cannot be added" in kept[0].why
    change = BulkChange(BulkOp.ADD, add=["user_1"])
    wanted = Selection(AgentFilter(any=("other",)))
    bulk = tasks.make_plan(selection=wanted, change=change, actor=ROOT)
    assert '"refused":2' in bulk.planned
    work()
    assert not Tag.objects.filter(name="user_1").exists()
    agrees()
    make_agent(tags=["user_1"])  # a new tag of the same name


def loaded(tag: str) -> BulkAgent:
    """An agent as `manage.py import_agents` loads it."""
    now = timezone.now()
    columns = columns_of(NewAgent(model="a/b"))
    return BulkAgent(f"agent-{uuid4()}", "a", columns, (tag,), now, now)


def merged_into_new() -> BulkPlan:
    make_agent(tags=["user_2"])
    return merged()


def test_keys_and_what_names_the_tag_move_in_the_last_step_of_a_merge() -> None:
    make_herd("user_1")
    make_agent(tags=["user_2"])
    key = create_key(name="app", scope="write", limit_tag="user_1", actor=ROOT).key
    with pytest.raises(NotAllowed, match="admin"):
        merged()
    plan = merged(ROOT)
    step(plan, 3)
    key.refresh_from_db()
    assert (key.limit_tag, plan.looked) == ("user_1", COUNT)
    step(plan)
    key.refresh_from_db()
    assert (key.limit_tag, plan.state) == ("user_2", BulkState.DONE)
    tasks.begin_undo(plan_id=plan.id, actor=ROOT)
    work()
    assert ApiKey.objects.get().limit_tag == "user_1"
    agrees()


def test_undo_makes_the_tag_again_though_its_agents_are_gone() -> None:
    make_herd("user_1")
    describe_tag(name="user_1", description="Mara", actor=make_manager())
    plan = tasks.delete_tag(name="user_1", actor=make_manager())
    assert isinstance(plan, BulkPlan)
    work()
    tasks.begin_undo(plan_id=plan.id, actor=make_manager())
    work()
    assert Tag.objects.get().description == "Mara"
