"""Which process syncs a source, and how its attempts went.

A process holds a source for some seconds and renews that. If it dies, another one takes the source over.
The times come from the database's clock.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Least, Now
from django.utils import timezone

from agents.core.actors import source_actor
from agents.domain.core.record import Entry, record_and_log
from agents.domain.core.transactions import write
from agents.models import Act, AgentSource, Op, SourcedAgent, SourceMarking

LEASE = timedelta(seconds=6)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds after a failure
DENIED_PAUSE = 300.0  # seconds after the server refused the token or is of another kind


def take(holder: str) -> list[int]:
    """Hold all sources that are not paused and that no other process holds; the ids that this one has."""
    free = Q(held_by=None) | Q(held_until=None) | Q(held_until__lt=Now()) | Q(held_by=holder)
    ids = list(AgentSource.objects.filter(free, paused_at=None).values_list("id", flat=True))
    if not ids:
        return []
    AgentSource.objects.filter(free, id__in=ids, paused_at=None).update(
        held_by=holder, held_until=Now() + LEASE
    )
    mine = AgentSource.objects.filter(held_by=holder, paused_at=None)
    return list(mine.values_list("id", flat=True))


def release(holder: str) -> None:
    """Let other processes hold the sources of this one."""
    AgentSource.objects.filter(held_by=holder).update(held_by=None, held_until=None)


def waiting(source_ids: Collection[int]) -> set[int]:
    """The sources among these with something to send or to mark."""
    due = SourcedAgent.objects.filter(source_id__in=source_ids, behind_since__isnull=False)
    due = due.filter(Q(push_after=None) | Q(push_after__lte=timezone.now()))
    found = set(due.order_by().values_list("source_id", flat=True).distinct())
    markings = SourceMarking.objects.filter(source_id__in=source_ids)
    return found | set(markings.values_list("source_id", flat=True).distinct())


def asked(source_ids: Collection[int]) -> set[int]:
    """The sources among these of which a person wants a whole listing now."""
    rows = AgentSource.objects.filter(id__in=source_ids, sync_asked_at__isnull=False)
    return set(rows.values_list("id", flat=True))


def current(source_id: int, holder: str) -> AgentSource | None:
    """The source as it is now; None if this process must leave it alone."""
    return AgentSource.objects.filter(id=source_id, held_by=holder, paused_at=None).first()


def note_success(source: AgentSource) -> None:
    """Note that the server answered."""
    AgentSource.objects.filter(id=source.id).update(
        synced_at=timezone.now(), tried_at=timezone.now(), problem="", failures=0, next_try_at=None
    )


def note_failure(
    source: AgentSource, why: str, *, denied: bool = False, retry_after: int | None = None
) -> datetime:
    """Note that an attempt failed. Returns when to try again.

    After 1 to 60 s, or later if the server asked for that, at most after DENIED_PAUSE.
    """
    pause = DENIED_PAUSE if denied else min(FIRST_PAUSE * 2**source.failures, LONGEST_PAUSE)
    pause = max(pause, min(retry_after or 0, DENIED_PAUSE))
    now = timezone.now()
    again = now + timedelta(seconds=pause)
    AgentSource.objects.filter(id=source.id).update(
        tried_at=now, problem=why, failures=Least(F("failures") + 1, 1000), next_try_at=again
    )
    return again


@write
def pause_and_ask(*, source_id: int, why: str) -> None:
    """Pause a source that may be another server now."""
    row = AgentSource.objects.select_for_update(no_key=True).get(id=source_id)
    if row.paused_at is not None:
        return
    row.paused_at, row.pause_reason = timezone.now(), why
    row.save(update_fields=["paused_at", "pause_reason"])
    actor = source_actor(row.id, row.name)
    entry = Entry(Op.SET, field=f"source {row.id}", new=f"{row.name}: paused: {why}")
    record_and_log(
        actor=actor, act=Act.SOURCE, entry=entry, event="source: paused", source=row.name
    )
