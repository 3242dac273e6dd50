"""Deliveries are claimed and settled in batches, and each agent keeps its order."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.queue import Outcome, settle
from agents.models import Delivery, DeliveryState, Webhook
from tests.helpers import ROOT, make_agent
from tests.webhooks.receiver import Receiver
from tests.webhooks.telling import claim, deliver, make_hook, take_up

pytestmark = pytest.mark.django_db
TAGS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time that stands still until a test moves it."""
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False) as traveller:
        yield traveller


def received(there: Receiver) -> dict[str, list[str]]:
    """The tags added to each agent, in the order in which the receiver was told."""
    order: dict[str, list[str]] = defaultdict(list)
    for body in there.told():
        order[body["data"]["agent_id"]] += body["data"]["added"]
    return order


def test_a_failing_agent_stops_no_other_over_many_batches(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    bad, *good = [make_agent().public_id for _ in range(40)]
    hook = make_hook(there)
    for tag in TAGS:
        for one in (bad, *good):
            change_tags(agent_id=one, add=[tag], actor=ROOT)
    there.answer = lambda got: 500 if bad.encode() in got.body else 204
    deliver()
    assert received(there) == {bad: ["a"]} | dict.fromkeys(good, TAGS)
    there.answer = lambda got: 204
    there.got.clear()
    clock.shift(timedelta(seconds=10))
    deliver()
    assert received(there) == {bad: TAGS}
    assert not Delivery.objects.exclude(webhook=hook, state=DeliveryState.DONE).exists()


def claimed(there: Receiver, number: int) -> list[Delivery]:
    make_hook(there)
    for _ in range(number):
        make_agent()
    take_up()
    return claim()


def test_many_results_are_stored_in_one_statement(there: Receiver) -> None:
    counts = []
    for number in (1, 30):
        Webhook.objects.all().delete()
        rows = claimed(there, number)
        with CaptureQueriesContext(connection) as asked:
            settle(rows[0].webhook_id, [(row, Outcome(7, 200 + at)) for at, row in enumerate(rows)])
        counts.append(len(asked))
    assert counts[0] == counts[1]
    stored = Delivery.objects.order_by("id").values_list("state", "status", "milliseconds")
    assert list(stored) == [(DeliveryState.DONE, 200 + at, 7) for at in range(30)]


def test_results_that_another_worker_replaced_are_not_stored(there: Receiver) -> None:
    mine, taken, failed = claimed(there, 3)
    Delivery.objects.filter(id=taken.id).update(attempts=2)  # another worker claimed it since
    Delivery.objects.filter(id=failed.id).update(state=DeliveryState.FAILED)
    settle(mine.webhook_id, [(row, Outcome(7, 204)) for row in (mine, taken, failed)])
    states = Delivery.objects.order_by("id").values_list("state", "status")
    expected = [("done", 204), ("waiting", None), ("failed", None)]
    assert list(states) == expected
