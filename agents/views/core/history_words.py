"""Change sets as pages show them: who changed what, in a few words."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

from agents.core.actors import Actor, Power, Source
from agents.domain.bulk.plans import changed_by
from agents.domain.history.undo import UNDOABLE
from agents.domain.tags import user_mark
from agents.models import Act, Change, ChangeSet, Op, Tag
from agents.queries.history.agent import Entry
from agents.queries.history.change_sets import SetRow
from agents.queries.history.undo_plan import undone_sets
from agents.templatetags.ade import in_words

_SIGNS = {Op.ADD: "+", Op.REMOVE: "\N{MINUS SIGN}"}
_WORDS = {Op.ADD: "added", Op.REMOVE: "removed"}
# A run of more than _FOLDS change-sets is folded. Then _UNFOLDED of them are shown.
_FOLDS, _UNFOLDED = 4, 2
# Tags that a summary names.
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line about a change set: sign and verb, tag, what it became, and the number of agents."""

    sign: str = ""
    word: str = ""
    tag: str | None = None
    became: str | None = None
    agents: str = ""


@dataclass(frozen=True, slots=True)
class ShownSet:
    """A change-set as a list shows it.

    `agent` is the agent, if it touched only one. `may_undo` is true if there may be something to undo and
    the reader may do it."""

    change_set: ChangeSet
    lines: list[Line] = field(default_factory=list)
    more: int = 0
    agent: Change | None = None
    may_undo: bool = False
    undone: ChangeSet | None = None  # the change-set that undid it
    known: Mapping[str, Tag] = field(default_factory=dict)  # the tags that its lines name

    @property
    def creates(self) -> bool:
        """True if it created agents: their tags can be removed, which is no undo."""
        return self.change_set.act in (Act.CREATE, Act.IMPORT)


@dataclass(frozen=True, slots=True)
class Run:
    """Change-sets of one actor in a row on one day: the first ones, and those that are folded."""

    first: list[ShownSet]
    folded: list[ShownSet]

    @property
    def actor(self) -> ChangeSet:
        return self.first[0].change_set


def by_day(entries: Iterable[Entry]) -> list[tuple[date, list[Entry]]]:
    """Group entries of an agent's history by the day in UTC."""
    return [
        (day, list(found))
        for day, found in groupby(entries, key=lambda one: one.change_set.created_at.date())
    ]


def days_of(sets: Iterable[ShownSet]) -> list[tuple[date, list[Run]]]:
    """Group change-sets by the day in UTC, and fold runs of one actor."""
    days = groupby(sets, key=lambda one: one.change_set.created_at.date())
    return [(day, _runs(found)) for day, found in days]


def _runs(sets: Iterable[ShownSet]) -> list[Run]:
    by_actor = groupby(sets, key=lambda one: (one.change_set.actor_id, one.change_set.source))
    runs = [list(found) for _, found in by_actor]
    return [
        Run(run[:_UNFOLDED], run[_UNFOLDED:]) if len(run) > _FOLDS else Run(run, []) for run in runs
    ]


def shown_sets(rows: Iterable[SetRow], actor: Actor) -> list[ShownSet]:
    """The change sets of a page in words."""
    known = list(rows)
    # For all others, the changes that were read show it, or the change-set itself.
    large = [row.change_set for row in known if row.cut]
    changed = changed_by(
        [change_set.id for change_set in large if change_set.source == Source.BULK]
    )
    shown = [_shown(row, actor, changed.get(row.change_set.id)) for row in known]
    names = {
        name for entry in shown for line in entry.lines for name in (line.tag, line.became) if name
    }
    tags = {tag.name: tag for tag in Tag.objects.filter(name__in=names)}
    undone = undone_sets([row.change_set.id for row in known])
    return [replace(entry, undone=undone.get(entry.change_set.id), known=tags) for entry in shown]


