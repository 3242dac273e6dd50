"""Memory blocks and identities that agents of several users share."""

from collections.abc import Iterator

from django.urls import reverse

from agents.core.actors import Actor
from agents.models import Crossing
from agents.queries.overview.lines import Level, Line, capped, plural
from agents.queries.overview.totals import Totals


def lines(actor: Actor, _totals: Totals | None) -> Iterator[Line]:
    """Stored crossings that nobody marked as meant. For members without a limit."""
    if actor.limited:
        return
    n, more = capped(Crossing.objects.filter(meant_reason__isnull=True))
    text = plural(n, "crossing between users", "crossings between users")
    yield Line(n, text, reverse("crossings"), Level.WARNING, more=more)
