"""Create and edit agents of a source: at the source first, then here.

A write is first tried here and rolled back, so that the source is asked only for what ADE's rules allow.
Then the source is asked, with no transaction open, and its answer is saved. If that fails, the next sync
brings it in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from agents.core.actors import Actor
from agents.core.errors import Conflict, Invalid, StillRunning
from agents.core.json_text import loads
from agents.core.tag_text import problem, shown
from agents.domain.agents import write as agents
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.core import idempotency
from agents.domain.core.idempotency import Once
from agents.domain.core.transactions import rehearse, write
from agents.domain.core.unset import UNSET
from agents.domain.sources import asking, fields
from agents.domain.sources.places import place
from agents.domain.sources.take_in import take_in
from agents.models import (
    Act,
    Agent,
    AgentDetail,
    AgentSource,
    AgentTag,
    SourceKind,
    Tombstone,
)
from agents.net.connectors.base import Connector, SeenAgent, Unread


@dataclass(frozen=True, slots=True)
class Answered:
    """A source's answer to a write, and its clock of pushes when it was asked."""

    source: AgentSource
    seen: SeenAgent
    clock: int


# --- Edit -----------------------------------------------------------------------------------


def send_update(
    *,
    agent_id: str,
    edit: AgentEdit,
    tags: list[object] | None = None,
    identity_ids: list[str] | None = None,
    block_ids: list[str] | None = None,
    actor: Actor,
    if_match: str | None = None,
) -> Answered | None:
    """Send the changed fields of an agent to its source; None if there is nothing to send.

    Call it outside of transactions. Then, in one, call `agents.update_agent` with the same values, and
    `note`. Raises as `update_agent` and `asking.ask` do.
    """
    if not edit.given() and not edit.extra and block_ids is None:
        return None  # tags and identities are ADE's own: they are accepted here and sent later
    source = asking.source_of(agent_id, actor)
    if source is None:
        return None
    if block_ids is not None:
        raise Conflict(f"The memory of this agent is at {source.name}. Attach blocks there.")
    changed = _changed_by(agent_id, edit)

    def carry_out() -> None:
        agents.update_agent(
            agent_id=agent_id,
            edit=edit,
            tags=tags,
            identity_ids=identity_ids,
            actor=actor,
            if_match=if_match,
        )

    rehearse(carry_out)
    if not changed:
        return None
    clock = clock_of(source)
    sent = _for(source, changed)

    def request(connector: Connector, seconds: float) -> SeenAgent:
        return connector.update(agent_id, sent, seconds=seconds)

    def settle(connector: Connector, seconds: float) -> SeenAgent | None:
        seen = connector.agent(agent_id, seconds=seconds)
        return seen if _has(seen, sent) else None

    return Answered(source, asking.ask(source, request, settle), clock)


def note(answered: Answered | None) -> None:
    """Take in what the source said. Call it in the transaction of the edit."""
    if answered is not None:
        take_in(source=answered.source, agents=[answered.seen], clock=answered.clock, wrote=True)


def update_agent(*, agent_id: str, edit: AgentEdit, actor: Actor, reason: str = "") -> Agent:
    """Edit an agent's own fields, at its source first if it has one. Raises as `send_update`."""
    answered = send_update(agent_id=agent_id, edit=edit, actor=actor)
    return _update(answered, agent_id=agent_id, edit=edit, actor=actor, reason=reason)


@write
def _update(
    answered: Answered | None, *, agent_id: str, edit: AgentEdit, actor: Actor, reason: str
) -> Agent:
    agent = agents.update_agent(agent_id=agent_id, edit=edit, actor=actor, reason=reason)
    note(answered)
    return Agent.objects.get(seq=agent.seq)


def _changed_by(agent_id: str, edit: AgentEdit) -> dict[str, Any]:
    """Return the fields that an edit changes, by Letta's names."""
    before = Agent.objects.filter(public_id=agent_id).first()
    detail = None if before is None else AgentDetail.objects.get(agent=before)
    if before is None or detail is None:
        return {}
    stored = loads(detail.extra)
    values = {
        "name": before.name,
        "description": before.description,
        "model": before.model,
        "embedding": before.embedding,
        "context_window_limit": before.context_window_limit,
        "system": detail.system,
        "llm_config": loads(detail.llm_config),
        "embedding_config": loads(detail.embedding_config),
        "metadata": loads(detail.metadata),
    }
    changed = {name: new for name, new in edit.given().items() if values.get(name) != new}
    return changed | {n: v for n, v in edit.extra.items() if stored.get(n) != v}


# --- Create ---------------------------------------------------------------------------------


def create_agent(
    spec: NewAgent, *, source: str, actor: Actor, reason: str = "", once: Once | None = None
) -> Agent:
    """Create an agent at the source of this name.

    With `once` the same request is carried out once. Raises Invalid (no such source), as
    `create_agents`, `asking.ask` and `idempotency.begin`.
    """
    if once is None:
        return _create(spec, source, actor, reason, None)
    with place(f"once-{once.key_digest}-{once.caller}"[:200]) as free:
        if not free:
            raise StillRunning("The first request with this Idempotency-Key is still running.")
        return _create(spec, source, actor, reason, once)


