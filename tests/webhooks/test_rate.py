"""How fast many events go, and that a rename or merge of everything is one."""

import time

import pytest
from django.core.management import call_command

from agents.core.filters import AgentFilter
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.merge import merge_tags
from agents.models import Agent, BulkOp, BulkState, Delivery, Tag
from agents.tasks.bulk import begin
from tests.helpers import ROOT
from tests.webhooks.receiver import Receiver
from tests.webhooks.telling import deliver, make_hook, take_up

pytestmark = [pytest.mark.prove, pytest.mark.django_db(transaction=True)]
AGENTS = 5_000


def test_thousands_of_agents_are_told_one_by_one_and_a_merge_of_them_as_one(
    there: Receiver,
) -> None:
    call_command("bench_data", agents=AGENTS, shape="loadtest", append=True, verbosity=0)
    make_hook(there)
    plan = make_plan(
        selection=Selection(AgentFilter()),
        change=BulkChange(BulkOp.ADD, add=["bulk"]),
        actor=ROOT,
    )
    begin(plan_id=plan.id, actor=ROOT)
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
    plan.refresh_from_db()
    assert (plan.state, plan.changed) == (BulkState.DONE, AGENTS)
    begun = time.monotonic()
    while take_up():
        pass
    taken = time.monotonic() - begun
    assert (
        Delivery.objects.count() == AGENTS + 1
    )  # the last one says that the bulk change is finished
    begun = time.monotonic()
    deliver()
    sent = time.monotonic() - begun
    told = [body["data"]["agent_id"] for body in there.told() if body["type"] != "bulk.finished"]
    assert len(set(told)) == len(told) == len(there.got) - 1 == AGENTS
    print(f"{AGENTS:,} events taken up in {taken:.1f} s, sent in {sent:.1f} s")
    there.got.clear()
    merge_tags(source="bulk", target=Tag.objects.exclude(name="bulk")[0].name, actor=ROOT)
    begun = time.monotonic()
    deliver()
    print(f"the merge of {AGENTS:,} in {time.monotonic() - begun:.2f} s")
    assert [body["type"] for body in there.told()] == ["tag.merged"]
    assert there.told()[0]["data"]["agents"] == AGENTS == Agent.objects.count()
