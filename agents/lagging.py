"""Who may read from a replica, which is a little behind: the one place that decides it."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse

from ade import metrics, replica
from agents.actors import Actor, Kind

V = TypeVar("V", bound=Callable[..., HttpResponse])

# Seconds within which a second write of an actor is not noted again.
MARK_SECONDS = 2.0
# For what lies between a commit and its note, and between two clocks that run apart.
_SLACK = 1.0


def may_lag(actor_of: Callable[[HttpRequest], Actor]) -> Callable[[V], V]:
    """Let a view that only reads ask a replica, if whoever asks may be shown what it has.

    For lists, counts and suggestions. The view may run twice: see `replica.from_copy`.
    """

    def decorate(view: V) -> V:
        if not replica.ON:
            return view

        @functools.wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            ask = functools.partial(view, request, *args, **kwargs)
            if may_lag_now(actor_of(request)):
                answer = replica.from_copy(ask)
                if answer is not None:
                    metrics.LISTS.labels("replica").inc()
                    return answer
            metrics.LISTS.labels("primary").inc()
            return ask()

        return cast(V, wrapped)

    return decorate


def may_ever_lag(actor: Actor) -> bool:
    """False for one that is limited to a tag: which agents exist for it is a matter of this very
    moment, and a tag that was taken off works at once, however far replicas are behind."""
    return actor.limit is None and actor.kind in (Kind.PERSON, Kind.KEY)


def may_lag_now(actor: Actor) -> bool:
    """True if a replica is near that has all the actor's own writes."""
    if not may_ever_lag(actor):
        return False
    own = None if actor.wrote_at is None else actor.wrote_at + MARK_SECONDS + _SLACK
    return replica.has_all_since(own)
