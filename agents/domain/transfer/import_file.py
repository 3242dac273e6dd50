"""Import agents from a file: all or none, and none twice unless asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

from django.db import connection

from agents.core.actors import Actor
from agents.core.limits import IMPORT_AGENTS, IMPORT_BLOCKS, IMPORT_TAGS
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.core.transactions import write
from agents.domain.transfer.agent_file import AgentFile
from agents.models import Act, Agent, AgentBlock

# Agents that are not imported yet have no rows to lock. Only a few advisory locks: PostgreSQL has room
# for some thousands.
_GATES = 64
_GATE_CLASS = 7_120_002  # any number that no other advisory lock in this database uses


@dataclass(frozen=True, slots=True)
class Imported:
    """The result: the created agents, those that an earlier import created, and all in the file's order."""

    made: list[Agent]
    known: list[Agent]
    agents: list[Agent]


@write
def import_file(
    file: AgentFile, *, actor: Actor, reason: str = "", again: bool = False
) -> Imported:
    """Create the agents of a file, except those that were imported before and still exist.

    With `again` all are created. If two imports of the same file run at once, the second waits and
    finds the agents of the first. Raises as `create_agents` does.
    """
    if not again:
        _take_turns(file)
    known = {} if again else _known(file, actor)
    lost = tuple(file.not_kept)
    specs = [
        replace(spec, not_kept=lost) for spec in file.agents if spec.imported_from not in known
    ]
    made = create_agents(specs, actor=actor, act=Act.IMPORT, reason=reason) if specs else []
    new = iter(made)
    agents = [known.get(spec.imported_from) or next(new) for spec in file.agents]
    return Imported(made, list(known.values()), agents)


def import_in_batches(
    file: AgentFile, *, actor: Actor, reason: str = "", again: bool = False
) -> Iterator[Imported]:
    """Import a file of any size, in batches that are each one transaction within the limits.

    Yields the result of each batch after it is written. If an import was interrupted, repeat it: it
    finds the agents that exist and continues after them. A block that agents of several batches share
    is one block in ADE too. Raises as `import_file` does.
    """
    shared: dict[str, str] = {}
    for batch in _batches(file.agents):
        part = AgentFile([_sharing(spec, shared) for spec in batch], file.not_kept)
        result = import_file(part, actor=actor, reason=reason, again=again)
        _learn(shared, batch, result.agents)
        yield result


def _batches(specs: Sequence[NewAgent]) -> Iterator[list[NewAgent]]:
    batch: list[NewAgent] = []
    tags = blocks = 0
    for spec in specs:
        tags, blocks = tags + len(spec.tags), blocks + len(spec.blocks)
        if batch and (len(batch) >= IMPORT_AGENTS or tags > IMPORT_TAGS or blocks > IMPORT_BLOCKS):
            yield batch
            batch, tags, blocks = [], len(spec.tags), len(spec.blocks)
        batch.append(spec)
    yield batch


def _sharing(spec: NewAgent, shared: Mapping[str, str]) -> NewAgent:
    """Return the agent with blocks of earlier batches named by their ids instead of created."""
    there = [shared[block.key] for block in spec.blocks if block.key and block.key in shared]
    own = [block for block in spec.blocks if block.key not in shared]
    return replace(spec, blocks=own, block_ids=[*spec.block_ids, *there]) if there else spec


def _learn(shared: dict[str, str], specs: Sequence[NewAgent], agents: Sequence[Agent]) -> None:
    """Add the ids of these agents' blocks by their key in the file."""
    rows = AgentBlock.objects.filter(agent__in=agents)
    ids = {
        (seq, label): public_id
        for seq, label, public_id in rows.values_list("agent_id", "label", "block__public_id")
    }
    for spec, agent in zip(specs, agents, strict=True):
        for block in spec.blocks:
            public_id = ids.get((agent.seq, block.label))
            if block.key and public_id:
                shared.setdefault(block.key, public_id)


def _take_turns(file: AgentFile) -> None:
    """Wait until no other transaction imports these agents. On SQLite the transaction is the lock."""
    if connection.vendor == "sqlite":
        return
    gates = sorted({crc32(str(spec.imported_from).encode()) % _GATES for spec in file.agents})
    with connection.cursor() as cursor:
        for gate in gates:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_GATE_CLASS, gate])


def _known(file: AgentFile, actor: Actor) -> dict[str | None, Agent]:
    """Return the agents of the file that exist, in the file's order, by the digest of their origin."""
    origins = [spec.imported_from for spec in file.agents]
    found = Agent.objects.visible_to(actor).filter(detail__imported_from__in=origins)
    # If `again` created several, the first one counts.
    rows = found.select_related("detail").order_by("-seq")
    by_origin: dict[str | None, Agent] = {agent.detail.imported_from: agent for agent in rows}
    return {origin: by_origin[origin] for origin in origins if origin in by_origin}
