"""When an actor last wrote, kept where its authentication reads anyway, so that whichever server
answers its next read knows how far a replica must be to show it that write."""

from django.db.models.functions import Now

from ade import replica
from ade.models import User
from agents.actors import Actor, Kind
from agents.lagging import MARK_SECONDS, may_ever_lag
from agents.models import ApiKey

# Whom this process marked, and when: the actor of long work does not hear of its own marks.
_marked: dict[str, float] = {}
_REMEMBERED = 1000


def mark(actor: Actor) -> None:
    """Note that the actor has written; at most once in MARK_SECONDS. Call it after the commit."""
    if not may_ever_lag(actor):
        return
    replica.samples.take()
    now = replica.samples.now()
    last = max(actor.wrote_at or 0.0, _marked.get(actor.id, 0.0))
    if now is not None and now - last < MARK_SECONDS:
        return
    key = actor.id.partition(":")[2]
    if actor.kind == Kind.KEY:
        ApiKey.objects.filter(key_id=key).update(wrote_at=Now())
    else:
        User.objects.filter(pk=key).update(wrote_at=Now())
    if now is not None:
        if len(_marked) >= _REMEMBERED:
            _marked.clear()
        _marked[actor.id] = now
