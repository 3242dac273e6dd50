"""The queue of deliveries: create them from the log, claim them, and store their results.

Each event is delivered at least once, and in order per agent: see `order`. The work is done in
batches, each a short transaction that does not wait for the network. Only the process that owns a
webhook claims its deliveries.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from agents.core.actors import ADMIN, Actor, ActorKind, Source
from agents.core.json_text import loads
from agents.core.limits import WEBHOOK_ATTEMPTS, WEBHOOK_WAITING
from agents.domain.webhooks import alerts, write
from agents.domain.webhooks.alerts import new_id
from agents.domain.webhooks.write import LEASE
from agents.models import Delivery, DeliveryState, Event, Webhook
from agents.queries import webhooks as events
from agents.queries.history.renames import Renames

# After this many failures in a row, a webhook gets one attempt and then a pause.
TROUBLED = 10
_SUCCESS_INTERVAL = timedelta(seconds=1)  # a webhook's success is stored this often
_LONGEST_HOLD = timedelta(minutes=10)
_LONGEST_PAUSE = timedelta(hours=6)
_LONGEST_ASKED = timedelta(hours=1)
_GONE = 410
_DONE = (
    "WITH good (id, attempts, status, milliseconds) AS (VALUES {rows})"
    " UPDATE agents_delivery SET state = 'done', error = '', status = good.status,"
    " milliseconds = good.milliseconds FROM good WHERE agents_delivery.id = good.id"
    " AND agents_delivery.attempts = good.attempts AND state = 'waiting'"
)
_JOB = Actor(ActorKind.JOB, "job:webhooks", "Webhook delivery", Source.COMMAND, ADMIN)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt. `status` is None if there was no answer."""

    milliseconds: int
    status: int | None = None
    error: str = ""
    retry_after: int | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def take_up_for(webhook_id: int, end: int) -> bool:
    """Create some deliveries of the events up to `end`. True if there are more."""
    hook = Webhook.objects.filter(id=webhook_id, enabled=True, cursor__lt=end).first()
    if hook is None or _is_full(hook):
        return False
    # Read outside of the transaction that writes, for which other writers on SQLite wait.
    found, upto = events.happened(hook.cursor, end)
    return _take_up(hook, _wanted(hook, found), upto) and upto < end


@transaction.atomic
def _take_up(read: Webhook, wanted: Iterable[events.Happened], upto: int) -> bool:
    """Create deliveries of the events after the cursor that was read.

    False if another process did that meanwhile, or somebody edited the webhook.
    """
    locked = Webhook.objects.select_for_update(skip_locked=True)
    same = {"cursor": read.cursor, "tags": read.tags, "events": read.events}
    hook = locked.filter(id=read.id, enabled=True, **same).first()
    if hook is None:
        return False
    hook.cursor = upto
    hook.save(update_fields=["cursor"])
    now = timezone.now()
    rows = [
        Delivery(
            webhook=hook,
            public_id=new_id(),
            event=happened.event,
            change_set_id=happened.change_set_id,
            change=happened.change,
            agent_id=happened.agent_id,
            next_at=now,
            created_at=now,
        )
        for happened in wanted
    ]
    Delivery.objects.bulk_create(rows, batch_size=1000)
    return True


def _is_full(hook: Webhook) -> bool:
    """True if the queue is full. Further events stay in the log, so the queue does not grow."""
    waiting = Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING)
    return waiting.order_by()[WEBHOOK_WAITING - 1 :].exists()


def _wanted(hook: Webhook, found: Sequence[events.Happened]) -> Iterable[events.Happened]:
    kinds, patterns = loads(hook.events), loads(hook.tags)
    found = [happened for happened in found if not kinds or happened.event in kinds]
    if not patterns:
        return found
    renames = Renames({name for happened in found for name in happened.tags})
    return [happened for happened in found if events.concerns(happened, patterns, renames)]


@transaction.atomic
def claim(hook: Webhook, ids: Sequence[int]) -> list[Delivery]:
    """Mark pending deliveries as being sent, count an attempt for each, and return them.

    Returns none if another process owns the webhook now.
    """
    if not Webhook.objects.select_for_update(no_key=True).filter(id=hook.id, owner=hook.owner):
        return []
    now = timezone.now()
    waiting = Delivery.objects.filter(id__in=ids, state=DeliveryState.WAITING, next_at__lte=now)
    rows = list(waiting.select_for_update().order_by("id"))
    lost = [row.id for row in rows if row.attempts >= WEBHOOK_ATTEMPTS]
    if lost:
        Delivery.objects.filter(id__in=lost).update(
            state=DeliveryState.FAILED, error="The worker stopped during each attempt."
        )
    rows = [row for row in rows if row.id not in lost]
    Delivery.objects.filter(id__in=[row.id for row in rows]).update(
        attempts=F("attempts") + 1, tried_at=now, next_at=now + LEASE
    )
    for row in rows:
        row.webhook, row.attempts = hook, row.attempts + 1
    return rows


def give_back(rows: Iterable[Delivery]) -> None:
    """Set deliveries that were claimed and not sent back to pending, without the attempt."""
    ids = [row.id for row in rows]
    if ids:
        waiting = Delivery.objects.filter(id__in=ids, state=DeliveryState.WAITING)
        waiting.update(attempts=F("attempts") - 1, next_at=timezone.now())


