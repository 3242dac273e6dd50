"""Create, edit and delete identities. Limited actors may not: an identity can span users.

A write locks the agents by seq, then the identity. An agent that gains or loses an identity gets a new
version.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q

from agents.core.actors import Actor
from agents.core.errors import Conflict, Invalid, NotFound
from agents.core.json_text import checked_json, loads
from agents.core.limits import AGENTS_PER_IDENTITY_CALL, HANDLE_LENGTH, IDENTIFIER_KEY_LENGTH
from agents.domain.core.checks import checked_name, checked_text
from agents.domain.core.record import record_for_agents
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.core.versions import lock_in_order, touch_all
from agents.domain.identities.agent import link, require_identities
from agents.models import Act, Agent, AgentIdentity, Identity
from agents.queries.agents.find import agent_not_found
from agents.queries.identities import find_identity, visible_identities

TYPES = ("org", "user", "other")
_Changes = list[tuple[str, str | None, str | None]]
_record = partial(record_for_agents, act=Act.IDENTITY)


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """An identity to create, and the agents that get it."""

    identifier_key: str
    name: str
    identity_type: str
    project_id: str | None = None
    properties: Sequence[dict[str, Any]] = ()
    agent_ids: Sequence[str] | None = None


@write
def create_identity(new: NewIdentity, *, actor: Actor) -> Identity:
    """Create an identity. Raises Invalid, NotAllowed, NotFound (an agent), Conflict (the key is taken)."""
    require_identities(actor)
    columns = _checked(asdict(new))
    agents = _wanted_agents(new.agent_ids or (), actor)
    at = touch_all(agents)
    identity = Identity(public_id=f"identity-{uuid4()}", created_at=at, updated_at=at, **columns)
    _save(identity)
    link(agents, [identity], actor=actor)
    changes: _Changes = [(_field(identity), None, identity.identifier_key)]
    _record(actor=actor, agents=agents, changes=changes, at=at)
    return identity


@write
def upsert_identity(new: NewIdentity, *, actor: Actor) -> Identity:
    """Create an identity, or update the one with the same key. Raises as these two do."""
    require_identities(actor)
    key = _checked({"identifier_key": new.identifier_key})["identifier_key"]
    known = visible_identities(actor).filter(identifier_key=key).first()
    if known is not None:
        return update_identity(identity_id=known.public_id, given=asdict(new), actor=actor)
    try:
        return create_identity(new, actor=actor)
    except Conflict:
        raise RowsChanged from None  # another request created it first


@write
def update_identity(*, identity_id: str, given: dict[str, Any], actor: Actor) -> Identity:
    """Set the given fields of NewIdentity that are not None. `agent_ids` replaces all agents.

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
    moved = [] if wanted is None else _set_agents(identity, agents, named, actor)
    if not changed and not moved:
        return identity
    for name in changed:
        setattr(identity, name, after[name])
    identity.updated_at = at = touch_all(moved)
    _save(identity)
    changes: _Changes = [
        (_field(identity, f": {name}"), before[name], after[name]) for name in changed
    ]
    changes = changes or [(_field(identity, ": agents"), None, None)]
    _record(actor=actor, agents=moved, changes=changes, at=at)
    return identity


@write
def set_properties(
    *, identity_id: str, properties: Sequence[dict[str, Any]], actor: Actor
) -> Identity:
    """Set properties by key. Others stay. Raises as `update_identity` does."""
    require_identities(actor)
    own = loads(_locked(find_identity(identity_id, actor)).properties)
    merged = {item["key"]: item for item in [*own, *properties]}
    given = {"properties": list(merged.values())}
    return update_identity(identity_id=identity_id, given=given, actor=actor)


@write
def delete_identity(*, identity_id: str, actor: Actor) -> None:
    """Delete an identity and detach it from its agents. Raises NotFound, NotAllowed."""
    require_identities(actor)
    known = find_identity(identity_id, actor)
    agents, _ = _agents_of(known, (), actor)
    identity = _locked(known, to_delete=True)
    at = touch_all(agents)
    AgentIdentity.objects.filter(identity=identity).delete()
    changes: _Changes = [(_field(identity), identity.identifier_key, None)]
    _record(actor=actor, agents=agents, changes=changes, at=at)
    identity.delete()


def _key(key: object) -> str:
    text = checked_text(key, field="identifier_key", most=IDENTIFIER_KEY_LENGTH)
    if not text:
        raise Invalid("An identity needs a key.", field="identifier_key")
    return text


def _type(name: object) -> str:
    if name not in TYPES:
        raise Invalid("The type of an identity must be org, user or other.", field="identity_type")
    return str(name)


_checkers: dict[str, Callable[[Any], str]] = {
    "identifier_key": _key,
    "name": partial(checked_name, owner="An identity"),
    "identity_type": _type,
    "project_id": lambda text: checked_text(text, field="project_id", most=HANDLE_LENGTH),
    "properties": lambda value: checked_json(list(value), field="properties"),
}


def _checked(given: dict[str, Any]) -> dict[str, str]:
    """Check the given values that are not None and return the columns. Raises Invalid."""
    return {
        name: check(given[name]) for name, check in _checkers.items() if given.get(name) is not None
    }


def _wanted_agents(agent_ids: Collection[str], actor: Actor) -> list[Agent]:
    """Lock these agents. Raises NotFound."""
    wanted = _legal(agent_ids)
    agents = (
        lock_in_order(Agent.objects.visible_to(actor).filter(public_id__in=wanted))
        if wanted
        else []
    )
    found = {agent.public_id for agent in agents}
    for agent_id in wanted:
        if agent_id not in found:
            raise agent_not_found(agent_id)
    return agents


def _agents_of(
    identity: Identity, agent_ids: Collection[str], actor: Actor
) -> tuple[list[Agent], list[Agent]]:
    """Lock the agents of the identity and the named ones. Return all of them, and the named ones."""
    asked = _legal(agent_ids)
    wanted = set(asked)
    own = Q(seq__in=AgentIdentity.objects.filter(identity=identity).values("agent_id"))
    agents = lock_in_order(Agent.objects.visible_to(actor).filter(own | Q(public_id__in=wanted)))
    named = [agent for agent in agents if agent.public_id in wanted]
    there = {agent.public_id for agent in named}
    for agent_id in asked:
        if agent_id not in there:
            raise agent_not_found(agent_id)
    return agents, named


def _legal(agent_ids: Collection[str]) -> list[str]:
    if len(agent_ids) > AGENTS_PER_IDENTITY_CALL:
        raise Invalid(
            f"The request names {len(agent_ids):,} agents; the limit is {AGENTS_PER_IDENTITY_CALL:,}.",
            field="agent_ids",
        )
    names = list(dict.fromkeys(agent_ids))
    return [checked_text(name, field="agent_ids", most=HANDLE_LENGTH) for name in names]


def _set_agents(
    identity: Identity, agents: Sequence[Agent], wanted: Sequence[Agent], actor: Actor
) -> list[Agent]:
    """Replace the agents of the identity. Return those that gained or lost it."""
    rows = AgentIdentity.objects.filter(identity=identity)
    own = set(rows.values_list("agent_id", flat=True))
    new = {agent.seq for agent in wanted}
    rows.filter(agent_id__in=own - new).delete()
    link([agent for agent in wanted if agent.seq not in own], [identity], actor=actor)
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
            "An identity with this identifier_key already exists.", field="identifier_key"
        ) from None


def _field(identity: Identity, what: str = "") -> str:
    return f"identity {identity.name[:30]}{what}"
