"""Keys that the front door refused lately."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.models import KeyRefusal
from agents.queries.overview.lines import MOST, Level, Line, capped, plural
from agents.queries.overview.totals import Totals

_LATELY = timedelta(days=1)


def lines(actor: Actor, _totals: Totals | None) -> Iterator[Line]:
    """Keys that the front door refused within a day. For admins. Reads at most MOST + 1 rows."""
    if actor.limited or not actor.can(Power.ADMIN):
        return
    lately = KeyRefusal.objects.filter(last_at__gt=timezone.now() - _LATELY)
    keys = lately.values("key").annotate(last=Max("last_at")).order_by("-last")
    n, more = capped(keys, MOST)
    text = f"{plural(n, 'key was', 'keys were')} refused at the front door within a day"
    yield Line(n, text, reverse("keys"), Level.INFO, more=more)