def _shown(row: SetRow, actor: Actor, changed: int | None) -> ShownSet:
    agents = {change.agent_id for change in row.changes if change.agent_id is not None}
    single = len(agents) == 1 and not row.cut and row.change_set.agent_count is None
    agent = next((change for change in row.changes if change.agent_id is not None), None)
    # A change of a tag itself is enough: its effect on each agent follows from it, except when an
    # off-boarding also deleted agents.
    lines = list(_heads(row))
    if lines and row.change_set.act == Act.OFFBOARD:
        lines += _made(row, single=False)
    lines = lines or [*_made(row, single=single), *_moved(row, changed), *_fields(row)]
    return ShownSet(
        row.change_set,
        lines[: _NAMED + 1],
        max(0, len(lines) - _NAMED - 1),
        agent if single else None,
        _is_undoable(row) and actor.can(Power.WRITE if single else Power.MANAGE),
    )


def _is_undoable(row: SetRow) -> bool:
    # A change of a tag itself can be undone even if no agent carried it.
    if any(
        change.op == Op.RENAME or _ends_tag(change) or _marks_user(change, row.change_set.act)
        for change in row.changes
    ):
        return True
    moved = any(change.op in _SIGNS and change.agent_id for change in row.changes)
    return moved and row.change_set.act in UNDOABLE


def _heads(row: SetRow) -> Iterable[Line]:
    """Changes of a tag itself."""
    for change in row.changes:
        if change.op == Op.RENAME:
            yield Line("", "renamed", change.tag, change.new, _agents(row, 0))
        elif change.op == Op.MERGE:
            yield Line("", "merged", change.tag, change.new, _agents(row, 0))
        elif _ends_tag(change):
            yield Line("", "deleted", change.tag, None, _agents(row, 0))


def _marks_user(change: Change, act: str) -> bool:
    return act in (Act.DESCRIBE, Act.UNDO) and change.field == user_mark.FIELD


def _ends_tag(change: Change) -> bool:
    ended = change.op in (Op.MERGE, Op.DELETE) and change.agent_id is None
    return ended and change.tag is not None


def _made(row: SetRow, *, single: bool) -> Iterable[Line]:
    """Lines about recreated tags, and agents created and deleted; for a single agent the act says it already."""
    for change in row.changes:
        if change.op == Op.CREATE and change.agent_id is None:
            yield Line(word="brought back", tag=change.tag)
    if single:
        return
    for op, word in ((Op.CREATE, "created"), (Op.DELETE, "deleted")):
        number = len(
            {change.agent_id for change in row.changes if change.op == op and change.agent_id}
        )
        if number:
            yield Line(word=word, agents=_number(number, row.cut))


def _moved(row: SetRow, changed: int | None) -> Iterable[Line]:
    """A line for each added or removed tag with its number of agents, the largest number first."""
    on: dict[tuple[str, str], set[str | None]] = defaultdict(set)
    for change in row.changes:
        if change.op in _SIGNS and change.agent_id is not None:
            on[change.op, str(change.tag)].add(change.agent_id)
    # If the summary is cut and the change-set counted its agents, the full number is better.
    counted = row.change_set.agent_count if changed is None else changed
    in_all = counted if row.cut else None
    for (op, tag), agents in sorted(on.items(), key=lambda one: -len(one[1])):
        number = _number(len(agents), row.cut) if in_all is None else ""
        yield Line(_SIGNS[Op(op)], _WORDS[Op(op)], tag, None, number)
    if in_all is not None:
        yield Line(word="in all", agents=_number(in_all, cut=False))


def _fields(row: SetRow) -> Iterable[Line]:
    names = [change.field for change in row.changes if change.op == Op.SET]
    tags = {change.tag for change in row.changes if change.op == Op.SET and change.tag is not None}
    if names:
        shown = ", ".join(dict.fromkeys(map(in_words, names[:_NAMED])))
        yield Line(word=f"set {shown}", tag=next(iter(tags)) if len(tags) == 1 else None)


def _agents(row: SetRow, least: int) -> str:
    count = row.change_set.agent_count
    return _number(least if count is None else count, cut=False)


def _number(number: int, cut: bool) -> str:
    more = "+" if cut else ""
    return f"{number:,}{more} agent{'' if number == 1 and not cut else 's'}"
