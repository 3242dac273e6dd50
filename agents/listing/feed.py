"""What changed on an agent, newest first, as pages show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.listing.renames import Renames
from agents.models import Act, Agent, Change, ChangeSet, Op

RECENT = 5
PAGE = 50
_DERIVED = {"llm_config", "embedding_config"}
_UNDOABLE = {Act.TAGS, Act.FIELDS, Act.UNDO, Act.MERGE, Act.TAG_DELETE, Act.OFFBOARD}


@dataclass(frozen=True, slots=True)
class Entry:
    """One change-set's part in one agent."""

    change_set: ChangeSet
    changes: list[Change]

    @property
    def added(self) -> list[str]:
        return [str(change.tag) for change in self.changes if change.op == Op.ADD]

    @property
    def removed(self) -> list[str]:
        return [str(change.tag) for change in self.changes if change.op == Op.REMOVE]

    @property
    def fields(self) -> list[Change]:
        """The fields set; the configs made from a model or embedding are left out beside these."""
        fields = [change for change in self.changes if change.op == Op.SET]
        return [change for change in fields if change.field not in _DERIVED] or fields

    @property
    def renamed(self) -> list[Change]:
        """Renames of a tag that it carried."""
        return [change for change in self.changes if change.op == Op.RENAME]

    @property
    def undoable(self) -> bool:
        """True if it moved tags of an agent that was there before and after."""
        return self.change_set.act in _UNDOABLE and bool(self.added or self.removed)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Some entries, and the change id to go on before, if there is more."""

    entries: list[Entry]
    older: int | None


def feed(agent: Agent, *, before: int | None = None, size: int = PAGE) -> FeedPage:
    """A page of an agent's changes. The caller has found the agent among those it may see."""
    changes = Change.objects.filter(agent_id=agent.public_id)
    if before is not None:
        changes = changes.filter(id__lt=before)
    rows = list(changes.select_related("change_set").order_by("-id")[: size + 1])
    shown = rows[:size]
    older = shown[-1].id if len(rows) > size else None
    renames = [
        row
        for row in _renames(agent)
        if (before is None or row.id < before) and (older is None or row.id > older)
    ]
    shown = sorted([*shown, *renames], key=lambda row: -row.id)
    return FeedPage(_grouped(shown), older)


def _renames(agent: Agent) -> list[Change]:
    """The renames of tags at a time when this agent carried them."""
    own = Change.objects.filter(agent_id=agent.public_id, op__in=[Op.ADD, Op.REMOVE])
    names = own.order_by().values_list("tag", flat=True).distinct()
    renames = Renames({str(name) for name in names})
    if not renames.all:
        return []
    moves = own.filter(tag__in=renames.names).values_list("id", "op", "tag")
    steps = [(key, op, str(tag), "") for key, op, tag in moves]
    steps += [(row.id, Op.RENAME, str(row.old), str(row.new)) for row in renames.all]
    carried: set[str] = set()
    found = []
    for key, op, tag, new in sorted(steps):
        if op == Op.ADD:
            carried.add(tag)
        elif op == Op.REMOVE:
            carried.discard(tag)
        elif tag in carried:
            carried ^= {tag, new}
            found.append(key)
    return list(Change.objects.filter(id__in=found).select_related("change_set"))


def recent_tag_changes(agent: Agent) -> list[Entry]:
    """The last few change-sets that moved this agent's tags."""
    changes = Change.objects.filter(agent_id=agent.public_id, op__in=[Op.ADD, Op.REMOVE])
    rows = list(changes.select_related("change_set").order_by("-id")[:100])
    return _grouped(rows)[:RECENT]


def _grouped(rows: Sequence[Change]) -> list[Entry]:
    """An agent's changes of one change-set lie together: they were written under its lock."""
    entries: list[Entry] = []
    for row in rows:
        if not entries or entries[-1].change_set.id != row.change_set_id:
            entries.append(Entry(row.change_set, []))
        entries[-1].changes.insert(0, row)
    return entries
