"""Read sources: how each is doing, what the inbox asks, and what is known of an agent of a source.

Callers have checked the rights: lists of sources are for admins, the inbox is for managers.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Min, Q
from django.utils import timezone

from agents.models import (
    AgentSource,
    ChangeSet,
    InboxItem,
    SourcedAgent,
    SourceKind,
    SourceMarking,
    Tag,
)


@dataclass(frozen=True, slots=True)
class WholeChange:
    """A change of many agents on its way to a source. `left` agents have not reached it yet."""

    change_set: ChangeSet
    agents: int
    left: int
    # Agents are still being marked; then `agents` and `left` still grow.
    marking: bool
    paused_at: datetime | None


# Agents that a source takes in a second if all tags of each are read, written and read again. Rough.
_RATES = {SourceKind.LETTA: 5, SourceKind.APP_SERVER: 20}
_CARRIERS = (
    "SELECT s.source_id, count(*) FROM agents_agenttag t"
    " JOIN agents_sourcedagent s ON s.agent_id = t.agent_id WHERE t.tag_id = %s GROUP BY s.source_id"
)


@dataclass(frozen=True, slots=True)
class Carriers:
    """The agents of a source that carry a tag, for the plan of a change of the whole tag."""

    source: AgentSource
    agents: int

    @property
    def time(self) -> str:
        """About how long the change takes to reach them, in words."""
        seconds = self.agents / _RATES[SourceKind(self.source.kind)]
        for size, unit in ((3600, "hour"), (60, "minute")):
            if seconds >= 1.5 * size:
                return f"about {round(seconds / size):,} {unit}s"
        return "about a minute" if seconds > 30 else "less than a minute"


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source is doing.

    `waiting` agents have tags that have not reached the source, since `waiting_since` the oldest.
    `refused` of them met an error. `lag` is in seconds since the last successful request; None before
    the first. `set_aside` agents have tags that ADE cannot store.
    """

    source: AgentSource
    agents: int
    hidden: int
    waiting: int
    waiting_since: datetime | None
    refused: int
    before_restore: int
    set_aside: int
    open_questions: int
    lag: float | None
    changes: list[WholeChange]

    @property
    def state(self) -> str:
        """One word for what a person sees first: paused, failing, new, or in step."""
        if self.source.paused_at is not None:
            return "paused"
        if self.source.problem:
            return "failing"
        return "new" if self.source.listed_at is None else "in step"


def states(sources: Sequence[AgentSource] | None = None) -> list[SourceState]:
    """Return how each source is doing, by name, in five statements."""
    rows = list(AgentSource.objects.order_by("name")) if sources is None else list(sources)
    ids = [row.id for row in rows]
    behind = Q(behind_since__isnull=False)
    counted: dict[int, Any] = {
        counts["source_id"]: counts
        for counts in SourcedAgent.objects.filter(source_id__in=ids)
        .values("source_id")
        .annotate(
            agents=Count("agent_id"),
            hidden=Count("agent_id", filter=Q(hidden_there=True)),
            waiting=Count("agent_id", filter=behind),
            waiting_since=Min("behind_since"),
            refused=Count("agent_id", filter=behind & ~Q(problem="")),
            before_restore=Count("agent_id", filter=Q(before_restore=True)),
            set_aside=Count("agent_id", filter=~Q(set_aside="[]")),
        )
        .order_by()
    }
    questions = dict(
        InboxItem.objects.filter(source_id__in=ids, decided_at=None)
        .values_list("source_id")
        .annotate(Count("id"))
        .order_by()
    )
    changes = _changes(ids)
    now = timezone.now()
    found = []
    for row in rows:
        counts: dict[str, Any] = counted.get(row.id, {})
        lag = None if row.synced_at is None else max(0.0, (now - row.synced_at).total_seconds())
        found.append(
            SourceState(
                row,
                counts.get("agents", 0),
                counts.get("hidden", 0),
                counts.get("waiting", 0),
                counts.get("waiting_since"),
                counts.get("refused", 0),
                counts.get("before_restore", 0),
                counts.get("set_aside", 0),
                questions.get(row.id, 0),
                lag,
                changes.get(row.id, []),
            )
        )
    return found


def carriers(tag: Tag) -> list[Carriers]:
    """Return the sources whose agents carry the tag, by name. Costs nothing without sources."""
    rows = AgentSource.objects.in_bulk()
    if not rows:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_CARRIERS, [tag.id])
        found = [Carriers(rows[key], number) for key, number in cursor.fetchall() if key in rows]
    return sorted(found, key=lambda one: one.source.name)


def _changes(ids: Collection[int]) -> dict[int, list[WholeChange]]:
    markings = list(SourceMarking.objects.filter(source_id__in=ids).order_by("id"))
    sets = ChangeSet.objects.in_bulk([marking.change_set_id for marking in markings])
    left: dict[tuple[int, int], int] = {}
    if markings:
        waiting = SourcedAgent.objects.filter(
            source_id__in=ids,
            behind_since__isnull=False,
            behind_by__in=[marking.change_set_id for marking in markings],
        )
        for source_id, by, number in (
            waiting.values_list("source_id", "behind_by").annotate(Count("agent_id")).order_by()
        ):
            left[source_id, by] = number
    found: dict[int, list[WholeChange]] = {}
    for marking in markings:
        if marking.change_set_id in sets:
            change = WholeChange(
                sets[marking.change_set_id],
                marking.agents,
                left.get((marking.source_id, marking.change_set_id), 0),
                marking.tag_id is not None,
                marking.paused_at,
            )
            found.setdefault(marking.source_id, []).append(change)
    return found


def inbox(
    *,
    source_id: int | None = None,
    decided: bool = False,
    before: int | None = None,
    most: int = 50,
) -> list[InboxItem]:
    """Return questions, newest first: open ones, or with `decided` those that were answered."""
    rows = InboxItem.objects.filter(decided_at__isnull=not decided).select_related("source")
    if source_id is not None:
        rows = rows.filter(source_id=source_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:most])


def open_questions() -> int:
    """Return the number of open questions of all sources."""
    return InboxItem.objects.filter(decided_at=None).count()
