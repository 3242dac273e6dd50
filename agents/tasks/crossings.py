"""Look for crossings in the worker, whenever a page or the API shows them."""

import time

from django_tasks import task

from agents.core.actors import WRITE, Actor, ActorKind, Source
from agents.domain.crossings import follow
from agents.domain.webhooks import log
from agents.tasks.in_passing import ask_in_passing

_SLICE = 5.0  # seconds of one turn of the worker
_ACTOR = Actor(ActorKind.JOB, "job:crossings", "Crossings", Source.BULK, WRITE)


def ask_to_look() -> bool:
    """Have the worker follow the history. True if all of it was followed already."""
    if follow.is_complete():
        return True
    ask_in_passing(follow_crossings)
    return False


def catch_up(*, seconds: float) -> bool:
    """Follow the history for some seconds. True if all of it was followed."""
    end, upto = time.monotonic() + seconds, log.safe_end()
    while follow.follow(upto=upto, actor=_ACTOR):
        if time.monotonic() > end:
            return False
    return True


@task()
def follow_crossings() -> None:
    """Follow the history for some seconds, and queue the next turn if more is left."""
    if not catch_up(seconds=_SLICE):
        follow_crossings.enqueue()
    else:
        follow.forget_ended(actor=_ACTOR)
