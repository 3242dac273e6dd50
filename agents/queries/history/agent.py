"""Read the changes of an agent, newest first, as pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.models import Act, Agent, Change, ChangeSet, Op
from agents.queries.history.renames import Renames

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
        """Return the changed fields, without configs that only follow from a model or embedding."""
        fields = [change for change in self.changes if change.op == Op.SET]
        return [change for change in fields if change.field not in _DERIVED] or fields

    @property
    def renamed(self) -> list[Change]:
        """Return renames of tags that the agent carried."""
        return [change for change in self.changes if change.op == Op.RENAME]

    @property
    def creates(self) -> bool:
        """True if it created the agent with tags: these can be removed, which is no undo."""
        return self.change_set.act in (Act.CREATE, Act.IMPORT) and bool(self.added)

    @property
    def undoable(self) -> bool:
        """True if it added or removed tags of an agent that existed before and after."""
        return self.change_set.act in _UNDOABLE and bool(self.added or self.removed)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of entries, and the change id before which the next page ends; None at the end."""

    entries: list[Entry]
    older: int | None


def feed(agent: Agent, *, before: int | None = None, size: int = PAGE) -> FeedPage:
    """Return a page of an agent's changes. The caller has checked that the actor may see the agent."""
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
    """Return the renames of tags while this agent carried them."""
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
    """Return the last few change-sets that added or removed tags of this agent."""
    changes = Change.objects.filter(agent_id=agent.public_id, op__in=[Op.ADD, Op.REMOVE])
    rows = list(changes.select_related("change_set").order_by("-id")[:100])
    return _grouped(rows)[:RECENT]


def _grouped(rows: Sequence[Change]) -> list[Entry]:
    """Group changes by change-set. They are adjacent, because they were written under its lock."""
    entries: list[Entry] = []
    for row in rows:
        if not entries or entries[-1].change_set.id != row.change_set_id:
            entries.append(Entry(row.change_set, []))
        entries[-1].changes.insert(0, row)
    return entries
