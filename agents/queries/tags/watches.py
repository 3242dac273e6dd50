"""The tags that a member watches."""

from django.db.models import QuerySet

from agents.core.actors import Actor, ActorKind
from agents.models import TagWatch


def may_watch(actor: Actor) -> bool:
    """True for members who can see the history of every tag."""
    return actor.kind is ActorKind.PERSON and not actor.limited


def watches_of(actor: Actor) -> QuerySet[TagWatch]:
    """Return what this actor watches, by name."""
    rows = TagWatch.objects.filter(owner_id=actor.id).order_by("name")
    return rows if may_watch(actor) else rows.none()
