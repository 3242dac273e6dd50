"""The identities of an agent. Limited actors have no access: an identity can span users."""

from collections.abc import Collection, Sequence

from agents.core.actors import Actor, Power
from agents.core.errors import LimitExceeded, NotFound
from agents.core.limits import IDENTITIES_PER_AGENT
from agents.core.tag_text import text_problem
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.transactions import write
from agents.domain.tags.crossing import check_identities
from agents.domain.tags.locks import lock_agent
from agents.models import Act, Agent, AgentIdentity, Identity, Op
from agents.queries.identities import visible_identities


def require_identities(actor: Actor) -> None:
    """Raise NotAllowed unless the actor may write identities."""
    actor.require(Power.WRITE, "change identities")
    actor.require_unlimited("may not change identities")


def set_identities(agent: Agent, identity_ids: Sequence[str], *, actor: Actor) -> list[Entry]:
    """Replace the identities of a locked or new agent. Return the history of it.

    Raises NotFound, NotAllowed, Invalid (too many).
    """
    if actor.limited and not identity_ids:
        return []  # limited actors are shown no identities and may send that back
    wanted = {identity.public_id: identity for identity in _lock_all(identity_ids, actor)}
    rows = AgentIdentity.objects.filter(agent=agent).select_related("identity")
    own = {row.identity.public_id: row.identity for row in rows}
    add = [wanted[key] for key in wanted if key not in own]
    remove = [own[key] for key in sorted(own) if key not in wanted]
    if not add and not remove:
        return []
    require_identities(actor)
    AgentIdentity.objects.filter(agent=agent, identity__in=remove).delete()
    link([agent], add, actor=actor)
    return [entry_of(agent, add=add, remove=remove)]


def link(agents: Collection[Agent], identities: Collection[Identity], *, actor: Actor) -> None:
    """Attach identities that the agents do not have. Raises Invalid if an agent gets too many, NewCrossing."""
    AgentIdentity.objects.bulk_create(
        AgentIdentity(agent=agent, identity=identity) for agent in agents for identity in identities
    )
    check_identities(agents, identities, actor)
    for agent in agents if identities else ():
        if AgentIdentity.objects.filter(agent=agent).count() > IDENTITIES_PER_AGENT:
            raise LimitExceeded(
                f"An agent has at most {IDENTITIES_PER_AGENT} identities.", field="identity_ids"
            )


@write
def attach_identity(*, agent_id: str, identity_id: str, actor: Actor) -> Agent:
    """Attach an identity to an agent. An attached identity is no change. Raises NotFound, NotAllowed."""
    return _change(agent_id, identity_id, actor, attach=True)


@write
def detach_identity(*, agent_id: str, identity_id: str, actor: Actor) -> Agent:
    """Detach an identity from an agent. An identity that is not attached is no change.

    Raises NotFound, NotAllowed.
    """
    return _change(agent_id, identity_id, actor, attach=False)


def entry_of(
    agent: Agent, *, add: Collection[Identity] = (), remove: Collection[Identity] = ()
) -> Entry:
    """Return the history of identities attached to and detached from an agent."""
    old, new = (
        ", ".join(identity.identifier_key for identity in identities) or None
        for identities in (remove, add)
    )
    return Entry(Op.SET, agent.public_id, agent.name, field="identities", old=old, new=new)


def _change(agent_id: str, identity_id: str, actor: Actor, *, attach: bool) -> Agent:
    require_identities(actor)
    locked = lock_agent(agent_id, actor=actor)
    agent = locked.agent
    [identity] = _lock_all([identity_id], actor)
    rows = AgentIdentity.objects.filter(agent=agent, identity=identity)
    if rows.exists() == attach:
        return agent
    if attach:
        link([agent], [identity], actor=actor)
        entry = entry_of(agent, add=[identity])
    else:
        rows.delete()
        entry = entry_of(agent, remove=[identity])
    at = locked.touch()
    agent.save(update_fields=["updated_at", "version"])
    record.record(record.open_change_set(actor=actor, act=Act.IDENTITY, at=at), [entry])
    return agent


def _lock_all(identity_ids: Sequence[str], actor: Actor) -> list[Identity]:
    """Lock identities, so that none is deleted before its new rows are inserted. Raises NotFound."""
    wanted = list(dict.fromkeys(identity_ids))
    if not wanted:
        return []
    legal = [identity_id for identity_id in wanted if not text_problem(identity_id)]
    rows = visible_identities(actor).filter(public_id__in=legal).order_by("id")
    found = {row.public_id: row for row in rows.select_for_update(no_key=True)}
    for identity_id in wanted:
        if identity_id not in found:
            raise NotFound(f"Identity with ID {identity_id} not found")
    return [found[identity_id] for identity_id in wanted]
