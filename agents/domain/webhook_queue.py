"""What waits to be sent to whom: taken from the log, handed out in order, settled.

At least once and in order per agent: an event of an agent waits until the one before was delivered
or given up. The event of a tag concerns all its agents: it waits for all before it, and all after
wait for it, but for ten minutes at most, so that one agent's trouble does not hold everything.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone

from agents.actors import ADMIN, Actor, Kind, Source
from agents.domain import webhook_log, webhooks
from agents.domain.webhooks import LEASE
from agents.jsontext import loads
from agents.limits import WEBHOOK_ATTEMPTS, WEBHOOK_TAG_SECONDS, WEBHOOK_WAITING
from agents.listing import events
from agents.listing.renames import Renames
from agents.models import Delivery, DeliveryState, Event, Webhook

AT_ONCE = 16  # deliveries of one webhook that are under way together

# From so many failures in a row on, a webhook gets one attempt and then a pause.
_TROUBLED = 10
_NOTED = timedelta(seconds=1)
_LONGEST_HOLD = timedelta(minutes=10)
_LONGEST_PAUSE = timedelta(hours=6)
_LONGEST_ASKED = timedelta(hours=1)
_GONE = 410
_OF_TAGS = (Event.TAG_RENAMED, Event.TAG_MERGED, Event.TAG_DELETED)
_JOB = Actor(Kind.JOB, "job:webhooks", "Webhook delivery", Source.COMMAND, ADMIN)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to. `status` is None where there was no answer."""

    milliseconds: int
    status: int | None = None
    error: str = ""
    retry_after: int | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def take_up() -> bool:
    """Write the deliveries of what happened since, for each webhook. True if there is more."""
    cursors = dict(Webhook.objects.filter(enabled=True).order_by("id").values_list("id", "cursor"))
    if not cursors:
        return False
    end = webhook_log.safe_end()
    more = [_take_up(key, end) for key, cursor in cursors.items() if cursor < end]
    return any(more)


@transaction.atomic
def _take_up(webhook_id: int, end: int) -> bool:
    locked = Webhook.objects.select_for_update(skip_locked=True)
    hook = locked.filter(id=webhook_id, enabled=True, cursor__lt=end).first()
    if hook is None or _is_full(hook):
        return False
    found, hook.cursor = events.happened(hook.cursor, end)
    hook.save(update_fields=["cursor"])
    now = timezone.now()
    rows = [
        Delivery(
            webhook=hook,
            public_id=webhooks.new_id(),
            event=one.event,
            change_set_id=one.change_set_id,
            change=one.change,
            agent_id=one.agent_id,
            next_at=now,
            created_at=now,
        )
        for one in _wanted(hook, found)
    ]
    Delivery.objects.bulk_create(rows, batch_size=1000)
    return int(hook.cursor) < end


def _is_full(hook: Webhook) -> bool:
    """The log keeps what is not taken up; so nothing grows where a receiver is away."""
    waiting = Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING)
    return waiting.order_by()[WEBHOOK_WAITING - 1 :].exists()


def _wanted(hook: Webhook, found: Sequence[events.Happened]) -> Iterable[events.Happened]:
    kinds, patterns = loads(hook.events), loads(hook.tags)
    found = [one for one in found if not kinds or one.event in kinds]
    if not patterns:
        return found
    renames = Renames({name for one in found for name in one.tags})
    return [one for one in found if events.concerns(one, patterns, renames)]


def claim() -> list[Delivery]:
    """Deliveries to send now, each counted as tried; whoever fails to settle one is followed by
    another after LEASE."""
    now = timezone.now()
    claimed: list[Delivery] = []
    for hook in Webhook.objects.order_by("id"):
        # Looked for without a lock: SQLite has one writer, who is not to wait for nothing.
        due = list(_due(hook, now).values_list("id", flat=True)[: _share(hook)])
        rows = _take(due, now) if due else []
        for row in rows:
            row.webhook, row.attempts = hook, row.attempts + 1
        claimed += rows
    return claimed


@transaction.atomic
def _take(ids: Sequence[int], now: datetime) -> list[Delivery]:
    """Those of these that nobody else has taken meanwhile, counted as tried."""
    free = Delivery.objects.filter(id__in=ids, state=DeliveryState.WAITING, next_at__lte=now)
    rows = list(free.select_for_update(skip_locked=True).order_by("id"))
    lost = [row.id for row in rows if row.attempts >= WEBHOOK_ATTEMPTS]
    Delivery.objects.filter(id__in=lost).update(
        state=DeliveryState.FAILED, error="The worker ended each time it was sent."
    )
    rows = [row for row in rows if row.id not in lost]
    Delivery.objects.filter(id__in=[row.id for row in rows]).update(
        attempts=F("attempts") + 1, tried_at=now, next_at=now + LEASE
    )
    return rows


