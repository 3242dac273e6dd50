"""Check that the actor who began a bulk change may still continue it."""

from dataclasses import replace

from agents.core.actors import Actor, ActorKind, Power
from agents.core.errors import NotAllowed
from agents.core.tag_text import shown
from agents.domain.core.rights import current_rights
from agents.domain.core.transactions import check_at_end

_OTHERS = "Someone who may change agents in bulk can resume it."


def with_current_rights(actor: Actor) -> Actor:
    """Return the actor with its current rights. Raises NotAllowed if it may not change in bulk now.

    A person has the powers of their role and their reach; a key has its scope, its reach and its list
    of tags. An open API and a command on the server have no account that could lose a right. Inside
    a write the rights are checked again at its end.
    """
    try:
        now = current_rights(actor)
    except LookupError:
        return actor
    if now is None:
        which = "is disabled" if actor.kind is ActorKind.PERSON else "is disabled or has expired"
        who = "The account of " if actor.kind is ActorKind.PERSON else ""
        raise NotAllowed(f"{who}{shown(actor.name)} {which}. {_OTHERS}")
    if Power.MANAGE not in now.powers and actor.can(Power.MANAGE):
        raise NotAllowed(f"{shown(actor.name)} may no longer change agents in bulk. {_OTHERS}")
    if not actor.limited and not now.reach.everything:
        raise NotAllowed(f"{shown(actor.name)} is now limited to some agents. {_OTHERS}")
    current = replace(
        actor,
        powers=now.powers,
        reach=now.reach,
        may_tag=now.may_tag,
        any_label=now.any_label,
    )
    check_at_end(current)
    return current
