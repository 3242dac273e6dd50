"""The actor of a page's request, and the agent that its address names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from ade.models import User
from agents.core.actors import Actor, ActorKind, Source
from agents.core.errors import BadRequest, NotFound
from agents.core.tag_text import text_problem
from agents.domain.core.numbers import real_number
from agents.domain.core.rights import of_member
from agents.models import Agent, Tombstone
from agents.queries.agents.find import visible_agent

_NOT_FOUND = "This agent does not exist, or you cannot access it."
_MEMO = "_ade_actor"


class Deleted(NotFound):
    """The agent existed and was deleted, as its tombstone says."""

    def __init__(self, tombstone: Tombstone) -> None:
        when = f"{tombstone.deleted_at:%Y-%m-%d %H:%M}"
        super().__init__(f"This agent was deleted by {tombstone.deleted_by} at {when} UTC.")
        self.tombstone = tombstone


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in member with the powers of their role, made once per request."""
    actor: Actor | None = getattr(request, _MEMO, None)
    if actor is None:
        user = request.user
        if not user.is_authenticated:  # unreachable behind the sign-in middleware
            raise PermissionDenied
        actor = member_actor(user)
        setattr(request, _MEMO, actor)
    return actor


def member_actor(user: User) -> Actor:
    """A member as an actor of pages."""
    rights = of_member(user)
    return Actor(
        kind=ActorKind.PERSON,
        id=f"person:{user.pk}",
        name=user.display_name,
        source=Source.PAGE,
        powers=rights.powers,
        reach=rights.reach,
        may_tag=rights.may_tag,
        any_label=rights.any_label,
        wrote_at=None if user.wrote_at is None else user.wrote_at.timestamp(),
    )


@contextmanager
def agent_errors(actor: Actor, agent_id: str) -> Iterator[None]:
    """Around a write of this agent: raise the errors of `find_agent` if the agent is not found."""
    if text_problem(agent_id):
        raise NotFound(_NOT_FOUND)
    try:
        yield
    except NotFound:
        agent_not_found(actor, agent_id)


def find_agent(actor: Actor, agent_id: str) -> Agent:
    """The agent, if this actor may see it. Raises NotFound, or Deleted if it was deleted."""
    if text_problem(agent_id):  # the query for a tombstone would be rejected
        raise NotFound(_NOT_FOUND)
    agent = visible_agent(agent_id, actor)
    return agent if agent is not None else agent_not_found(actor, agent_id)


def agent_not_found(actor: Actor, agent_id: str) -> NoReturn:
    """Raise NotFound, or Deleted if the agent was deleted and the actor may know."""
    # A limited actor must not learn about agents that were never visible to it.
    tombstone = None if actor.limited else Tombstone.objects.filter(public_id=agent_id).first()
    raise Deleted(tombstone) if tombstone else NotFound(_NOT_FOUND)


def change_set_of(request: HttpRequest) -> int:
    """The number of the change set in the form's `change_set`. Raises NotFound without one."""
    number = _key(request.POST.get("change_set", ""))
    if number is None:
        raise NotFound("There is no such change to undo.")
    return real_number(number, actor_of(request))


def history_key(request: HttpRequest, name: str) -> int | None:
    """The row of the history that a parameter of the address names, or None. Raises BadRequest."""
    text = request.GET.get(name, "")
    number = _key(text)
    if text and number is None:
        raise BadRequest("This link points to no entry in the history.")
    return None if number is None else real_number(number, actor_of(request))


def _key(text: str) -> int | None:
    """The text as a number that fits a row's key in both databases, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
