"""Deliveries: sent again until they arrive, and what follows if they do not."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from agents.core.errors import Conflict, NotFound
from agents.core.limits import WEBHOOK_ATTEMPTS
from agents.domain.tags.edit import change_tags
from agents.domain.webhooks import queue
from agents.domain.webhooks.queue import Outcome, pause, purge, settle
from agents.domain.webhooks.write import (
    delete_webhook,
    disable_webhook,
    enable_webhook,
    ping,
    redeliver,
)
from agents.models import Change, Delivery, DeliveryState, Webhook
from tests.helpers import ROOT, make_agent
from tests.webhooks.receiver import Receiver
from tests.webhooks.telling import (
    added,
    change,
    claim,
    deliver,
    make_hook,
    silence,
    states,
    take_up,
)

pytestmark = pytest.mark.django_db


# --- Again ----------------------------------------------------------------------------------


def test_pauses_grow_threefold_up_to_six_hours(settings: Settings) -> None:
    settings.WEBHOOK_RETRY_SECONDS = 5
    for attempt, seconds in enumerate([5, 15, 45, 135, 405, 1215, 3645, 10935, 21600, 21600]):
        spread = [pause(attempt + 1).total_seconds() for _ in range(50)]
        assert 0.8 * seconds <= min(spread) < max(spread) <= 1.2 * seconds
    assert pause(1, 600) == timedelta(seconds=600)
    assert pause(1, 10**9) == timedelta(hours=1)
    assert pause(10**6) < timedelta(hours=8)


def test_a_delivery_is_given_up_after_its_attempts_and_the_next_goes_on(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    agent = make_agent().public_id
    make_hook(there)
    change(agent, "a", "b")
    there.answer = lambda got: 500 if b'["a"]' in got.body else 204
    begun = datetime.now(UTC)
    while states() != [DeliveryState.FAILED, DeliveryState.DONE]:
        deliver()
        clock.shift(timedelta(minutes=10))
    assert added(there, agent) == ["a"] * WEBHOOK_ATTEMPTS + ["b"]
    assert timedelta(hours=15) < datetime.now(UTC) - begun < timedelta(hours=36)
    assert Delivery.objects.order_by("id")[0].status == 500


@pytest.mark.parametrize(("status", "good"), [(200, True), (299, True), (199, False), (304, False)])
def test_only_a_status_of_the_two_hundreds_is_success(
    there: Receiver, status: int, good: bool
) -> None:
    assert Outcome(1, status).is_good is good


def test_a_wait_that_the_receiver_asks_for_is_heeded(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    agent = make_agent().public_id
    make_hook(there)
    change(agent, "a")
    there.answer, there.headers = lambda got: 429, {"Retry-After": "120"}
    deliver()
    clock.shift(timedelta(seconds=119))
    deliver()
    assert len(there.got) == 1
    clock.shift(timedelta(seconds=1))
    deliver()
    assert len(there.got) == 2


def test_a_silent_owner_is_followed_by_another(there: Receiver) -> None:
    agent = make_agent().public_id
    make_hook(there)
    change(agent, "a", "b")
    take_up()
    lost = claim()
    deliver()
    assert there.got == []  # the owner may be alive
    silence()
    deliver()
    assert added(there, agent) == ["a", "b"]
    settle(lost[0].webhook_id, [(one, Outcome(1, error="late")) for one in lost])
    assert states() == [DeliveryState.DONE] * 2  # it was another's by then


def test_a_delivery_that_ends_every_worker_is_given_up() -> None:
    agent = make_agent().public_id
    make_hook(Receiver("http://127.0.0.1:9999/"))
    change(agent, "a")
    take_up()
    for _ in range(WEBHOOK_ATTEMPTS):
        assert len(claim()) == 1
        silence()
    assert claim() == []
    assert states() == [DeliveryState.FAILED]


# --- What follows for the webhook -----------------------------------------------------------


def fail_often(there: Receiver, count: int) -> None:
    """That many agents' events, none of which arrives."""
    there.answer = lambda got: 503
    for _ in range(count):
        make_agent()
    deliver()


