"""Delete an agent, at its source first if it has one, with the memory that only it has."""

from django.db.models import Exists, OuterRef

from agents.core.actors import Actor
from agents.core.errors import Conflict, NotFound, SourceUnavailable
from agents.domain.agents import write as agents
from agents.domain.core.transactions import rehearse
from agents.domain.sources import asking
from agents.domain.sources.deletion import files
from agents.models import Agent, AgentSource, TrashedFile
from agents.net.connectors.base import AgentNotThere, Connector


def delete_agent(
    *,
    agent_id: str,
    actor: Actor,
    reason: str = "",
    if_match: str | None = None,
    keep_blocks: bool = False,
) -> None:
    """Delete an agent, at its source first if it has one.

    Raises as `agents.delete_agent` and `asking.ask`.
    """
    source = asking.source_of(agent_id, actor)
    if source is not None:
        rehearse(lambda: agents.delete_agent(agent_id=agent_id, actor=actor, if_match=if_match))
        clear(source=source, agent_id=agent_id, actor=actor, keep_blocks=keep_blocks)
        # The version was right before the source was asked; a sync may have seen it go since.
        if_match = None
    try:
        agents.delete_agent(
            agent_id=agent_id,
            actor=actor,
            reason=reason,
            if_match=if_match,
            keep_blocks=keep_blocks,
        )
    except NotFound:
        if source is None:
            raise


def clear(*, source: AgentSource, agent_id: str, actor: Actor, keep_blocks: bool = False) -> None:
    """Keep an agent's file and delete it at its source, with its own memory. Raises as `asking.ask`.

    Memory that cannot be deleted just now is noted, and the worker deletes it later.
    """
    memory = files.take(source=source, agent_id=agent_id, actor=actor)
    own = [] if keep_blocks else [block.id for block in memory if not block.shared]
    if own:
        files.note_waiting(agent_id=agent_id, waiting=True, actor=actor)
    delete_there(source=source, agent_id=agent_id)
    try:
        for block_id in own:
            delete_block_there(source=source, block_id=block_id)
    except (SourceUnavailable, Conflict):
        return
    if own:
        files.note_waiting(agent_id=agent_id, waiting=False, actor=actor)


def clear_waiting(
    *, source: AgentSource, connector: Connector, seconds: float, actor: Actor
) -> int:
    """Delete memory that deleted agents have left at their source. Returns for how many agents, up to 10.

    Raises SourceError.
    """
    here = Agent.objects.filter(public_id=OuterRef("public_id"))
    rows = TrashedFile.objects.filter(~Exists(here), source_id=source.id, waiting=True)
    ids = list(rows.order_by("id").values_list("public_id", flat=True)[:10])
    for agent_id in ids:
        for block in files.kept_memory(agent_id):
            if not block.shared and not has_agents(connector, block.id, seconds):
                connector.delete_block(block.id, seconds=seconds)
        files.note_waiting(agent_id=agent_id, waiting=False, actor=actor)
    return len(ids)


def has_agents(connector: Connector, block_id: str, seconds: float) -> bool:
    """True if agents have this memory block."""
    try:
        return connector.sharers("", block_id, seconds=seconds) != []
    except AgentNotThere:
        return False


def delete_there(*, source: AgentSource, agent_id: str) -> None:
    """Delete an agent at its source only. Nothing happens if it is gone. Raises as `asking.ask`."""
    asking.ask(
        source,
        lambda c, s: _delete_there(c, agent_id, s),
        lambda c, s: _is_gone(c, agent_id, s),
    )


def delete_block_there(*, source: AgentSource, block_id: str) -> None:
    """Delete a memory block at a source. Nothing happens if it is gone. Raises as `asking.ask`."""

    def request(connector: Connector, seconds: float) -> bool:
        connector.delete_block(block_id, seconds=seconds)
        return True

    def settle(connector: Connector, seconds: float) -> bool | None:
        return None if connector.has_block(block_id, seconds=seconds) else True

    asking.ask(source, request, settle)


def has_agent(source: AgentSource, agent_id: str) -> bool:
    """True if the source has this agent. Raises as `asking.ask`."""
    return not asking.ask(source, lambda c, s: _is_gone(c, agent_id, s) or False)


def has_block(source: AgentSource, block_id: str) -> bool:
    """True if the source has this memory block. Raises as `asking.ask`."""
    return asking.ask(source, lambda c, s: c.has_block(block_id, seconds=s))


def _delete_there(connector: Connector, agent_id: str, seconds: float) -> bool:
    try:
        connector.delete(agent_id, seconds=seconds)
    except AgentNotThere:
        return True
    return True


def _is_gone(connector: Connector, agent_id: str, seconds: float) -> bool | None:
    try:
        connector.agent(agent_id, seconds=seconds)
    except AgentNotThere:
        return True
    return None
