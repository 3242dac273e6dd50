"""Decide which requests may read from a replica, which is a little behind."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse

from ade.db import replica
from ade.ops import metrics
from agents.core.actors import Actor, ActorKind

V = TypeVar("V", bound=Callable[..., HttpResponse])

# Seconds within which a second write of an actor is not recorded again.
MARK_SECONDS = 2.0
# Allows for the time between a commit and its record, and for clocks that differ.
_SLACK = 1.0


def may_lag(actor_of: Callable[[HttpRequest], Actor]) -> Callable[[V], V]:
    """Let a view that only reads use a replica, if that is new enough for the actor.

    For lists, counts and suggestions. The view may run twice: see `replica.from_replica`.
    """

    def decorate(view: V) -> V:
        if not replica.ON:
            return view

        @functools.wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            ask = functools.partial(view, request, *args, **kwargs)
            if may_lag_now(actor_of(request)):
                answer = replica.from_replica(ask)
                if answer is not None:
                    metrics.LISTS.labels("replica").inc()
                    return answer
            metrics.LISTS.labels("primary").inc()
            return ask()

        return cast(V, wrapped)

    return decorate


def may_ever_lag(actor: Actor) -> bool:
    """True if the actor may ever use a replica. False for limited actors: removing a tag must hide the
    agent at once, however far replicas are behind."""
    return not actor.limited and actor.kind in (ActorKind.PERSON, ActorKind.KEY)


def may_lag_now(actor: Actor) -> bool:
    """True if the replica has all the actor's own writes now."""
    if not may_ever_lag(actor):
        return False
    own = None if actor.wrote_at is None else actor.wrote_at + MARK_SECONDS + _SLACK
    return replica.has_all_since(own)
