"""Agents brought from another server, again and again: what changed there comes in.

Of fields the source wins. Tags and the list of memory blocks are merged three ways against the
last import: what the source added since is added, what it took off is taken off, all else stays.
What is deleted here is not brought back; what vanished there stays here.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from agents.core.actors import Actor, Power
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
from agents.domain.transfer.letta_plan import Change, Plan, plan_page
from agents.domain.transfer.letta_state import SourceAgent
from agents.models import Act, Agent, ChangeSet, ImportedAgent, ImportSource
from agents.queries.agents.find import agent_not_found

_ID_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Left:
    """An agent that was left as it is, and why. `refused` if it should have come in."""

    agent_id: str
    why: str
    refused: bool = True


@dataclass(slots=True)
class Brought:
    """What came of some agents: how many were made, changed, and were as they are here."""

    made: int = 0
    changed: int = 0
    same: int = 0
    left: list[Left] = field(default_factory=list)

    def add(self, other: "Brought") -> None:
        """Count the other in."""
        self.made += other.made
        self.changed += other.changed
        self.same += other.same
        self.left += other.left


def import_page(
    agents: Sequence[SourceAgent],
    *,
    source_url: str,
    actor: Actor,
    tags: Sequence[str] = (),
    dry_run: bool = False,
) -> Brought:
    """Bring agents as their source has them; those made here get `tags` too.

    An agent that breaks a rule is left out and named, the others come in. Each batch is one
    transaction, with one change-set for what it made and one for what it changed; a dry run does
    the same and takes it back. Raises NotAllowed, and Invalid for illegal `tags`.
    """
    actor.require(Power.ADMIN, "import agents")
    more = require_legal_tags(tags)
    brought = Brought()
    for batch in _batches(agents):
        brought.add(_in_halves(batch, source_url, actor, more, dry_run))
    return brought


def finish(*, source_url: str, seen: Collection[str], actor: Actor, dry_run: bool) -> list[Left]:
    """Note that an import came to its end; what it no longer saw of earlier ones stays here."""
    actor.require(Power.ADMIN, "import agents")
    source = ImportSource.objects.filter(url=source_url)
    if not dry_run:
        source.update(finished_at=timezone.now())
    rows = ImportedAgent.objects.filter(source__in=source).order_by("public_id")
    ids = rows.values_list("public_id", flat=True).iterator(chunk_size=_ID_CHUNK)
    gone = [public_id for public_id in ids if public_id not in seen]
    return [
        Left(public_id, "no longer exists at the source; it stays in ADE", refused=False)
        for start in range(0, len(gone), _ID_CHUNK)
        for public_id in _here(gone[start : start + _ID_CHUNK], actor)
    ]


def _here(ids: Sequence[str], actor: Actor) -> Iterator[str]:
    agents = Agent.objects.visible_to(actor).filter(public_id__in=ids)
    yield from sorted(agents.values_list("public_id", flat=True))


def _batches(agents: Sequence[SourceAgent]) -> Iterator[list[SourceAgent]]:
    batch: list[SourceAgent] = []
    tags = 0
    for agent in agents:
        if batch and (len(batch) >= IMPORT_AGENTS or tags + len(agent.tags) > IMPORT_TAGS):
            yield batch
            batch, tags = [], 0
        batch.append(agent)
        tags += len(agent.tags)
    if batch:
        yield batch


def _in_halves(
    agents: Sequence[SourceAgent], url: str, actor: Actor, tags: list[str], dry_run: bool
) -> Brought:
    """Import them together; where one is refused, each half by itself, down to the one."""
    try:
        return _import(agents, url, actor, tags, dry_run)
    except DomainError as error:
        if len(agents) == 1:
            return Brought(left=[Left(agents[0].id, error.message)])
    middle = len(agents) // 2
    brought = _in_halves(agents[:middle], url, actor, tags, dry_run)
    brought.add(_in_halves(agents[middle:], url, actor, tags, dry_run))
    return brought


@write
def _import(
    agents: Sequence[SourceAgent], url: str, actor: Actor, tags: list[str], dry_run: bool
) -> Brought:
    # Under its lock two imports from one source go one after the other, batch by batch.
    source, _ = ImportSource.objects.select_for_update().get_or_create(url=url)
    plan = plan_page(agents, source=source, actor=actor, tags=tags)
    reason = f"from {url}"[:200]
    _make(plan, source=source, actor=actor, reason=reason)
    changed = _change(plan.changes, source=source, actor=actor, reason=reason)
    if dry_run:
        transaction.set_rollback(True)
    same = plan.same + len(plan.changes) - changed
    left = [Left(one.agent_id, one.why, one.refused) for one in plan.left]
    return Brought(len(plan.new), changed, same, left)


def _make(plan: Plan, *, source: ImportSource, actor: Actor, reason: str) -> None:
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


def _change(changes: Sequence[Change], *, source: ImportSource, actor: Actor, reason: str) -> int:
    """Bring what changed at the source; how many agents here are another thing by it."""
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


def _entries(change: Change, agent: Agent, source: ImportSource) -> list[Entry]:
    """Set fields and memory blocks of a locked agent; what history says of it."""
    at = timezone.now()
    entries = edit.apply(change.agent.edit(), agent) if change.fields else []
    entries += letta_blocks.edit(source, agent, change.edited, at=at)
    entries += letta_blocks.detach(source, agent, change.detach)
    if change.attach:
        rows = letta_blocks.bring(source, {block.id: block for block in change.attach}, at=at)
        entries += letta_blocks.attach(agent, [rows[block.id] for block in change.attach])
    return entries


def _noted(row: ImportedAgent, agent: SourceAgent) -> ImportedAgent:
    """The row, saying what the source says now."""
    row.public_id = agent.id
    row.digest = agent.digest
    row.tags = dumps(agent.tags)
    row.blocks = dumps([block.id for block in agent.own_blocks])
    return row
