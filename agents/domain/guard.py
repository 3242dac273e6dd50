"""Who may write which tag. One rule for pages, API, imports and bulk work."""

from collections.abc import Iterable

from agents.actors import Actor, Kind, Power
from agents.errors import NotAllowed
from agents.models import Tag
from agents.tagnames import matches_any, shown


def check_delta(actor: Actor, *, add: Iterable[Tag], remove: Iterable[Tag]) -> None:
    """Raise NotAllowed unless the actor may put these on and take those off an agent."""
    actor.require(Power.WRITE, "change tags")
    for tags, adding in ((remove, False), (add, True)):
        for tag in tags:
            if why := refusal(actor, tag, adding=adding):
                raise NotAllowed(why)


def check_new(actor: Actor, tags: Iterable[Tag]) -> None:
    """Raise NotAllowed unless the actor may create an agent with these tags.

    A key with write scope may set protected tags here, as Letta's own tools do.
    """
    actor.require(Power.WRITE, "create agents")
    protected_ok = actor.kind is Kind.KEY and actor.limit is None
    for tag in tags:
        if tag.name == actor.limit or (tag.protected and protected_ok):
            continue
        if why := refusal(actor, tag, adding=True):
            raise NotAllowed(why)


def refusal(actor: Actor, tag: Tag, *, adding: bool) -> str | None:
    """Why the actor may not add this tag, or take it off, or None if it may."""
    what = "add it" if adding else "take it off"
    if actor.limit is not None:
        if tag.name == actor.limit:
            return f"This key is limited to {shown(tag.name)} and cannot {what}."
        if not _limited_may(actor, tag):
            return f"{shown(tag.name)} is not a tag that this key may write: it may not {what}."
        return None
    if tag.protected and not actor.can(Power.MANAGE):
        return f"{shown(tag.name)} is protected: only a manager may {what}."
    return None


def _limited_may(actor: Actor, tag: Tag) -> bool:
    if actor.may_tag:
        return matches_any(tag.name, actor.may_tag)
    return not tag.names_user and not tag.protected
