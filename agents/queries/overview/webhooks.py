"""Webhooks that fail, or that ADE disabled."""

from collections.abc import Iterator

from django.db.models import Q

from agents.core.actors import Actor, Power
from agents.models import Delivery, DeliveryState, Webhook
from agents.queries.overview.lines import Level, Line, capped, plural
from agents.queries.overview.totals import Totals


def lines(actor: Actor, _totals: Totals | None) -> Iterator[Line]:
    """One line for each failing webhook. For managers."""
    if actor.limited or not actor.can(Power.MANAGE):
        return
    failing = Q(enabled=True, failing_since__isnull=False) | Q(enabled=False) & ~Q(problem="")
    for hook in Webhook.objects.filter(failing).order_by("id"):
        n, more = capped(Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING))
        waiting = f"{hook}, {n}{'+' if more else ''} {plural(n, 'event')} waiting"
        text = "webhook fails" if hook.enabled else "webhook was disabled"
        yield Line(1, text, hook.get_absolute_url(), Level.PROBLEM, waiting)
