"""Restore agents from the trash: those of a source at their source, from the agent file.

The source gives a new agent a new id. Each step is stored before and after it, so that an interrupted restore continues where it stopped and
creates no second agent.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import Busy, Conflict, DomainError, NotFound
from agents.core.json_text import loads
from agents.core.tag_text import problem, shown
from agents.domain.agents import trash
from agents.domain.core import record
from agents.domain.core.transactions import rehearse, write
from agents.domain.identities.agent import set_identities
from agents.domain.sources import asking
from agents.domain.sources.deletion import files
from agents.domain.sources.deletion.files import MemoryThere
from agents.domain.sources.places import place
from agents.domain.sources.take_in import take_in
from agents.domain.sources.through import Answered, clock_of, newest_like
from agents.domain.tags.locks import lock_agent
from agents.models import Act, Agent, AgentSource, ChangeSet, Identity, TrashedAgent, TrashedFile
from agents.net.connectors.base import Connector, SeenAgent

_MEMORY_FILES = 1_000  # that are written one by one


@dataclass(slots=True)
class Back:
    """Restored agents, and why others were not, by old id."""

    agents: list[Agent] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def restore(*, agent_ids: Collection[str], actor: Actor, reason: str = "") -> Back:
    """Restore agents: all that are kept here or none, then those of sources one by one.

    Raises as `trash.restore`, before anything is restored.
    """
    actor.require(Power.WRITE, "restore agents")
    ids = list(dict.fromkeys(agent_ids))
    rehearse(lambda: trash.restore(agent_ids=ids, actor=actor, reason=reason))
    there = with_file(ids)
    back = Back()
    if here := [one for one in ids if one not in there]:
        back.agents += trash.restore(agent_ids=here, actor=actor, reason=reason).agents
    for agent_id in ids:
        if agent_id in there:
            try:
                back.agents.append(restore_there(agent_id=agent_id, actor=actor, reason=reason))
            except DomainError as error:
                back.failed[agent_id] = error.message
    return back


def with_file(agent_ids: Collection[str]) -> set[str]:
    """Return the agents that their source can create again."""
    rows = TrashedFile.objects.filter(public_id__in=agent_ids).exclude(file="").defer("file")
    known = set(AgentSource.objects.values_list("id", flat=True))
    return {row.public_id for row in rows if row.source_id in known}


def restore_there(
    *,
    agent_id: str,
    actor: Actor,
    reason: str = "",
    into: Callable[[], ChangeSet] | None = None,
) -> Agent:
    """Make an agent of the trash again at its source, and here with the id that it gets.

    `into` gives the change-set to record it in, inside the transaction that saves it. A second call continues where the first failed. Call it outside of transactions. Raises as
    `trash.restore` and `asking.ask`.
    """
    with place(f"restore-{agent_id}"[:200]) as free:
        if not free:
            raise Busy("This agent is being restored. Try again in a moment.")
        rehearse(lambda: trash.restore(agent_ids=[agent_id], actor=actor))
        file = TrashedFile.objects.filter(public_id=agent_id).exclude(file="").first()
        source = None if file is None else AgentSource.objects.filter(id=file.source_id).first()
        if file is None or source is None:
            raise NotFound("There is no agent file to restore this agent from.")
        answered = _make(source, file, actor)
        new_id, content = answered.seen.id, json.loads(file.file)
        for _ in range(_MEMORY_FILES):
            if not asking.ask(source, lambda c, s: c.add_memory(new_id, content, seconds=s)):
                break
        if memory := files.kept_memory(agent_id):
            _share_memory(source, new_id, memory)
            seen = asking.ask(source, lambda c, s: c.agent(new_id, seconds=s))
            answered = replace(answered, seen=seen)
        return _save(agent_id=agent_id, answered=answered, actor=actor, reason=reason, into=into)


def _make(source: AgentSource, file: TrashedFile, actor: Actor) -> Answered:
    """The new agent at the source: made now, or by an attempt before."""
    clock = clock_of(source)
    if file.made_id is not None:
        try:
            seen = asking.ask(source, lambda c, s: c.agent(str(file.made_id), seconds=s))
            return Answered(source, seen, clock)
        except NotFound:  # somebody has deleted it since
            _note(file, actor=actor, made_id=None, asked_at=None)
    content = json.loads(file.file)
    name, tags = str(_agent_in(content).get("name") or ""), _tags(file.public_id, content)
    if source.only_tag is not None and source.only_tag not in tags:
        raise Conflict(f"Agents of {source.name} need the tag {shown(source.only_tag)}.")
    again = file.asked_at is not None

    def request(connector: Connector, seconds: float) -> SeenAgent:
        # The answer to an attempt before may have been lost.
        found = settle(connector, seconds) if again else None
        return found or connector.make_again(content, tags, seconds=seconds)

    def settle(connector: Connector, seconds: float) -> SeenAgent | None:
        return newest_like(connector, name, tags, seconds, made_after=file.asked_at)

    _note(file, actor=actor, asked_at=file.asked_at or timezone.now(), waiting=False)
    seen = asking.ask(source, request, settle)
    _note(file, actor=actor, made_id=seen.id)
    return Answered(source, seen, clock)


def _agent_in(content: dict[str, Any]) -> dict[str, Any]:
    """The agent of an agent file: Letta's has a list of one, an App Server's is the agent."""
    agents = content.get("agents")
    return dict(agents[0]) if isinstance(agents, list) else content


def _tags(agent_id: str, content: dict[str, Any]) -> list[str]:
    """The tags that the agent has in the trash, and those in its file that ADE cannot store."""
    row = TrashedAgent.objects.get(public_id=agent_id)
    there = _agent_in(content).get("tags") or []
    aside = [tag for tag in there if isinstance(tag, str) and problem(tag) is not None]
    return [*sorted(row.tags.values_list("name", flat=True)), *aside]


def _share_memory(source: AgentSource, new_id: str, memory: Sequence[MemoryThere]) -> None:
    """Attach the blocks that are still at the source, instead of the copies that its file made."""

    def share(old: MemoryThere, connector: Connector, seconds: float) -> bool:
        if old.kind == "archives":
            if connector.has_block(old.id, seconds=seconds):
                connector.attach_block(new_id, old.id, seconds=seconds)
            return True
        copies = {block.label: block.id for block in connector.blocks(new_id, seconds=seconds)}
        if not connector.has_block(old.id, seconds=seconds) or copies.get(old.label) == old.id:
            return True
        if (copy := copies.get(old.label)) is not None:
            connector.detach_block(new_id, copy, seconds=seconds)
            connector.delete_block(copy, seconds=seconds)
        connector.attach_block(new_id, old.id, seconds=seconds)
        return True

    for old in memory:
        asking.ask(source, partial(share, old))


@write
def _save(
    *,
    agent_id: str,
    answered: Answered,
    actor: Actor,
    reason: str,
    into: Callable[[], ChangeSet] | None,
) -> Agent:
    change_set = None if into is None else into()
    new_id = answered.seen.id
    known = Agent.objects.filter(public_id=new_id).first()
    if known is None:
        trash.restore(
            agent_ids=[agent_id],
            actor=actor,
            reason=reason,
            into=change_set,
            made={agent_id: new_id},
        )
    else:  # a sync was faster
        _link(agent_id, new_id, actor, reason, change_set)
    take_in(source=answered.source, agents=[answered.seen], clock=answered.clock, wrote=True)
    return Agent.objects.get(public_id=new_id)


def _link(agent_id: str, new_id: str, actor: Actor, reason: str, into: ChangeSet | None) -> None:
    """Link both agents, and give the new one what only ADE knows."""
    row = TrashedAgent.objects.select_for_update(no_key=True).get(public_id=agent_id)
    state = loads(row.state)
    locked = lock_agent(new_id, actor=actor)
    there = Identity.objects.filter(public_id__in=state["identities"])
    change_set = into or record.open_change_set(actor=actor, act=Act.RESTORE, reason=reason)
    ids = list(there.values_list("public_id", flat=True))
    entries = set_identities(locked.agent, ids, actor=actor) if ids else []
    record.record(change_set, [*entries, *trash.link(row, locked.agent)])
    shared_reason = state["agent"].get("shared_reason")
    Agent.objects.filter(seq=locked.agent.seq).update(shared_reason=shared_reason)
    trash.forget([row.seq])


@write
def _note(file: TrashedFile, *, actor: Actor, **values: Any) -> None:
    """Store how far a restore is."""
    TrashedFile.objects.filter(id=file.id).update(**values)
    for name, value in values.items():
        setattr(file, name, value)