def _create(
    spec: NewAgent, source_name: str, actor: Actor, reason: str, once: Once | None
) -> Agent:
    source = asking.source_named(source_name)
    if spec.block_ids:
        raise Invalid(
            f"A memory block of ADE cannot be attached at {source.name}.", field="block_ids"
        )

    def carry_out() -> tuple[str, list[str]]:
        if once is not None:
            idempotency.begin(once)
        agent = agents.create_agent(spec, actor=actor)
        names = AgentTag.objects.filter(agent=agent).values_list("tag__name", flat=True)
        return agent.name, sorted(names)

    name, tags = rehearse(carry_out)
    if source.only_tag is not None and source.only_tag not in tags:
        raise Invalid(
            f"Agents of {source.name} need the tag {shown(source.only_tag)}.", field="tags"
        )
    clock = clock_of(source)
    sent = _for(source, _body(spec, name, tags))

    def request(connector: Connector, seconds: float) -> SeenAgent:
        return connector.create(sent, seconds=seconds)

    def settle(connector: Connector, seconds: float) -> SeenAgent | None:
        return newest_like(connector, name, tags, seconds)

    seen = asking.ask(source, request, settle)
    return _save_new(
        answered=Answered(source, seen, clock), spec=spec, tags=tags, actor=actor, reason=reason,
        once=once,
    )  # fmt: skip


@write
def _save_new(
    *,
    answered: Answered,
    spec: NewAgent,
    tags: list[str],
    actor: Actor,
    reason: str,
    once: Once | None,
) -> Agent:
    if once is not None:
        idempotency.begin(once)
    seen = answered.seen
    known = Agent.objects.filter(public_id=seen.id).first()
    if known is not None and known.source_id != answered.source.pk:
        # People who may make agents at the source must not take over an agent of others by its ID.
        raise Conflict(f"{answered.source.name} gave the new agent an ID that ADE already has.")
    if known is None:  # else a sync was faster
        legal = {name for name in seen.tags if problem(name) is None}
        here = [name for name in tags if name in legal]
        agents.create_agent(
            fields.new_agent(seen, here), actor=actor, act=Act.CREATE, reason=reason
        )
    note(answered)
    if spec.identity_ids:
        agents.update_agent(
            agent_id=seen.id, edit=AgentEdit(), identity_ids=spec.identity_ids, actor=actor
        )
    if once is not None:
        idempotency.record(once, status=200, made=[seen.id])
    return Agent.objects.get(public_id=seen.id)


def _body(spec: NewAgent, name: str, tags: Sequence[str]) -> dict[str, Any]:
    """Return the body that creates the agent, as Letta's API expects it."""
    body = {
        "name": name,
        "description": spec.description,
        "model": spec.model,
        "embedding": spec.embedding,
        "context_window_limit": spec.context_window_limit,
        "system": spec.system or None,
        "llm_config": spec.llm_config,
        "embedding_config": spec.embedding_config,
        "metadata": spec.metadata,
        **spec.extra,
    }
    given = {key: value for key, value in body.items() if value is not None}
    blocks = [
        {
            "label": block.label,
            "value": block.value,
            **({} if block.limit is None else {"limit": block.limit}),
            **({} if block.description is None else {"description": block.description}),
            **({"read_only": True} if block.read_only else {}),
            **({} if block.metadata is None else {"metadata": block.metadata}),
        }
        for block in spec.blocks
    ]
    return {**given, "tags": list(tags), "memory_blocks": blocks}


def newest_like(
    connector: Connector,
    name: str,
    tags: Sequence[str],
    seconds: float,
    *,
    made_after: datetime | None = None,
) -> SeenAgent | None:
    """The agent that a request without an answer created: of this name and these tags, and new to ADE.

    With `made_after`, it may also be one that a sync has brought in since.
    """
    batches = connector.changed(None, seconds=seconds)
    if batches is None:
        batches = connector.agents(seconds=seconds)
        listed = [agent for batch in batches for agent in batch]
    else:
        listed = next(iter(batches), [])
    like = [
        agent
        for agent in listed
        if not isinstance(agent, Unread) and agent.name == name and set(tags) <= set(agent.tags)
    ]
    ids = [agent.id for agent in like if problem(agent.id) is None]
    rows = Agent.objects.filter(public_id__in=ids)
    if made_after is not None:
        claimed = Tombstone.objects.filter(restored_as__in=ids).values("restored_as")
        rows = rows.filter(Q(created_at__lt=made_after) | Q(public_id__in=claimed))
    known = set(rows.values_list("public_id", flat=True))
    new = [agent for agent in like if agent.id not in known]
    return new[0] if len(new) == 1 else None


# --- Shared ---------------------------------------------------------------------------------


def clock_of(source: AgentSource) -> int:
    """Return the source's clock of pushes. Call it before asking the source."""
    return AgentSource.objects.values_list("push_clock", flat=True).get(id=source.id)


def _for(source: AgentSource, body: dict[str, Any]) -> dict[str, Any]:
    """The body for this kind of server. Letta's PATCH ignores null, so texts are emptied instead."""
    if source.kind == SourceKind.APP_SERVER:
        return body
    emptied = {"description", "system"}
    return {k: "" if v is None and k in emptied else v for k, v in body.items() if v is not UNSET}


def _has(seen: SeenAgent, sent: dict[str, Any]) -> bool:
    """True if the answer of a source has the values that were sent."""
    told = {"name": seen.name, **seen.fields}
    names = [
        name for name in ("name", "description", "model", "embedding", "system") if name in sent
    ]
    if names:
        return all((told.get(name) or "") == (sent[name] or "") for name in names)
    return all(told.get(name) == value for name, value in sent.items() if name in told)
