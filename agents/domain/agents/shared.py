"""Mark an agent as meant to be shared between users. Then a second owner is no longer reported."""

from agents.core.actors import Actor, Power
from agents.core.errors import Invalid
from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.transactions import write
from agents.domain.tags.locks import lock_agent
from agents.models import Act, Agent, Op

# The name of this field in history.
FIELD = "meant to be shared"


@write
def mark_shared(*, agent_id: str, reason: str, actor: Actor) -> Agent:
    """Mark an agent as meant to be shared, with the reason. An equal mark is not recorded again.

    Raises NotFound, NotAllowed (only managers may), Invalid (no reason, or it is too long).
    """
    actor.require(Power.MANAGE, "mark agents as meant to be shared")
    if not reason.strip():
        raise Invalid("Say why this agent is shared.", field="reason")
    record.check_reason(reason)
    return _set(agent_id, reason, actor)


@write
def unmark_shared(*, agent_id: str, actor: Actor) -> Agent:
    """Remove the mark. Raises NotFound, NotAllowed (only managers may)."""
    actor.require(Power.MANAGE, "mark agents as meant to be shared")
    return _set(agent_id, None, actor)


def _set(agent_id: str, reason: str | None, actor: Actor) -> Agent:
    locked = lock_agent(agent_id, actor=actor)
    agent, before = locked.agent, locked.agent.shared_reason
    if before == reason:
        return agent
    at = locked.touch()
    agent.shared_reason = reason
    agent.save(update_fields=["shared_reason", "updated_at", "version"])
    change_set = record.open_change_set(actor=actor, act=Act.FIELDS, reason=reason or "", at=at)
    entry = Entry(Op.SET, agent.public_id, agent.name, field=FIELD, old=before, new=reason)
    record.record(change_set, [entry])
    return agent
