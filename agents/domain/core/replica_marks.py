"""Store when an actor last wrote, so that its next read uses a replica only if that has the write.

The time is stored with the key or member, which every request reads anyway.
"""

import functools

from django.db import transaction
from django.db.models.functions import Now

from ade.db import replica
from ade.models import User
from agents.core.actors import Actor, ActorKind
from agents.models import ApiKey
from agents.queries.core.replica_reads import MARK_SECONDS, may_ever_lag

# When this process marked each actor: an actor that works for long does not see its own marks.
_marked: dict[str, float] = {}
_REMEMBERED = 1000


def mark_after_commit(actor: Actor) -> None:
    """Store the time of this write after the commit.

    At most once in MARK_SECONDS, and only where replicas are read.
    """
    if replica.ON and may_ever_lag(actor):
        # The write is already committed, so a failure here must not fail it.
        transaction.on_commit(functools.partial(_mark, actor), robust=True)


def _mark(actor: Actor) -> None:
    replica.samples.take()
    now = replica.samples.now()
    last = max(actor.wrote_at or 0.0, _marked.get(actor.id, 0.0))
    if now is not None and now - last < MARK_SECONDS:
        return
    key = actor.id.partition(":")[2]
    if actor.kind == ActorKind.KEY:
        ApiKey.objects.filter(key_id=key).update(wrote_at=Now())
    else:
        User.objects.filter(pk=key).update(wrote_at=Now())
    if now is not None:
        if len(_marked) >= _REMEMBERED:
            _marked.clear()
        _marked[actor.id] = now
