"""Record history: one change-set for each write, one change for each agent and tag or field."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from ade.db.statements import fetch, moment
from ade.ops import logs, metrics
from agents.core.actors import Actor
from agents.core.errors import Invalid, LimitExceeded
from agents.core.limits import HISTORY_TEXT, REASON_LENGTH
from agents.core.spans import node
from agents.core.tag_text import text_problem
from agents.domain.core.insert import insert
from agents.models import HAPPENED_AT, Act, Agent, Change, ChangeSet, Op

# More agents that share a block or an identity are not listed one by one.
_NAMED_AGENTS = 100
# In the order of the values in `record`.
_COLUMNS = (
    *("change_set_id", "op", "agent_id", "agent_name", "tag"),
    *("field", "old", "new", "at", "added_at", "span_node"),
)

_OPEN = (
    'INSERT INTO "agents_changeset"'
    " (act, actor_kind, actor_id, actor_name, source, reason, undoes, created_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A change to record."""

    op: Op
    agent_id: str | None = None
    agent_name: str | None = None
    tag: str | None = None
    field: str = ""
    old: str | None = None
    new: str | None = None
    # When a removed tag had been added, or a deleted agent had been created.
    added_at: datetime | None = None


def open_change_set(
    *,
    actor: Actor,
    act: Act,
    reason: str = "",
    undoes: int | None = None,
    at: datetime | None = None,
) -> ChangeSet:
    """Create a change-set. Call it in the transaction of the change."""
    check_reason(reason)
    change_set = ChangeSet(
        act=act,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        source=actor.source,
        reason=reason,
        undoes=undoes,
        created_at=at or timezone.now(),
    )
    values = [
        *(str(act), str(actor.kind), actor.id, actor.name, str(actor.source), reason, undoes),
        moment(change_set.created_at),
    ]
    [(change_set.pk,)] = fetch(_OPEN, values)
    change_set._state.adding = False
    return change_set


def check_reason(reason: str) -> None:
    """Raise Invalid if the reason is too long or contains characters that cannot be stored."""
    if len(reason) > REASON_LENGTH:
        raise LimitExceeded(
            f"The reason is {len(reason):,} characters; the limit is {REASON_LENGTH:,}.",
            field="reason",
        )
    if bad := text_problem(reason):
        raise Invalid(f"The reason {bad}.", field="reason")


def record(change_set: ChangeSet, entries: Iterable[Entry], *, at: datetime | None = None) -> None:
    """Write changes of a change-set. They were made at `at`, by default when it was opened."""
    made_at = at or change_set.created_at
    known = list(entries)
    rows = (
        (
            change_set.id,
            str(entry.op),
            entry.agent_id,
            entry.agent_name,
            entry.tag,
            entry.field,
            _shortened(entry.old),
            _shortened(entry.new),
            made_at,
            entry.added_at,
            None if entry.added_at is None else node(entry.added_at, made_at),
        )
        for entry in known
    )
    insert(Change, _COLUMNS, rows)
    count_tag_changes(change_set, Counter(entry.op for entry in known if entry.agent_id))


def births(agent_ids: Collection[str]) -> dict[str, datetime]:
    """Return when these agents were created, imported or last restored, as far as history knows."""
    rows = Change.objects.filter(agent_id__in=agent_ids, op=Op.CREATE).order_by("id")
    return {str(agent_id): at for agent_id, at in rows.values_list("agent_id", HAPPENED_AT)}


def record_for_agents(
    *,
    actor: Actor,
    act: Act,
    agents: Sequence[Agent],
    changes: Sequence[tuple[str, str | None, str | None]],
    at: datetime | None = None,
) -> None:
    """Record (field, old, new) for each of the agents that share what changed.

    Without agents, or with more than 100, records each change once and names no agent.
    """
    named: list[tuple[str | None, str | None]] = [(agent.public_id, agent.name) for agent in agents]
    if not 0 < len(named) <= _NAMED_AGENTS:
        named = [(None, None)]
    entries = [
        Entry(Op.SET, *agent, field=field, old=old, new=new)
        for agent in named
        for field, old, new in changes
    ]
    record(open_change_set(actor=actor, act=act, at=at), entries)


def record_and_log(*, actor: Actor, act: Act, entry: Entry, event: str, **ids: Any) -> None:
    """Record one change and, after the commit, write `event` to the security log."""
    record(open_change_set(actor=actor, act=act), [entry])
    transaction.on_commit(lambda: logs.security(event, who=actor.id, name=actor.name, **ids))


def of_no_agent(change_set: ChangeSet) -> list[Change]:
    """Return the changes of a change-set that belong to no agent, such as the end of a tag.

    These rows come before or after all changes of agents. There may be a million of those: they are
    not read.
    """
    changes = change_set.changes.order_by("id")
    of_agents = changes.exclude(agent_id=None).values_list("id", flat=True)
    first, last = of_agents.first(), of_agents.last()
    others = changes.filter(agent_id=None)
    if first is None or last is None:
        return list(others)
    return [*others.filter(id__lt=first), *others.filter(id__gt=last)]


def count_tag_changes(change_set: ChangeSet, numbers: Mapping[str, int]) -> None:
    """Count added and removed tags (numbers by Op) in the metrics, after the commit."""

    def count() -> None:
        for op in (Op.ADD, Op.REMOVE):
            if number := numbers.get(op, 0):
                metrics.TAG_CHANGES.labels(op.value, str(change_set.source)).inc(number)

    transaction.on_commit(count)


def _shortened(text: str | None) -> str | None:
    """The text as history stores it: a long value is cut and ends with its length."""
    if text is None or len(text) <= HISTORY_TEXT:
        return text
    return f"{text[:HISTORY_TEXT]}… ({len(text):,} characters)"


@dataclass(frozen=True, slots=True)
class NotUndone:
    """A change that undo did not take back, and why."""

    agent_id: str
    tag: str
    why: str
