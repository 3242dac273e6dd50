"""What an undo would do, for its plan: numbers of agents and tags, and agents that lose their owner."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from agents.models import Act, Agent, Change, ChangeSet, Op, Tag
from agents.queries.history.renames import Renames

# An undo of more agents, or of an older change, is shown as a plan first.
LARGE = 100
OLD = timedelta(days=1)
# Changes of a change-set that a plan reads, and agents that a query looks up at once.
READ = 10_000
_CHUNK = 2000
_SHOWN = 50  # tags that a plan lists


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What an undo would change at most; `more` if only the first READ changes were read.

    `removes` and `adds` are numbers of agents by the current name of each tag. `ownerless` agents would belong to
    no user, `second` agents to more than one.
    """

    change_set: ChangeSet
    agents: int
    removes: list[tuple[str, int]] = field(default_factory=list)
    adds: list[tuple[str, int]] = field(default_factory=list)
    ownerless: int = 0
    second: int = 0
    more: bool = False
    why: str = ""
    renamed: Change | None = None

    @property
    def creates(self) -> bool:
        """True if the change created agents: undo removes tags and leaves the agents."""
        return self.change_set.act in (Act.CREATE, Act.IMPORT)


def plan_undo(change_set: ChangeSet, *, agent_id: str | None = None) -> UndoPlan:
    """Plan the undo of a change-set, or of its changes to one agent. Reads at most READ changes."""
    changes = change_set.changes.filter(op__in=[Op.ADD, Op.REMOVE], agent_id__isnull=False)
    if agent_id is not None:
        changes = changes.filter(agent_id=agent_id)
    rows = list(changes.order_by("id")[: READ + 1])
    more, rows = len(rows) > READ, rows[:READ]
    renames = Renames({str(row.tag) for row in rows})
    for row in rows:
        row.tag = renames.now(str(row.tag), row.id)
    by_op: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        by_op[row.op][str(row.tag)] += 1
    ownerless, second = _owners(rows)
    agents = len({row.agent_id for row in rows})
    if (more or not rows) and change_set.agent_count is not None and agent_id is None:
        agents = change_set.agent_count
    renamed = change_set.changes.filter(op=Op.RENAME).first()
    return UndoPlan(
        change_set,
        agents,
        by_op[Op.ADD].most_common(_SHOWN),
        by_op[Op.REMOVE].most_common(_SHOWN),
        ownerless,
        second,
        more,
        _why(change_set, agents),
        renamed,
    )


def needs_review(change_set: ChangeSet, *, agent_id: str | None = None) -> bool:
    """True if the undo must be shown as a plan first: large, older than a day, or of a creation."""
    if change_set.act in (Act.CREATE, Act.IMPORT):
        return change_set.changes.filter(op=Op.ADD).exists()
    if timezone.now() - change_set.created_at > OLD:
        return True
    if agent_id is not None:
        return False
    touched = change_set.changes.filter(agent_id__isnull=False).order_by("id")
    seen = touched.values_list("agent_id", flat=True)[: READ + 1]
    return (change_set.agent_count or 0) > LARGE or len(set(seen)) > LARGE


def _why(change_set: ChangeSet, agents: int) -> str:
    if change_set.act in (Act.CREATE, Act.IMPORT):
        return "This removes tags. The agents stay."
    if timezone.now() - change_set.created_at > OLD:
        return "This change is more than a day old."
    return f"This changes {agents:,} agents." if agents > LARGE else ""


def _owners(rows: Sequence[Change]) -> tuple[int, int]:
    """Count the agents that an undo leaves without an owner, and those that it gives a second one."""
    names = {str(row.tag) for row in rows}
    users = set(Tag.objects.filter(name__in=names, names_user=True).values_list("name", flat=True))
    gain: Counter[str] = Counter()
    back: Counter[str] = Counter()
    for row in rows:
        if str(row.tag) in users:
            gain[str(row.agent_id)] += 1 if row.op == Op.REMOVE else -1
            back[str(row.agent_id)] += row.op == Op.REMOVE
    ownerless = second = 0
    for agent, n, meant in _user_counts(list(gain)):
        ownerless += n > 0 and n + gain[agent] <= 0
        second += back[agent] > 0 and n + gain[agent] > 1 and not meant
    return ownerless, 0 if settings.SECOND_OWNER == "allow" else second


def _user_counts(agent_ids: Sequence[str]) -> Iterator[tuple[str, int, str | None]]:
    """Yield each agent's id, its number of owners, and why it is meant to be shared."""
    for start in range(0, len(agent_ids), _CHUNK):
        part = Agent.objects.filter(public_id__in=agent_ids[start : start + _CHUNK])
        yield from part.values_list("public_id", "user_tag_count", "shared_reason")


def undone_sets(
    change_set_ids: Collection[int], *, agent_id: str | None = None
) -> dict[int, ChangeSet]:
    """Return for each of these change-sets the latest one that undoes it and was not undone itself.

    With `agent_id`, only those that changed this agent: an undo may be of another agent alone.
    """
    undos = _undos(change_set_ids, agent_id)
    again = _undos({undo.id for found in undos.values() for undo in found}, agent_id)
    third = _undos({undo.id for found in again.values() for undo in found}, agent_id)
    back = {key for key, found in again.items() if any(undo.id not in third for undo in found)}
    standing = {
        key: [undo for undo in found if undo.id not in back] for key, found in undos.items()
    }
    return {key: found[-1] for key, found in standing.items() if found}


def _undos(ids: Collection[int], agent_id: str | None) -> dict[int, list[ChangeSet]]:
    found: dict[int, list[ChangeSet]] = defaultdict(list)
    undos = list(ChangeSet.objects.filter(undoes__in=ids).order_by("id")) if ids else []
    if undos and agent_id is not None:
        # By the agent's index: one of these change-sets may have a million changes.
        own = Change.objects.filter(agent_id=agent_id, change_set_id__gte=undos[0].id)
        on_agent = set(own.values_list("change_set_id", flat=True))
        undos = [undo for undo in undos if undo.id in on_agent]
    for undo in undos:
        found[undo.undoes or 0].append(undo)
    return found
