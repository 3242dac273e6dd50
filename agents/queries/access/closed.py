"""When an agent had a closed tag: the tag of an off-boarded user that it got after the off-boarding.

In these times no limited key and no limited member could touch the agent.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from agents.models import Offboarding
from agents.queries.access.past import TagSpan


class Window(NamedTuple):
    """A time from `low` to before `high`; a moment if both are equal."""

    low: datetime
    high: datetime


def closed_windows(spans: Iterable[TagSpan]) -> list[Window]:
    """Return the times in which one of these tags of an agent was closed, in order."""
    named: dict[str, list[TagSpan]] = {}
    for span in spans:
        named.setdefault(span.tag, []).append(span)
    found = []
    for row in Offboarding.objects.filter(name__in=list(named)):
        end = min(row.opened_at or row.watched_until, row.watched_until)
        for span in named[str(row.name)]:
            until = end if span.until is None else min(span.until, end)
            if span.since >= row.created_at and span.since < until:
                found.append(Window(span.since, until))
    return sorted(found)


def open_parts(window: Window, closed: Sequence[Window]) -> list[Window]:
    """Return the parts of a window, or the moment, that are in none of these times."""
    if window.low == window.high:
        return [] if any(low <= window.low < high for low, high in closed) else [window]
    parts, low = [], window.low
    for start, end in closed:
        if low < min(start, window.high):
            parts.append(Window(low, min(start, window.high)))
        low = max(low, end)
    return [*parts, Window(low, window.high)] if low < window.high else parts
