"""Whether who began long work still may go on with it: their rights of this moment."""

from dataclasses import replace

from ade.models import User
from agents.actors import ROLE_POWERS, Actor, Kind, Power
from agents.domain import keys
from agents.errors import NotAllowed
from agents.models import ApiKey
from agents.tagnames import shown

_OTHERS = "Whoever may change agents in bulk can let it go on."


def standing(actor: Actor) -> Actor:
    """The actor as it may act now. Raises NotAllowed where it may no longer change in bulk.

    A person has the powers of their role, a key its scope, its limit and its list. An open API and a
    command on the server have no account that could lose a right.
    """
    if actor.kind is Kind.PERSON:
        now = _person(actor)
    elif actor.kind is Kind.KEY:
        now = _key(actor)
    else:
        return actor
    if not now.can(Power.MANAGE) and actor.can(Power.MANAGE):
        raise NotAllowed(f"{shown(actor.name)} may no longer change agents in bulk. {_OTHERS}")
    return now


def _person(actor: Actor) -> Actor:
    member = User.objects.filter(pk=actor.id.partition(":")[2]).first()
    if member is None or not member.is_active:
        raise NotAllowed(f"The account of {shown(actor.name)} is disabled. {_OTHERS}")
    return replace(actor, powers=ROLE_POWERS[member.role])


def _key(actor: Actor) -> Actor:
    key = ApiKey.objects.filter(key_id=actor.id.partition(":")[2]).first()
    if key is None or not keys.is_good(key):
        raise NotAllowed(f"{shown(actor.name)} is disabled or has expired. {_OTHERS}")
    now = keys.actor_of(key)
    if actor.limit is None and now.limit is not None:
        raise NotAllowed(f"{shown(actor.name)} is limited to a tag now. {_OTHERS}")
    return replace(actor, powers=now.powers, limit=now.limit, may_tag=now.may_tag)