@transaction.atomic
def settle(webhook_id: int, sent: Sequence[tuple[Delivery, Outcome]]) -> Webhook | None:
    """Store the results of attempts for one webhook, in the order in which they ended.

    Returns the updated webhook, or None if it was deleted.
    """
    now = timezone.now()
    # Every writer locks the webhook before its deliveries, which avoids deadlocks.
    hook = Webhook.objects.select_for_update(no_key=True).filter(id=webhook_id).first()
    if hook is None:
        return None  # its deliveries were deleted too
    _settle_successes([(row, outcome) for row, outcome in sent if outcome.is_good])
    for row, outcome in sent:
        if outcome.is_good:
            _recovered(hook, now)
        elif _settle_failure(row, outcome, now) and row.event != Event.PING:
            _failed(hook, outcome, now)
    return hook


def _settle_successes(good: Sequence[tuple[Delivery, Outcome]]) -> None:
    """Store successful attempts, except those that another process has claimed since."""
    values = [
        value
        for row, outcome in good
        for value in (row.id, row.attempts, outcome.status, outcome.milliseconds)
    ]
    if values:
        rows = ", ".join(["(%s, %s, %s, %s)"] * len(good))
        with connection.cursor() as cursor:
            cursor.execute(_DONE.format(rows=rows), values)


def _settle_failure(row: Delivery, outcome: Outcome, now: datetime) -> bool:
    """Store a failed attempt. False if another process has claimed the delivery since."""
    values: dict[str, Any] = {
        "milliseconds": outcome.milliseconds,
        "status": outcome.status,
        "error": outcome.error,
    }
    if is_last(row):
        values |= {"state": DeliveryState.FAILED}
    else:
        values |= {"next_at": now + pause(row.attempts, outcome.retry_after)}
    mine = Delivery.objects.filter(id=row.id, attempts=row.attempts, state=DeliveryState.WAITING)
    return bool(mine.update(**values))


def is_last(row: Delivery) -> bool:
    """True if this is the delivery's last attempt."""
    return row.attempts >= WEBHOOK_ATTEMPTS or row.event == Event.PING


def pause(attempts: int, asked: int | None = None) -> timedelta:
    """Return the wait before the next attempt, in seconds: three times the last one, plus or minus 20 % at random.

    `asked` is the receiver's Retry-After in seconds; at most an hour of it counts.
    """
    times = float(3 ** min(attempts - 1, 20))
    base = min(timedelta(seconds=settings.WEBHOOK_RETRY_SECONDS) * times, _LONGEST_PAUSE)
    wanted = base * random.uniform(0.8, 1.2)  # noqa: S311
    return max(wanted, min(timedelta(seconds=asked or 0), _LONGEST_ASKED))


def _recovered(hook: Webhook, now: datetime) -> None:
    """Store a success: at once after a failure, otherwise once a second."""
    noted = hook.delivered_at
    if hook.failures == 0 and noted is not None and timedelta() <= now - noted < _SUCCESS_INTERVAL:
        return
    hook.failures, hook.failing_since, hook.hold_until, hook.delivered_at = 0, None, None, now
    hook.save(update_fields=["failures", "failing_since", "hold_until", "delivered_at"])


def _failed(hook: Webhook, outcome: Outcome, now: datetime) -> None:
    hook.failures += 1
    hook.failing_since = hook.failing_since or now
    if hook.failures >= TROUBLED:
        beyond = min(hook.failures - TROUBLED, 10)
        step = timedelta(seconds=settings.WEBHOOK_RETRY_SECONDS) * float(2**beyond)
        hook.hold_until = now + min(step, _LONGEST_HOLD)
    hook.save(update_fields=["failures", "failing_since", "hold_until"])
    if hook.failures == TROUBLED:
        alerts.tell_of_failing(hook)
    days = timedelta(days=settings.WEBHOOK_DISABLE_DAYS)
    if not hook.enabled:
        return
    if outcome.status == _GONE:
        _give_up(hook, "The receiver answered 410: it no longer exists.")
    elif now - hook.failing_since >= days:
        _give_up(hook, f"Every delivery failed for {settings.WEBHOOK_DISABLE_DAYS} days.")


def _give_up(hook: Webhook, why: str) -> None:
    write.switch_off(hook, why, actor=_JOB)
    alerts.tell_of_failing(hook)


def purge() -> int:
    """Delete finished deliveries older than WEBHOOK_KEEP_DAYS, at most 20,000. Returns how many."""
    before = timezone.now() - timedelta(days=settings.WEBHOOK_KEEP_DAYS)
    old = Delivery.objects.filter(created_at__lt=before).exclude(state=DeliveryState.WAITING)
    keys = list(old.order_by("created_at").values_list("id", flat=True)[:20_000])
    write.delete_deliveries(keys)
    return len(keys)


def is_busy() -> bool:
    """True if a webhook is enabled or a test is pending."""
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING, event=Event.PING)
    return Webhook.objects.filter(enabled=True).exists() or waiting.exists()
