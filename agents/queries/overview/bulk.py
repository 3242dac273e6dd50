"""Bulk changes that run, that stopped before their end, or that ended in the last day."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.limits import BULK_AT_ONCE
from agents.models import BulkPlan, BulkState
from agents.queries.overview.lines import Level, Line
from agents.queries.overview.totals import Totals

_MOST = 5
_LOOKED = 20
_NEWS = timedelta(days=1)
_WORDS = {
    BulkState.RUNNING: ("bulk change is running", Level.INFO),
    BulkState.PLANNING: ("bulk change is being planned", Level.INFO),
    BulkState.STOPPED: ("bulk change stopped", Level.PROBLEM),
}


def lines(actor: Actor, _totals: Totals | None) -> Iterator[Line]:
    """One line for each of the newest bulk changes that need a look. For managers."""
    if actor.limited or not actor.can(Power.MANAGE):
        return
    # The states as the partial index has them.
    plans = BulkPlan.objects.filter(state__in=["planning", "running", "stopped"])
    for plan in plans.order_by("-created_at")[:_MOST]:
        text, level = _WORDS[BulkState(plan.state)]
        note = f"{plan.get_op_display()}, {plan.looked:,} of {plan.matched:,} agents"
        yield Line(1, text, plan.get_absolute_url(), level, note)
    since = timezone.now() - _NEWS
    newest = list(BulkPlan.objects.order_by("-created_at")[:_LOOKED])
    ended = [
        plan for plan in newest if plan.state == "done" and (plan.finished_at or since) > since
    ]
    # Small ones end before the page does: nobody waits for them.
    for plan in [plan for plan in ended if plan.looked > BULK_AT_ONCE][:_MOST]:
        note = f"{plan.get_op_display()}, {plan.changed:,} agents changed"
        yield Line(1, "bulk change finished", plan.get_absolute_url(), Level.INFO, note)
