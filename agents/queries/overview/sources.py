"""Sources that do not answer, are paused or lag behind, and questions of their inbox."""

from collections.abc import Iterator
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.models import AgentSource
from agents.queries.overview.lines import Level, Line, plural
from agents.queries.overview.totals import Totals
from agents.queries.sources import open_questions

_LATE = timedelta(minutes=2)
_MOST = 20


def lines(actor: Actor, _totals: Totals | None) -> Iterator[Line]:
    """One line for each source with a problem, for admins; and the open questions, for managers."""
    if actor.limited or not actor.can(Power.MANAGE):
        return
    if actor.can(Power.ADMIN):
        for source in AgentSource.objects.order_by("name")[:_MOST]:
            text, note, level = _problem(source)
            if text:
                yield Line(1, text, source.get_absolute_url(), level, f"{source.name}: {note}")
    asked = open_questions()
    what = plural(asked, "question about a source waits", "questions about sources wait")
    yield Line(asked, what, reverse("source-inbox"))


def _problem(source: AgentSource) -> tuple[str, str, Level]:
    """What is wrong with a source, a note on it, and how bad it is; empty if nothing is."""
    if source.paused_at is not None:
        return "source is paused", source.pause_reason or "tag changes wait", Level.WARNING
    if source.problem:
        return "source does not answer", source.problem, Level.PROBLEM
    read = source.synced_at or source.created_at
    if read < timezone.now() - _LATE:
        return (
            "source is behind",
            f"last read {read:%Y-%m-%d %H:%M} UTC: is the worker running?",
            Level.PROBLEM,
        )
    return "", "", Level.INFO
