"""When an actor last wrote, kept where its authentication reads anyway, so that whichever server
answers its next read knows how far a replica must be to show it that write."""

import functools

from django.db import transaction
from django.db.models.functions import Now

from ade import replica
from ade.models import User
from agents.actors import Actor, Kind
from agents.lagging import MARK_SECONDS, may_ever_lag
from agents.models import ApiKey

# Whom this process marked, and when: the actor of long work does not hear of its own marks.
_marked: dict[str, float] = {}
_REMEMBERED = 1000


def mark_after_commit(actor: Actor) -> None:
    """Note, once this transaction is committed, that the actor has written.

    At most once in MARK_SECONDS, and only where replicas are read.
    """
    if replica.ON and may_ever_lag(actor):
        # What is committed was done: should this fail, that is no failure of the write.
        transaction.on_commit(functools.partial(_mark, actor), robust=True)


def _mark(actor: Actor) -> None:
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
