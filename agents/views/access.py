"""Who asks, and which agent they mean: the one way in for every page."""

from typing import NoReturn

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from agents.actors import ROLE_POWERS, Actor, Kind, Source
from agents.errors import BadRequest, NotFound
from agents.models import Agent, Tombstone
from agents.tagnames import text_problem

_NOT_THERE = "There is no such agent, or it is not one you may see."


class Deleted(NotFound):
    """The agent was; `grave` tells of it."""

    def __init__(self, grave: Tombstone) -> None:
        when = f"{grave.deleted_at:%Y-%m-%d %H:%M}"
        super().__init__(f"This agent was deleted by {grave.deleted_by} at {when} UTC.")
        self.grave = grave


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in member of staff, with the powers of their role."""
    user = request.user
    if not user.is_authenticated:  # the sign-in middleware lets nobody else in
        raise PermissionDenied
    return Actor(
        kind=Kind.PERSON,
        id=f"person:{user.pk}",
        name=user.display_name,
        source=Source.PAGE,
        powers=ROLE_POWERS[user.role],
        wrote_at=None if user.wrote_at is None else user.wrote_at.timestamp(),
    )


def find_agent(actor: Actor, agent_id: str) -> Agent:
    """The agent, if it exists for this actor. Raises NotFound, which says if it was deleted."""
    if text_problem(agent_id):  # PostgreSQL cannot even ask
        raise NotFound(_NOT_THERE)
    agent: Agent | None = Agent.objects.visible_to(actor).filter(public_id=agent_id).first()
    return agent if agent is not None else not_there(actor, agent_id)


def not_there(actor: Actor, agent_id: str) -> NoReturn:
    """Raise NotFound: unknown to this actor; or Deleted: by whom and when."""
    grave = Tombstone.objects.filter(public_id=agent_id).first()
    # A tag-limited actor may not learn of what was never its own.
    if grave is None or actor.limit is not None:
        raise NotFound(_NOT_THERE)
    raise Deleted(grave)


def change_set_of(request: HttpRequest) -> int:
    """The change-set that a form names. Raises NotFound where it names none."""
    number = _key(request.POST.get("change_set", ""))
    if number is None:
        raise NotFound("There is no such change to undo.")
    return number


def place_of(request: HttpRequest, name: str) -> int | None:
    """The place in the history at which an address begins, or None. Raises BadRequest."""
    text = request.GET.get(name, "")
    place = _key(text)
    if text and place is None:
        raise BadRequest("The place in the history that this address names is none.")
    return place


def _key(text: str) -> int | None:
    """A number that may be a row's key in every database, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
