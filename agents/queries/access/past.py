"""What an agent's history says about a past moment: whether it existed, and which tags it had.

"As of t" counts the changes with a moment up to t, in the order of their ids. Names are those of then.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from ade.db.replica import connection
from agents.core.errors import LimitExceeded
from agents.core.limits import PAST_PAGE_STEPS, PAST_STEPS
from agents.core.spans import UNKNOWN
from agents.models import HAPPENED_AT, Change, Op
from agents.queries.history.renames import Renames


@dataclass(frozen=True, slots=True)
class Step:
    """A change of one agent, or a rename of a tag. `id` is the order."""

    id: int
    op: str
    tag: str
    new: str
    at: datetime
    change_set_id: int


@dataclass(frozen=True, slots=True)
class TagSpan:
    """A tag on an agent from `since` to before `until` (None: still), under one name.

    `change_set_id` put it there, or renamed it.
    """

    tag: str
    since: datetime
    until: datetime | None
    change_set_id: int


@dataclass(frozen=True, slots=True)
class Carried:
    """A tag that an agent had at a moment, since when, and the change-set that put it there."""

    since: datetime
    change_set_id: int


@dataclass(frozen=True, slots=True)
class Past:
    """An agent at a moment: whether it existed, its name then, and its tags."""

    exists: bool
    name: str
    tags: dict[str, Carried]


@dataclass(frozen=True, slots=True)
class State:
    """An agent at a moment, for a list. `tags` is None if it has too many changes to tell.

    `born` is when it was created or last restored by then. `is_last_life`: it was not deleted later.
    """

    exists: bool
    tags: dict[str, Carried] | None
    born: datetime | None = None
    is_last_life: bool = True


_OPS = [Op.ADD, Op.REMOVE, Op.CREATE, Op.DELETE]
_COLUMNS = ("id", "op", "tag", "new", "happened_at", "change_set_id")


def steps_of_agent(agent_id: str) -> list[Step]:
    """Return the changes of tags and of the existence of an agent, in order. Raises LimitExceeded.

    A rename is a step of each agent that ever had the name; `replay` skips it if it does not matter.
    """
    rows = _own([agent_id]).order_by("id")[: PAST_STEPS + 1]
    steps = [_step(row) for _, *row in rows.values_list("agent_id", *_COLUMNS)]
    if len(steps) > PAST_STEPS:
        raise LimitExceeded(f"The agent has more than {PAST_STEPS:,} changes of tags.", field="id")
    return _with_renames({agent_id: steps})[agent_id]


def _steps_of(agent_ids: Collection[str]) -> dict[str, list[Step]]:
    """Return the steps of several agents. An agent with too many of them for one page is left out."""
    columns = ("agent_id", *_COLUMNS)
    rows = list(_own(agent_ids).values_list(*columns)[: PAST_PAGE_STEPS + 1])
    if len(rows) > PAST_PAGE_STEPS:
        most = PAST_PAGE_STEPS // len(agent_ids)
        rows = []
        for agent_id in agent_ids:
            own = list(_own([agent_id]).values_list(*columns)[: most + 1])
            rows += own if len(own) <= most else []
    found: dict[str, list[Step]] = {}
    for agent_id, *row in rows:
        found.setdefault(agent_id, []).append(_step(row))
    return _with_renames(found)


def _own(agent_ids: Collection[str]) -> QuerySet[Change]:
    own = Change.objects.filter(agent_id__in=list(agent_ids), op__in=_OPS)
    return own.annotate(happened_at=HAPPENED_AT)


def _with_renames(found: dict[str, list[Step]]) -> dict[str, list[Step]]:
    names = {step.tag for steps in found.values() for step in steps if step.tag}
    renames = [
        Step(row.id, Op.RENAME, row.old, row.new, row.at, row.change_set_id)
        for row in (Renames(names).all if names else ())
    ]
    return {
        agent_id: sorted([*steps, *renames], key=lambda step: step.id)
        for agent_id, steps in found.items()
    }


def _step(row: Iterable[object]) -> Step:
    number, op, tag, new, at, change_set_id = row
    return Step(number, str(op), tag or "", new or "", at, change_set_id)  # type: ignore[arg-type]  # the values of _COLUMNS


def replay(steps: Iterable[Step], at: datetime) -> tuple[bool, dict[str, Carried]]:
    """Return whether an agent existed at a moment, and its tags."""
    exists, tags = False, dict[str, Carried]()
    for step in steps:
        if step.at > at:
            continue
        if step.op in (Op.CREATE, Op.DELETE):
            exists = step.op == Op.CREATE
        elif step.op == Op.ADD:
            tags[step.tag] = Carried(step.at, step.change_set_id)
        elif step.op == Op.REMOVE:
            tags.pop(step.tag, None)
        elif step.tag in tags:
            tags[step.new] = tags.pop(step.tag)
    return exists, tags if exists else {}


def states_at(agent_ids: Collection[str], at: datetime) -> dict[str, State]:
    """Return agents of a page at a moment, by id. It reads up to PAST_PAGE_STEPS of their changes."""
    if not agent_ids:
        return {}
    known = _steps_of(agent_ids)
    return {
        agent_id: _state(known[agent_id], at) if agent_id in known else State(True, None)
        for agent_id in agent_ids
    }


def _state(steps: Iterable[Step], at: datetime) -> State:
    several = list(steps)
    exists, tags = replay(several, at)
    lives = [step for step in several if step.op in (Op.CREATE, Op.DELETE)]
    births = [step.at for step in lives if step.op == Op.CREATE and step.at <= at]
    born = births[-1] if births else None
    return State(exists, tags, born, is_last_life=all(step.at <= at for step in lives))


def agent_at(agent_id: str, at: datetime) -> Past:
    """Return an agent at a moment. An agent that never existed is one that did not exist."""
    exists, tags = replay(steps_of_agent(agent_id), at)
    named = Change.objects.filter(agent_id=agent_id, agent_name__isnull=False, at__lte=at)
    name = named.order_by("-id").values_list("agent_name", flat=True).first()
    return Past(exists, name or "", tags)


def spans_of(steps: Iterable[Step]) -> tuple[list[TagSpan], list[tuple[datetime, datetime | None]]]:
    """Return when an agent had which tags, and when it existed."""
    spans: list[TagSpan] = []
    lives: list[tuple[datetime, datetime | None]] = []
    open_tags: dict[str, Carried] = {}
    born: datetime | None = None

    def close(tag: str, at: datetime) -> None:
        start = open_tags.pop(tag, None)
        if start is not None:
            spans.append(TagSpan(tag, start.since, max(at, start.since), start.change_set_id))

    for step in steps:
        if step.op == Op.CREATE:
            born = step.at
        elif step.op == Op.DELETE:
            lives += [(born, step.at)] if born is not None else []
            born = None
        elif step.op == Op.ADD:
            open_tags[step.tag] = Carried(step.at, step.change_set_id)
        elif step.op == Op.REMOVE:
            close(step.tag, step.at)
        elif step.tag in open_tags:
            close(step.tag, step.at)
            open_tags[step.new] = Carried(step.at, step.change_set_id)
    lives += [(born, None)] if born is not None else []
    spans += [TagSpan(tag, c.since, None, c.change_set_id) for tag, c in open_tags.items()]
    return sorted(spans, key=lambda span: (span.since, span.tag)), lives


def begins_of(steps: Iterable[Step]) -> dict[int, datetime]:
    """Return when each removed tag had been added and each deleted agent created, by the id of the end."""
    found: dict[int, datetime] = {}
    added: dict[str, datetime] = {}
    born: datetime | None = None
    for step in steps:
        if step.op == Op.CREATE:
            born = step.at
        elif step.op == Op.ADD:
            added[step.tag] = step.at
        elif step.op == Op.RENAME and step.tag in added:
            added[step.new] = added.pop(step.tag)
        else:
            begin = born if step.op == Op.DELETE else added.pop(step.tag, None)
            if begin is not None and step.op in (Op.REMOVE, Op.DELETE):
                found[step.id] = begin
    return found


# The conditions are literal: SQLite uses a partial index only if it can read them.
_WITHOUT_SPAN = """
SELECT id FROM agents_change {index} WHERE agent_id IS NOT NULL
AND op IN ('remove', 'delete') AND span_node IS NULL ORDER BY id LIMIT %s
"""
_WITHOUT_MOMENT = """
SELECT id FROM agents_change {index}
WHERE agent_id IS NOT NULL AND op = 'create' AND at IS NULL ORDER BY id LIMIT %s
"""


def ends_without_span(most: int) -> list[int]:
    """Return the first removals and deletions whose begin nobody has looked for."""
    return _ids(_WITHOUT_SPAN, "change_without_span", most)


def births_without_moment(most: int) -> list[int]:
    """Return the first creations of agents that do not say when they were made."""
    return _ids(_WITHOUT_MOMENT, "change_birth", most)


def _ids(sql: str, index: str, most: int) -> list[int]:
    named = f"INDEXED BY {index}" if connection.vendor == "sqlite" else ""
    with connection.cursor() as cursor:
        cursor.execute(sql.format(index=named), [most])
        return [int(row[0]) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Complete:
    """Whether history is still being completed, and since when it is complete (None: always)."""

    is_pending: bool
    since: datetime | None


def complete(tags: Collection[str]) -> Complete:
    """Say how far back lists of the agents with these tags are complete; without tags, lists of all agents.

    Before that, agents that lost the tag (or were deleted) may be missing.
    """
    ends = Change.objects.filter(span_node=UNKNOWN)
    names = Renames(tags).names if tags else set()
    own = ends.filter(tag__in=names) if names else ends.filter(tag__isnull=True)
    return Complete(
        bool(ends_without_span(1)), own.order_by("-at").values_list("at", flat=True).first()
    )
