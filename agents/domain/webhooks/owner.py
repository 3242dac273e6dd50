"""Decide which process sends the deliveries of a webhook: one at a time, to keep their order.

The owner writes a heartbeat every second. Another process takes over from an owner without a heartbeat
for five seconds, so a killed worker delays deliveries by no more than that. Both times come from the
database's clock. Nothing depends on a database session, so this works behind a connection pooler.
"""

import secrets
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from agents.domain.webhooks import log
from agents.domain.webhooks.write import LEASE, is_under_way
from agents.models import Delivery, DeliveryState, Webhook

BEAT = 1.0  # seconds between two heartbeats
TAKEOVER = timedelta(seconds=5)


def with_work() -> list[int]:
    """Return the webhooks without a live owner that have something to send or to read from the log."""
    last = log.last()
    due = Delivery.objects.filter(state=DeliveryState.WAITING, next_at__lte=timezone.now())
    return [
        hook.id
        for hook in Webhook.objects.filter(_free()).order_by("id")
        if hook.owner is not None
        or (hook.enabled and hook.cursor < last)
        or due.filter(webhook=hook).exists()
    ]


def new_owner() -> str:
    """Return a unique name for a process that sends."""
    return secrets.token_hex(16)


@transaction.atomic
def take(webhook_id: int, owner: str) -> Webhook | None:
    """Become the owner of a webhook. None if another process owns it.

    Deliveries that a dead owner was sending are due again at once; that attempt counts.
    """
    rows = Webhook.objects.select_for_update(skip_locked=True).filter(_free(), id=webhook_id)
    hook = rows.first()
    if hook is None:
        return None
    if hook.owner is not None:
        _make_due(hook)
    Webhook.objects.filter(id=hook.id).update(owner=owner, beat_at=Now())
    hook.owner = owner
    return hook


def beat(owner: str, webhook_ids: Collection[int]) -> set[int]:
    """Write the owner's heartbeat. Returns the webhooks that another process has taken over."""
    mine = Webhook.objects.filter(owner=owner)
    if mine.update(beat_at=Now()) == len(webhook_ids):
        return set()
    return set(webhook_ids) - set(mine.values_list("id", flat=True))


def release(owner: str) -> None:
    """Give up all webhooks of this owner, so that another process can take them."""
    Webhook.objects.filter(owner=owner).update(owner=None, beat_at=None)


def _free() -> Q:
    return Q(owner=None) | Q(beat_at=None) | Q(beat_at__lt=Now() - TAKEOVER)


def _make_due(hook: Webhook) -> None:
    now = timezone.now()
    tried = Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING, next_at__gt=now)
    lost = [row.id for row in tried.filter(tried_at__gt=now - LEASE) if is_under_way(row)]
    Delivery.objects.filter(id__in=lost, state=DeliveryState.WAITING).update(next_at=now)