def test_a_webhook_in_trouble_is_tried_one_at_a_time(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    hook = make_hook(there)
    fail_often(there, 40)
    tried = len(there.got)
    assert 10 <= tried <= 26
    deliver()
    assert len(there.got) == tried
    clock.shift(timedelta(minutes=11))
    deliver()
    assert len(there.got) == tried + 1
    there.answer = lambda got: 204
    clock.shift(timedelta(minutes=11))
    deliver()
    hook.refresh_from_db()
    assert set(states()) == {DeliveryState.DONE}
    assert (hook.failures, hook.failing_since, hook.hold_until) == (0, None, None)
    assert Delivery.objects.filter(attempts__gt=3).count() == 0


def test_a_webhook_that_fails_for_days_switches_itself_off_and_says_so(
    there: Receiver, clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.WEBHOOK_DISABLE_DAYS = 2
    hook = make_hook(there)
    fail_often(there, 20)
    for _ in range(49):
        clock.shift(timedelta(hours=1))
        deliver()
    hook.refresh_from_db()
    assert (hook.enabled, hook.problem) == (False, "Every delivery failed for 2 days.")
    last = Change.objects.order_by("-id")[0]
    assert (last.change_set.act, last.change_set.actor_name, last.new) == (
        "webhook",
        "Webhook delivery",
        "off: Every delivery failed for 2 days.",
    )
    came = len(there.got)
    clock.shift(timedelta(days=1))
    deliver()
    assert len(there.got) == came


def test_a_receiver_that_is_gone_is_switched_off_at_once(there: Receiver) -> None:
    hook = make_hook(there)
    there.answer = lambda got: 410
    make_agent()
    deliver()
    hook.refresh_from_db()
    assert (hook.enabled, hook.problem) == (
        False,
        "The receiver answered 410: it no longer exists.",
    )


def test_switched_on_it_goes_on_where_it_ended(there: Receiver) -> None:
    agent = make_agent().public_id
    hook = make_hook(there)
    disable_webhook(webhook_id=hook.public_id, actor=ROOT)
    change(agent, "a")
    deliver()
    assert there.got == []
    enable_webhook(webhook_id=hook.public_id, actor=ROOT)
    change(agent, "b")
    deliver()
    assert added(there, agent) == ["a", "b"]


def test_switched_on_from_now_it_leaves_out_what_was(there: Receiver) -> None:
    agent = make_agent().public_id
    hook = make_hook(there)
    change(agent, "a")
    take_up()
    disable_webhook(webhook_id=hook.public_id, actor=ROOT)
    change(agent, "b")
    enable_webhook(webhook_id=hook.public_id, skip=True, actor=ROOT)
    change(agent, "c")
    deliver()
    assert added(there, agent) == ["c"]


def test_a_test_is_sent_once_also_where_it_is_off_and_counts_for_nothing(there: Receiver) -> None:
    hook = make_hook(there)
    disable_webhook(webhook_id=hook.public_id, actor=ROOT)
    there.answer = lambda got: 500
    first = ping(webhook_id=hook.public_id, actor=ROOT)
    assert ping(webhook_id=hook.public_id, actor=ROOT).id == first.id
    deliver()
    hook.refresh_from_db()
    assert (states(), hook.failures, len(there.got)) == ([DeliveryState.FAILED], 0, 1)
    assert there.told()[0]["data"] == {"webhook": hook.public_id}


# --- By hand --------------------------------------------------------------------------------


def test_a_delivery_is_sent_again_with_the_same_id_and_body(there: Receiver) -> None:
    agent = make_agent(tags=["x"]).public_id
    hook = make_hook(there)
    change(agent, "a")
    deliver()
    change(agent, "later")
    one = Delivery.objects.get()
    redeliver(webhook_id=hook.public_id, delivery_id=one.public_id, actor=ROOT)
    deliver()
    first, again, later = there.got
    assert (first.headers["webhook-id"], first.body) == (again.headers["webhook-id"], again.body)
    assert later.json["data"]["added"] == ["later"]


def test_what_waits_for_its_next_attempt_is_sent_now(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    agent = make_agent().public_id
    hook = make_hook(there)
    change(agent, "a")
    there.answer = lambda got: 500
    deliver()
    there.answer = lambda got: 204
    one = Delivery.objects.get()
    redeliver(webhook_id=hook.public_id, delivery_id=one.public_id, actor=ROOT)
    deliver()
    assert states() == [DeliveryState.DONE]


def test_what_is_being_sent_or_cannot_be_is_not_sent_again(there: Receiver) -> None:
    agent = make_agent().public_id
    hook, other = make_hook(there), make_hook(there)
    change(agent, "a")
    take_up()
    one = next(one for one in claim() if one.webhook_id == hook.id)
    about_it = {"delivery_id": one.public_id, "actor": ROOT}
    with pytest.raises(Conflict, match="being sent"):
        redeliver(webhook_id=hook.public_id, **about_it)
    with pytest.raises(NotFound):
        redeliver(webhook_id=other.public_id, **about_it)
    disable_webhook(webhook_id=hook.public_id, actor=ROOT)
    with pytest.raises(Conflict, match="switched off"):
        redeliver(webhook_id=hook.public_id, **about_it)


def test_a_webhook_that_is_deleted_while_it_sends_leaves_nothing(there: Receiver) -> None:
    hook = make_hook(there)
    make_agent()
    take_up()

    (one,) = claim()
    delete_webhook(webhook_id=hook.public_id, actor=ROOT)
    settle(hook.id, [(one, Outcome(1, 204))])
    assert (Webhook.objects.count(), Delivery.objects.count()) == (0, 0)


# --- Housekeeping ---------------------------------------------------------------------------


def test_what_is_over_is_deleted_after_its_days(
    there: Receiver, clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.WEBHOOK_KEEP_DAYS = 3
    make_hook(there)
    make_agent()
    deliver()
    clock.shift(timedelta(days=2))
    there.answer = lambda got: 500
    make_agent()
    deliver()
    clock.shift(timedelta(days=2))
    assert (purge(), states()) == (1, [DeliveryState.WAITING])


def test_no_more_is_taken_up_than_may_wait(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WEBHOOK_WAITING", 5)
    monkeypatch.setattr("agents.queries.webhooks._WINDOW", 3)
    agent = make_agent().public_id
    make_hook(there)
    change(agent, *"abcdefghijkl")
    for _ in range(10):
        take_up()
    assert len(states()) == 6
    deliver()
    assert added(there, agent) == list("abcdefghijkl")


@pytest.mark.parametrize("window", [1, 2, 3, 7])
def test_what_belongs_together_is_told_once_wherever_the_log_is_cut(
    there: Receiver, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr("agents.queries.webhooks._WINDOW", window)
    make_hook(there)
    agents = [make_agent(name=str(n), tags=["a", "b", "c"]) for n in range(3)]
    for one in agents:
        change_tags(agent_id=one.public_id, add=["d", "e"], remove=["a", "b"], actor=ROOT)
    deliver()
    events = [(body["type"], body["data"]["tags"]) for body in there.told()]
    assert sorted(events) == [
        *[("agent.created", ["a", "b", "c"])] * 3,
        *[("agent.tags.changed", ["c", "d", "e"])] * 3,
    ]


def test_statements_do_not_grow_with_the_events(there: Receiver) -> None:
    make_hook(there)
    counts = []
    for number in (1, 20):
        for _ in range(number):
            make_agent(tags=["a", "b"])
        there.got.clear()
        with CaptureQueriesContext(connection) as asked:
            deliver()
        assert len(there.got) == number
        counts.append(len([one for one in asked if "BEGIN" not in one["sql"]]))
    # All are claimed at once; what is written once for several depends on how fast they come back.
    assert counts[1] <= counts[0] + 20
