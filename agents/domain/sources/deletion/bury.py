"""Delete agents of a source here, in one change-set."""

from collections.abc import Collection

from agents.core.actors import Actor
from agents.domain.agents.write import bury, lock_to_bury
from agents.domain.core import record
from agents.domain.core.transactions import write
from agents.models import Act, ChangeSet


@write
def bury_agents(ids: Collection[str], *, actor: Actor, reason: str) -> ChangeSet | None:
    """Delete these agents here, as one change-set; None if none of them exists any more."""
    locked = lock_to_bury(ids, actor)
    if not locked:
        return None
    change_set = record.open_change_set(actor=actor, act=Act.DELETE, reason=reason)
    bury(list(locked.values()), change_set)
    return change_set
