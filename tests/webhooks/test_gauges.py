"""What /metrics tells of webhooks: looked up in the database, so the same from every process."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.queue import Outcome, settle
from agents.domain.webhooks.write import disable_webhook
from agents.models import Webhook
from tests.helpers import ROOT, make_agent
from tests.running.test_metrics import read
from tests.webhooks.receiver import Receiver
from tests.webhooks.telling import claim, make_hook, take_up

pytestmark = pytest.mark.django_db


def gauges() -> dict[str, float]:
    """The samples of webhooks, without what their names begin with."""
    start = "ade_webhook"
    return {name.removeprefix(start): n for name, n in read().items() if name.startswith(start)}


def said(*, waiting: int = 0, oldest: float = 0.0, **states: int) -> dict[str, float]:
    numbers = dict.fromkeys(("well", "failing", "gave_up", "off"), 0) | states
    about = {f's{{state="{state}"}}': number for state, number in numbers.items()}
    return about | {"_deliveries_waiting": waiting, "_oldest_waiting_seconds": oldest}


def test_without_webhooks_all_is_nought() -> None:
    assert gauges() == said()


def test_what_waits_and_since_when_is_told(there: Receiver) -> None:
    agent = make_agent()
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False) as clock:
        hook = make_hook(there)
        change_tags(agent_id=agent.public_id, add=["a"], actor=ROOT)
        take_up()
        clock.shift(timedelta(seconds=90))
        change_tags(agent_id=agent.public_id, add=["b"], actor=ROOT)
        take_up()
        assert gauges() == said(waiting=2, oldest=90.0, well=1)
        first, _ = claim()
        settle(hook.id, [(first, Outcome(5, error="No answer: refused."))])
        assert gauges() == said(waiting=2, oldest=90.0, failing=1)
        disable_webhook(webhook_id=hook.public_id, actor=ROOT)
        assert gauges() == said(off=1)


def test_webhook_that_ade_switched_off_is_told_apart(there: Receiver) -> None:
    make_hook(there)
    make_hook(there)
    first = Webhook.objects.order_by("id").first()
    Webhook.objects.filter(id=first.id).update(enabled=False, problem="It is gone for good.")
    assert gauges() == said(well=1, gave_up=1)
