"""Webhooks are told of finished and stopped bulk changes, and of webhooks that fail."""

import pytest
from pytest_django import Settings

from agents.core.filters import AgentFilter
from agents.domain.bulk import run
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.bulk.retries import give_up
from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.queue import TROUBLED
from agents.models import BulkOp, BulkPlan, Delivery
from tests.helpers import ROOT, make_agent
from tests.webhooks.receiver import Receiver
from tests.webhooks.telling import deliver, make_hook, told

pytestmark = pytest.mark.django_db


def begun() -> BulkPlan:
    make_agent(tags=["user_1"])
    change = BulkChange(op=BulkOp.ADD, add=("vip",))
    plan = make_plan(selection=Selection(AgentFilter()), change=change, actor=ROOT)
    return run.begin(plan_id=plan.id, actor=ROOT)


def test_a_finished_bulk_change_is_told_once(there: Receiver) -> None:
    make_hook(there, events=["bulk.finished"])
    make_hook(there, events=["bulk.finished"], tags=["vip"])
    plan = begun()
    while run.step(plan.id):
        pass
    deliver()
    ((event, data),) = told(there)
    assert event == "bulk.finished"
    assert (data["id"], data["op"], data["add"], data["changed"]) == (
        str(plan.id),
        "add",
        ["vip"],
        1,
    )
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("by_person", [True, False])
def test_a_stopped_bulk_change_is_told(there: Receiver, by_person: bool) -> None:
    make_hook(there, events=["bulk.stopped"])
    plan = begun()
    for _ in range(2):  # a second time it is stopped already
        if by_person:
            run.stop(plan_id=plan.id, actor=ROOT)
        else:
            give_up(plan.id, "The disk is full.")
    deliver()
    ((event, data),) = told(there)
    assert (event, data["problem"]) == ("bulk.stopped", "" if by_person else "The disk is full.")


def test_others_are_told_that_a_webhook_fails(there: Receiver, settings: Settings) -> None:
    settings.WEBHOOK_RETRY_SECONDS = 0
    failing = make_hook(there, events=["agent.tags.changed"], name="billing")
    make_hook(there, events=["webhook.failing"])
    agent = make_agent()
    change_tags(agent_id=agent.public_id, add=["vip"], actor=ROOT)
    there.answer = lambda got: 204 if got.json["type"] == "webhook.failing" else 500
    for _ in range(TROUBLED + 1):
        deliver()
    alerts = [one for one in told(there) if one[0] == "webhook.failing"]
    assert [(data["id"], data["name"], data["failures"] >= TROUBLED) for _, data in alerts] == [
        (failing.public_id, "billing", True)
    ]
