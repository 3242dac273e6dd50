"""How a change is recorded: one change-set per act, one change per agent and tag or field."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from ade import metrics
from agents.actors import Actor
from agents.errors import Invalid
from agents.limits import HISTORY_TEXT, REASON_LENGTH
from agents.models import Act, Change, ChangeSet, Op
from agents.tagnames import text_problem


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a change-set, before it is written."""

    op: Op
    agent_id: str | None = None
    agent_name: str | None = None
    tag: str | None = None
    field: str = ""
    old: str | None = None
    new: str | None = None


def open_change_set(
    *,
    actor: Actor,
    act: Act,
    reason: str = "",
    undoes: int | None = None,
    at: datetime | None = None,
) -> ChangeSet:
    """Write the head of a change-set. Call it inside the transaction of the change itself."""
    check_reason(reason)
    return ChangeSet.objects.create(
        act=act,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        source=actor.source,
        reason=reason,
        undoes=undoes,
        created_at=at or timezone.now(),
    )


def check_reason(reason: str) -> None:
    """Raise Invalid unless history can keep this reason."""
    if len(reason) > REASON_LENGTH:
        raise Invalid(f"A reason has at most {REASON_LENGTH:,} characters.", field="reason")
    if bad := text_problem(reason):
        raise Invalid(f"The reason {bad}.", field="reason")


def record(change_set: ChangeSet, entries: Iterable[Entry]) -> None:
    """Write the changes of a change-set."""
    rows = Change.objects.bulk_create(
        [
            Change(
                change_set=change_set,
                op=entry.op,
                agent_id=entry.agent_id,
                agent_name=entry.agent_name,
                tag=entry.tag,
                field=entry.field,
                old=_kept(entry.old),
                new=_kept(entry.new),
            )
            for entry in entries
        ],
        batch_size=2000,
    )
    count_tag_changes(change_set, Counter(row.op for row in rows if row.agent_id))


def count_tag_changes(change_set: ChangeSet, numbers: Mapping[str, int]) -> None:
    """Measure how many tags were added and removed (by Op), once it holds."""

    def count() -> None:
        for op in (Op.ADD, Op.REMOVE):
            if number := numbers.get(op, 0):
                metrics.TAG_CHANGES.labels(op.value, str(change_set.source)).inc(number)

    transaction.on_commit(count)


def _kept(text: str | None) -> str | None:
    """The text as history keeps it: long values are shortened, and say so."""
    if text is None or len(text) <= HISTORY_TEXT:
        return text
    return f"{text[:HISTORY_TEXT]}… ({len(text):,} characters)"
