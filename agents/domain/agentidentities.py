"""Which identities an agent has. For actors without a tag limit: an identity spans users."""

from collections.abc import Collection, Sequence

from agents.actors import Actor, Power
from agents.domain import history
from agents.domain.history import Entry
from agents.domain.holds import hold
from agents.domain.transactions import write
from agents.errors import Invalid, NotAllowed, NotFound
from agents.limits import IDENTITIES_PER_AGENT
from agents.listing.identities import visible_identities
from agents.models import Act, Agent, AgentIdentity, Identity, Op
from agents.tagnames import text_problem


def require_identities(actor: Actor) -> None:
    """Raise NotAllowed unless the actor may write identities."""
    actor.require(Power.WRITE, "change identities")
    if actor.limit is not None:
        raise NotAllowed("A key that is limited to a tag has no say over identities.")


def set_identities(agent: Agent, identity_ids: Sequence[str], *, actor: Actor) -> list[Entry]:
    """Make these the agent's identities; what history says of it. The agent is locked or new.

    Raises NotFound, NotAllowed, Invalid (too many).
    """
    if actor.limit is not None and not identity_ids:
        return []  # it was shown none, and gives back what it was shown
    wanted = {one.public_id: one for one in _found(identity_ids, actor)}
    rows = AgentIdentity.objects.filter(agent=agent).select_related("identity")
    own = {row.identity.public_id: row.identity for row in rows}
    add = [wanted[key] for key in wanted if key not in own]
    remove = [own[key] for key in sorted(own) if key not in wanted]
    if not add and not remove:
        return []
    require_identities(actor)
    AgentIdentity.objects.filter(agent=agent, identity__in=remove).delete()
    link([agent], add)
    return [entry_of(agent, add=add, remove=remove)]


def link(agents: Collection[Agent], identities: Collection[Identity]) -> None:
    """Give agents identities that they do not have. Raises Invalid if one gets too many."""
    AgentIdentity.objects.bulk_create(
        AgentIdentity(agent=agent, identity=identity) for agent in agents for identity in identities
    )
    for agent in agents if identities else ():
        if AgentIdentity.objects.filter(agent=agent).count() > IDENTITIES_PER_AGENT:
            raise Invalid(
                f"An agent has at most {IDENTITIES_PER_AGENT} identities.", field="identity_ids"
            )


@write
def attach_identity(*, agent_id: str, identity_id: str, actor: Actor) -> Agent:
    """Give an agent an identity; one that it has is no change. Raises NotFound, NotAllowed."""
    return _change(agent_id, identity_id, actor, attach=True)


@write
def detach_identity(*, agent_id: str, identity_id: str, actor: Actor) -> Agent:
    """Take an identity off an agent; one that it has not is no change.

    Raises NotFound, NotAllowed.
    """
    return _change(agent_id, identity_id, actor, attach=False)


def entry_of(
    agent: Agent, *, add: Collection[Identity] = (), remove: Collection[Identity] = ()
) -> Entry:
    """What history says of identities given to an agent and taken off it."""
    old, new = (", ".join(one.identifier_key for one in ones) or None for ones in (remove, add))
    return Entry(Op.SET, agent.public_id, agent.name, field="identities", old=old, new=new)


def _change(agent_id: str, identity_id: str, actor: Actor, *, attach: bool) -> Agent:
    require_identities(actor)
    held = hold(agent_id, actor=actor)
    agent = held.agent
    [identity] = _found([identity_id], actor)
    rows = AgentIdentity.objects.filter(agent=agent, identity=identity)
    if rows.exists() == attach:
        return agent
    if attach:
        link([agent], [identity])
        entry = entry_of(agent, add=[identity])
    else:
        rows.delete()
        entry = entry_of(agent, remove=[identity])
    at = held.touch()
    agent.save(update_fields=["updated_at", "version"])
    history.record(history.open_change_set(actor=actor, act=Act.IDENTITY, at=at), [entry])
    return agent


def _found(identity_ids: Sequence[str], actor: Actor) -> list[Identity]:
    """These identities, locked so that none is deleted before the rows that name it are in."""
    wanted = list(dict.fromkeys(identity_ids))
    if not wanted:
        return []
    legal = [one for one in wanted if not text_problem(one)]
    rows = visible_identities(actor).filter(public_id__in=legal).order_by("id")
    found = {row.public_id: row for row in rows.select_for_update(no_key=True)}
    for one in wanted:
        if one not in found:
            raise NotFound(f"Identity with ID {one} not found")
    return [found[one] for one in wanted]