def _due(hook: Webhook, now: datetime) -> QuerySet[Delivery]:
    """What may be sent now. Its cost grows with what waits, which is bounded."""
    waiting = Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING)
    due = waiting.filter(next_at__lte=now).order_by("next_at", "id")
    ping = Q(event=Event.PING)
    if not hook.enabled or (hook.hold_until is not None and hook.hold_until > now):
        return due.filter(ping)
    # The first of each agent. (Asking of each whether one is before it takes PostgreSQL, which
    # knows little of a table that changes so fast, a scan for each.)
    of_agents = waiting.filter(agent_id__isnull=False).order_by()
    firsts = of_agents.values("agent_id").annotate(first=Min("id")).values("first")
    for_agents = Q(id__in=firsts)
    fresh = Q(created_at__gt=now - timedelta(seconds=WEBHOOK_TAG_SECONDS))
    barrier = waiting.filter(fresh, agent_id=None, event__in=_OF_TAGS).order_by("id").first()
    if barrier is None:
        return due.filter(ping | for_agents | Q(agent_id=None))
    first = waiting.exclude(ping).order_by("id").values_list("id", flat=True).first()
    for_tags = Q(agent_id=None) & (~fresh | Q(id=first))
    return due.filter(ping | (for_agents & Q(id__lt=barrier.id)) | for_tags)


def _share(hook: Webhook) -> int:
    return 1 if hook.failures >= _TROUBLED else AT_ONCE


@transaction.atomic
def settle(delivery: Delivery, outcome: Outcome) -> None:
    """Write what came of an attempt, and what follows for the webhook."""
    now = timezone.now()
    values: dict[str, Any] = {
        "milliseconds": outcome.milliseconds,
        "status": outcome.status,
        "error": outcome.error,
    }
    if outcome.is_good:
        values |= {"state": DeliveryState.DONE}
    elif delivery.attempts >= WEBHOOK_ATTEMPTS or delivery.event == Event.PING:
        values |= {"state": DeliveryState.FAILED}
    else:
        values |= {"next_at": now + pause(delivery.attempts, outcome.retry_after)}
    # The webhook before its delivery, as all who write both: so they wait and do not deadlock.
    hooks = Webhook.objects.filter(id=delivery.webhook_id)
    hook = None if outcome.is_good else hooks.select_for_update().first()
    if outcome.is_good:
        _recovered(hooks, now)
    # Gone with its webhook, or taken by another since, who counts one attempt more.
    mine = Delivery.objects.filter(id=delivery.id, attempts=delivery.attempts)
    written = mine.filter(state=DeliveryState.WAITING).update(**values)
    if written and hook is not None and delivery.event != Event.PING:
        _failed(hook, outcome, now)


def pause(attempts: int, asked: int | None = None) -> timedelta:
    """How long to wait after so many attempts: three times as long each time, a fifth by chance."""
    times = float(3 ** min(attempts - 1, 20))
    base = min(timedelta(seconds=settings.WEBHOOK_RETRY_SECONDS) * times, _LONGEST_PAUSE)
    wanted = base * random.uniform(0.8, 1.2)  # noqa: S311
    return max(wanted, min(timedelta(seconds=asked or 0), _LONGEST_ASKED))


def _recovered(hooks: QuerySet[Webhook], now: datetime) -> None:
    """Note a success: at once after a failure, otherwise once a second."""
    stale = Q(failures__gt=0) | Q(delivered_at=None) | Q(delivered_at__lt=now - _NOTED)
    hooks.filter(stale | Q(delivered_at__gt=now)).update(
        failures=0, failing_since=None, hold_until=None, delivered_at=now
    )


def _failed(hook: Webhook, outcome: Outcome, now: datetime) -> None:
    hook.failures += 1
    hook.failing_since = hook.failing_since or now
    if hook.failures >= _TROUBLED:
        beyond = min(hook.failures - _TROUBLED, 10)
        step = timedelta(seconds=settings.WEBHOOK_RETRY_SECONDS) * float(2**beyond)
        hook.hold_until = now + min(step, _LONGEST_HOLD)
    hook.save(update_fields=["failures", "failing_since", "hold_until"])
    days = timedelta(days=settings.WEBHOOK_DISABLE_DAYS)
    if not hook.enabled:
        return
    if outcome.status == _GONE:
        webhooks.switch_off(hook, "The receiver answered 410: it is gone for good.", actor=_JOB)
    elif now - hook.failing_since >= days:
        why = f"Nothing could be delivered for {settings.WEBHOOK_DISABLE_DAYS} days."
        webhooks.switch_off(hook, why, actor=_JOB)


def purge() -> int:
    """Delete deliveries that are over and older than WEBHOOK_KEEP_DAYS. How many."""
    before = timezone.now() - timedelta(days=settings.WEBHOOK_KEEP_DAYS)
    old = Delivery.objects.filter(created_at__lt=before).exclude(state=DeliveryState.WAITING)
    keys = list(old.order_by("created_at").values_list("id", flat=True)[:5000])
    Delivery.objects.filter(id__in=keys)._raw_delete(using="default")
    return len(keys)


def is_busy() -> bool:
    """True if there is a webhook that may have something to be told, or a test that waits."""
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING, event=Event.PING)
    return Webhook.objects.filter(enabled=True).exists() or waiting.exists()
