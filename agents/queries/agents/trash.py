"""Read the trash: the deleted agents that an actor may still see."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from agents.core.actors import Actor
from agents.models import (
    AgentSource,
    Offboarding,
    SourceKind,
    TrashedAgent,
    TrashedFile,
    TrashedTag,
)


@dataclass(frozen=True, slots=True)
class TrashPage:
    """One page of the trash, newest first, and the place after it, if there are more."""

    rows: list[TrashedAgent]
    after: str | None


def visible_trash(actor: Actor) -> QuerySet[TrashedAgent]:
    """The agents in the trash that were within the actor's reach. Keys see none."""
    rows = TrashedAgent.objects.all()
    reach = actor.reach
    if reach.everything:
        return rows
    tags = TrashedTag.objects.filter(agent_id=OuterRef("seq"))
    watching = Offboarding.objects.filter(watched_until__gt=timezone.now(), opened_at=None)
    rows = rows.exclude(Exists(tags.filter(name__in=watching.values("name"))))
    if reach.agents:
        return rows.filter(public_id__in=reach.agents)
    return rows.filter(Exists(tags.filter(name__in=reach.tags)))


def trash_page(*, actor: Actor, size: int, after: str | None = None) -> TrashPage:
    """Agents in the trash with their tags, newest first. `after` is a place that a page gave."""
    rows = visible_trash(actor).filter(purge_at__gt=timezone.now())
    if (place := _place(after)) is not None:
        at, seq = place
        rows = rows.filter(Q(deleted_at__lt=at) | Q(deleted_at=at, seq__lt=seq))
    # In the order of their text: the order of their rows would tell which tag others had first.
    tags = Prefetch("tags", TrashedTag.objects.order_by("name"))
    newest = rows.order_by("-deleted_at", "-seq").defer("state").prefetch_related(tags)
    found = list(newest[: size + 1])
    last = found[size - 1] if len(found) > size else None
    _say_how(found[:size])
    return TrashPage(
        found[:size], None if last is None else f"{last.deleted_at.isoformat()}_{last.seq}"
    )


def in_trash(public_id: str, *, actor: Actor) -> TrashedAgent | None:
    """The entry of a deleted agent, or None."""
    rows = visible_trash(actor).filter(public_id=public_id, purge_at__gt=timezone.now())
    row = rows.defer("state").first()
    if row is not None:
        _say_how([row])
    return row


def _say_how(rows: list[TrashedAgent]) -> None:
    """Set `way` on the agents of a source: where a restore makes them, and what is lost."""
    there = [row for row in rows if row.source_name is not None]
    if not there:
        return
    sources = {source.id: source for source in AgentSource.objects.all()}
    kept = TrashedFile.objects.filter(public_id__in=[row.public_id for row in there])
    files = {file.public_id: file for file in kept.annotate(size=Length("file")).defer("file")}
    for row in there:
        row.way = way_back(files.get(row.public_id), sources)


def way_back(file: TrashedFile | None, sources: Mapping[int, AgentSource]) -> str:
    """What restoring an agent of a source does, as a sentence. `size` is set on the file."""
    if file is None:
        return (
            "It comes back as a copy that is kept in ADE: it was deleted at its source by others."
        )
    source = sources.get(file.source_id)
    if source is None:
        return "It comes back as a copy that is kept in ADE: its source is not connected any more."
    if not file.size:  # type: ignore[attr-defined]
        return f"It comes back as a copy that is kept in ADE. {file.problem}".strip()
    lost = "Its messages and conversations are lost."
    if source.kind == SourceKind.LETTA:
        lost = "Its archival memory, and messages that are not in its context, are lost."
    return f"{source.name} makes it again, with a new ID. {lost}"


def _place(text: str | None) -> tuple[object, int] | None:
    moment, _, seq = (text or "").partition("_")
    try:
        at = parse_datetime(moment) if len(moment) < 40 else None
    except ValueError:
        return None
    if at is None or at.tzinfo is None or not 1 < at.year < 9999:
        return None
    if not (seq.isascii() and seq.isdecimal()) or len(seq) > 18:
        return None
    return at, int(seq)
