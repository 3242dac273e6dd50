"""Writes of identities. For actors without a tag limit: an identity spans users.

Locks stand in the order of all writes: agents by seq, then the identity. An agent moves on when
it is given one or loses it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q

from agents.actors import Actor
from agents.domain import history
from agents.domain.agentidentities import link, require_identities
from agents.domain.history import Entry
from agents.domain.holds import agent_not_found
from agents.domain.newagents import checked_name, checked_text
from agents.domain.touching import lock, touch_all
from agents.domain.transactions import Moved, write
from agents.errors import Conflict, Invalid, NotFound
from agents.jsontext import loads, stored
from agents.limits import AGENTS_PER_IDENTITY_CALL, HANDLE_LENGTH, IDENTIFIER_KEY_LENGTH
from agents.listing.identities import find_identity, visible_identities
from agents.models import Act, Agent, AgentIdentity, Identity, Op

TYPES = ("org", "user", "other")
# History names the agents of an identity up to this many; of more it names none.
_NAMED = 100
_Changes = list[tuple[str, str | None, str | None]]


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """An identity to be made; `agent_ids` are the agents that get it."""

    identifier_key: str
    name: str
    identity_type: str
    project_id: str | None = None
    properties: Sequence[dict[str, Any]] = ()
    agent_ids: Sequence[str] | None = None


@write
def create_identity(new: NewIdentity, *, actor: Actor) -> Identity:
    """Make an identity. Raises Invalid, NotAllowed, NotFound (an agent), Conflict (a taken key)."""
    require_identities(actor)
    columns = _checked(asdict(new))
    agents = _wanted_agents(new.agent_ids or (), actor)
    at = touch_all(agents)
    identity = Identity(public_id=f"identity-{uuid4()}", created_at=at, updated_at=at, **columns)
    _save(identity)
    link(agents, [identity])
    _record(actor, agents, identity, [("", None, identity.identifier_key)], at)
    return identity


@write
def upsert_identity(new: NewIdentity, *, actor: Actor) -> Identity:
    """Make an identity, or give the one with its key what `new` says. Raises as the two do."""
    require_identities(actor)
    key = _checked({"identifier_key": new.identifier_key})["identifier_key"]
    known = visible_identities(actor).filter(identifier_key=key).first()
    if known is not None:
        return update_identity(identity_id=known.public_id, given=asdict(new), actor=actor)
    try:
        return create_identity(new, actor=actor)
    except Conflict:
        raise Moved from None  # another was first


@write
def update_identity(*, identity_id: str, given: dict[str, Any], actor: Actor) -> Identity:
    """Set what is given and not None: fields of NewIdentity, `agent_ids` as a whole new set.

    Raises as `create_identity` does, and NotFound.
    """
    require_identities(actor)
    known = find_identity(identity_id, actor)
    wanted: Collection[str] | None = given.get("agent_ids")
    agents, named = _agents_of(known, wanted, actor) if wanted is not None else ([], [])
    identity = _locked(known)
    before = {name: getattr(identity, name) for name in _checkers}
    after = _checked(given)
    changed = [name for name in after if after[name] != before[name]]
    moved = [] if wanted is None else _set_agents(identity, agents, named)
    if not changed and not moved:
        return identity
    for name in changed:
        setattr(identity, name, after[name])
    identity.updated_at = at = touch_all(moved)
    _save(identity)
    changes: _Changes = [(f": {name}", before[name], after[name]) for name in changed]
    _record(actor, moved, identity, changes or [(": agents", None, None)], at)
    return identity


@write
def set_properties(
    *, identity_id: str, properties: Sequence[dict[str, Any]], actor: Actor
) -> Identity:
    """Set these properties by their keys; others stay. Raises as `update_identity` does."""
    require_identities(actor)
    own = loads(_locked(find_identity(identity_id, actor)).properties)
    merged = {one["key"]: one for one in [*own, *properties]}
    given = {"properties": list(merged.values())}
    return update_identity(identity_id=identity_id, given=given, actor=actor)


@write
def delete_identity(*, identity_id: str, actor: Actor) -> None:
    """Delete an identity, and take it off its agents. Raises NotFound, NotAllowed."""
    require_identities(actor)
    known = find_identity(identity_id, actor)
    agents, _ = _agents_of(known, (), actor)
    identity = _locked(known, to_delete=True)
    at = touch_all(agents)
    AgentIdentity.objects.filter(identity=identity).delete()
    _record(actor, agents, identity, [("", identity.identifier_key, None)], at)
    identity.delete()


def _key(key: object) -> str:
    text = checked_text(key, field="identifier_key", most=IDENTIFIER_KEY_LENGTH)
    if not text:
        raise Invalid("An identity needs a key.", field="identifier_key")
    return text


def _type(name: object) -> str:
    if name not in TYPES:
        raise Invalid("An identity's type is org, user or other.", field="identity_type")
    return str(name)


_checkers: dict[str, Callable[[Any], str]] = {
    "identifier_key": _key,
    "name": checked_name,
    "identity_type": _type,
    "project_id": lambda text: checked_text(text, field="project_id", most=HANDLE_LENGTH),
    "properties": lambda value: stored(list(value), field="properties"),
}


def _checked(given: dict[str, Any]) -> dict[str, str]:
    """The columns of what is given and not None. Raises Invalid."""
    return {
        name: check(given[name]) for name, check in _checkers.items() if given.get(name) is not None
    }


def _wanted_agents(agent_ids: Collection[str], actor: Actor) -> list[Agent]:
    """Lock these agents. Raises NotFound."""
    wanted = _legal(agent_ids)
    agents = lock(Agent.objects.visible_to(actor).filter(public_id__in=wanted)) if wanted else []
    found = {agent.public_id for agent in agents}
    for agent_id in wanted:
        if agent_id not in found:
            raise agent_not_found(agent_id)
    return agents


def _agents_of(
    identity: Identity, agent_ids: Collection[str], actor: Actor
) -> tuple[list[Agent], list[Agent]]:
    """Lock the agents that have the identity and those named; all of them, and those named."""
    wanted = set(_legal(agent_ids))
    own = Q(seq__in=AgentIdentity.objects.filter(identity=identity).values("agent_id"))
    agents = lock(Agent.objects.visible_to(actor).filter(own | Q(public_id__in=wanted)))
    named = [agent for agent in agents if agent.public_id in wanted]
    for agent_id in sorted(wanted - {agent.public_id for agent in named}):
        raise agent_not_found(agent_id)
    return agents, named


def _legal(agent_ids: Collection[str]) -> list[str]:
    if len(agent_ids) > AGENTS_PER_IDENTITY_CALL:
        raise Invalid(
            f"At most {AGENTS_PER_IDENTITY_CALL:,} agents can be named.", field="agent_ids"
        )
    names = list(dict.fromkeys(agent_ids))
    return [checked_text(one, field="agent_ids", most=HANDLE_LENGTH) for one in names]


def _set_agents(
    identity: Identity, agents: Sequence[Agent], wanted: Sequence[Agent]
) -> list[Agent]:
    """Make these the identity's agents; those that were given it or lost it."""
    rows = AgentIdentity.objects.filter(identity=identity)
    own = set(rows.values_list("agent_id", flat=True))
    new = {agent.seq for agent in wanted}
    rows.filter(agent_id__in=own - new).delete()
    link([agent for agent in wanted if agent.seq not in own], [identity])
    return [agent for agent in agents if agent.seq in own ^ new]


def _locked(known: Identity, *, to_delete: bool = False) -> Identity:
    rows = Identity.objects.select_for_update(no_key=not to_delete).filter(id=known.id)
    identity = rows.first()
    if identity is None:
        raise NotFound(f"Identity with ID {known.public_id} not found")
    return identity


def _save(identity: Identity) -> None:
    try:
        with transaction.atomic():
            identity.save()
    except IntegrityError:
        raise Conflict(
            "There is an identity with this identifier_key already.", field="identifier_key"
        ) from None


def _record(
    actor: Actor, agents: Sequence[Agent], identity: Identity, changes: _Changes, at: datetime
) -> None:
    """Record (what of the identity, old, new) for each agent that has it."""
    named: list[tuple[str | None, str | None]] = [(one.public_id, one.name) for one in agents]
    if not 0 < len(named) <= _NAMED:
        named = [(None, None)]
    change_set = history.open_change_set(actor=actor, act=Act.IDENTITY, at=at)
    entries = [
        Entry(Op.SET, *who, field=f"identity {identity.name[:30]}{what}", old=old, new=new)
        for who in named
        for what, old, new in changes
    ]
    history.record(change_set, entries)
