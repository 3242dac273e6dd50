"""Import agents from another server, repeatedly: each import brings what changed there.

The source decides the fields. Tags and the list of memory blocks are merged three ways with the last
import: what the source added since is added, what it removed is removed, and all else stays. Agents
deleted in ADE are not created again; agents that are gone at the source stay in ADE.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.batches import batches
from agents.core.errors import DomainError
from agents.core.json_text import dumps
from agents.core.limits import IMPORT_AGENTS, IMPORT_TAGS
from agents.domain.agents import edit
from agents.domain.agents.write import create_agents
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.transactions import write
from agents.domain.tags.edit import require_legal_tags, tag_entries
from agents.domain.tags.locks import lock_agents
from agents.domain.transfer import letta_blocks
from agents.domain.transfer.letta_plan import AgentChange, PagePlan, Skipped, plan_page
from agents.domain.transfer.letta_state import SourceAgent
from agents.models import Act, Agent, ChangeSet, ImportedAgent, ImportSource
from agents.queries.agents.find import agent_not_found

_ID_CHUNK = 1000


@dataclass(slots=True)
class Imported:
    """The result of an import: how many agents were created, changed and unchanged, and those skipped."""

    made: int = 0
    changed: int = 0
    same: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, other: "Imported") -> None:
        """Add another result."""
        self.made += other.made
        self.changed += other.changed
        self.same += other.same
        self.skipped += other.skipped


def import_page(
    agents: Sequence[SourceAgent],
    *,
    source_url: str,
    actor: Actor,
    tags: Sequence[str] = (),
    dry_run: bool = False,
) -> Imported:
    """Import agents as their source has them; those that are created get `tags` too.

    An agent that breaks a rule is skipped and reported; the others are imported. Each batch is one
    transaction, with one change-set for the created agents and one for the changed ones. A dry run
    rolls it back. Raises NotAllowed, and Invalid for illegal `tags`.
    """
    actor.require(Power.ADMIN, "import agents")
    more = require_legal_tags(tags)
    imported = Imported()
    for batch in batches(agents, most=IMPORT_AGENTS, most_tags=IMPORT_TAGS):
        imported.add(_in_halves(batch, source_url, actor, more, dry_run))
    return imported


def finish(*, source_url: str, seen: Collection[str], actor: Actor, dry_run: bool) -> list[Skipped]:
    """Record that an import has finished. Return the agents of earlier imports that it did not see."""
    actor.require(Power.ADMIN, "import agents")
    source = ImportSource.objects.filter(url=source_url)
    if not dry_run:
        source.update(finished_at=timezone.now())
    rows = ImportedAgent.objects.filter(source__in=source).order_by("public_id")
    ids = rows.values_list("public_id", flat=True).iterator(chunk_size=_ID_CHUNK)
    gone = [public_id for public_id in ids if public_id not in seen]
    return [
        Skipped(public_id, "no longer exists at the source; it stays in ADE", refused=False)
        for start in range(0, len(gone), _ID_CHUNK)
        for public_id in _here(gone[start : start + _ID_CHUNK], actor)
    ]


def _here(ids: Sequence[str], actor: Actor) -> Iterator[str]:
    agents = Agent.objects.visible_to(actor).filter(public_id__in=ids)
    yield from sorted(agents.values_list("public_id", flat=True))


def _in_halves(
    agents: Sequence[SourceAgent], url: str, actor: Actor, tags: list[str], dry_run: bool
) -> Imported:
    """Import agents together. If one is refused, import each half by itself, down to that one."""
    try:
        return _import(agents, url, actor, tags, dry_run)
    except DomainError as error:
        if len(agents) == 1:
            return Imported(skipped=[Skipped(agents[0].id, error.message, refused=True)])
    middle = len(agents) // 2
    imported = _in_halves(agents[:middle], url, actor, tags, dry_run)
    imported.add(_in_halves(agents[middle:], url, actor, tags, dry_run))
    return imported


@write
def _import(
    agents: Sequence[SourceAgent], url: str, actor: Actor, tags: list[str], dry_run: bool
) -> Imported:
    # Under this lock, batches of two imports from one source are written one after the other.
    source, _ = ImportSource.objects.select_for_update().get_or_create(url=url)
    plan = plan_page(agents, source=source, actor=actor, tags=tags)
    reason = f"from {url}"[:200]
    _make(plan, source=source, actor=actor, reason=reason)
    changed = _change(plan.changes, source=source, actor=actor, reason=reason)
    if dry_run:
        transaction.set_rollback(True)
    same = plan.same + len(plan.changes) - changed
    return Imported(len(plan.new), changed, same, plan.skipped)


def _make(plan: PagePlan, *, source: ImportSource, actor: Actor, reason: str) -> None:
    if not plan.new:
        return
    specs = [new.spec for new in plan.new]
    agents = create_agents(
        specs, actor=actor, act=Act.IMPORT, reason=reason, refuse_second_owner=False
    )
    blocks = {block.id: block for new in plan.new for block in new.agent.own_blocks}
    rows = letta_blocks.bring(source, blocks, at=timezone.now())
    letta_blocks.attach_new(
        (agent, [rows[block.id] for block in new.agent.own_blocks])
        for agent, new in zip(agents, plan.new, strict=True)
    )
    ImportedAgent.objects.bulk_create(
        _noted(ImportedAgent(source=source), new.agent) for new in plan.new
    )


def _change(
    changes: Sequence[AgentChange], *, source: ImportSource, actor: Actor, reason: str
) -> int:
    """Apply the changes of the source. Return how many agents in ADE changed."""
    if not changes:
        return 0
    locked_agents = lock_agents(
        [change.agent.id for change in changes],
        actor=actor,
        create={name for change in changes for name in change.add},
        existing={name for change in changes for name in change.remove},
    )
    change_set: ChangeSet | None = None
    count = 0
    for change in changes:
        locked = locked_agents.get(change.agent.id)
        if locked is None:  # deleted meanwhile
            raise agent_not_found(change.agent.id)
        add, remove = locked.delta(change.add, change.remove, refuse_second_owner=False)
        entries = _entries(change, locked.agent, source) + tag_entries(
            locked.agent, add, remove, locked.added_at
        )
        if not entries:
            continue
        at = locked.touch()
        if change_set is None:
            change_set = record.open_change_set(actor=actor, act=Act.IMPORT, reason=reason, at=at)
        locked.write_tags(add, remove, change_set)
        locked.agent.save()
        record.record(change_set, entries)
        locked.update_counts(add, remove, change_set)
        count += 1
    rows = [_noted(change.row, change.agent) for change in changes]
    ImportedAgent.objects.bulk_update(rows, ["digest", "tags", "blocks"])
    return count


def _entries(change: AgentChange, agent: Agent, source: ImportSource) -> list[Entry]:
    """Set fields and memory blocks of a locked agent. Return the entries for history."""
    at = timezone.now()
    entries = edit.apply(change.agent.edit(), agent) if change.fields else []
    entries += letta_blocks.edit(source, agent, change.edited, at=at)
    entries += letta_blocks.detach(source, agent, change.detach)
    if change.attach:
        rows = letta_blocks.bring(source, {block.id: block for block in change.attach}, at=at)
        entries += letta_blocks.attach(agent, [rows[block.id] for block in change.attach])
    return entries


def _noted(row: ImportedAgent, agent: SourceAgent) -> ImportedAgent:
    """Return the row with the source's present state."""
    row.public_id = agent.id
    row.digest = agent.digest
    row.tags = dumps(agent.tags)
    row.blocks = dumps([block.id for block in agent.own_blocks])
    return row
