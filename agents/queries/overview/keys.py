"""API keys that end soon, and keys that were never used."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.models import ApiKey
from agents.queries.overview.lines import MOST, Level, Line, capped, plural
from agents.queries.overview.totals import Totals

ENDS_WITHIN = timedelta(days=14)
_UNUSED_AFTER = timedelta(days=7)


def ending(now: datetime) -> QuerySet[ApiKey]:
    """Keys that expire within 14 days, without short-lived ones, which always do."""
    soon = ApiKey.objects.filter(disabled_at=None, expires_at__gt=now)
    soon = soon.filter(expires_at__lte=now + ENDS_WITHIN)
    return soon.filter(created_at__lt=F("expires_at") - ENDS_WITHIN).order_by("expires_at")


def never_used(now: datetime) -> QuerySet[ApiKey]:
    """Keys that still work, are older than a week and were never used."""
    unused = ApiKey.objects.filter(disabled_at=None, last_used_at=None)
    unused = unused.filter(created_at__lt=now - _UNUSED_AFTER)
    return unused.exclude(expires_at__lte=now).order_by("created_at")


def lines(actor: Actor, _totals: Totals | None) -> Iterator[Line]:
    """Keys to renew or to disable. For admins."""
    if actor.limited or not actor.can(Power.ADMIN):
        return
    now = timezone.now()
    n, more = capped(ending(now), MOST)
    text = f"{plural(n, 'key ends', 'keys end')} within 14 days"
    yield Line(n, text, f"{reverse('keys')}?only=ending", Level.WARNING, more=more)
    n, more = capped(never_used(now), MOST)
    text = f"{plural(n, 'key was', 'keys were')} never used"
    yield Line(n, text, f"{reverse('keys')}?only=unused", Level.INFO, more=more)
