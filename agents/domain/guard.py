"""Who may write which tag. One rule for pages, API, imports and bulk work."""

from collections.abc import Iterable

from agents.actors import Actor, Kind, Power
from agents.errors import NotAllowed
from agents.models import Tag
from agents.tagnames import matches_any, shown


def check_delta(actor: Actor, *, add: Iterable[Tag], remove: Iterable[Tag]) -> None:
    """Raise NotAllowed unless the actor may put these on and take those off an agent."""
    actor.require(Power.WRITE, "change tags")
    for tag in remove:
        if tag.name == actor.limit:
            raise NotAllowed(f"This key is limited to {shown(tag.name)} and cannot take it off.")
        _check(actor, tag, "take off")
    for tag in add:
        _check(actor, tag, "add")


def check_new(actor: Actor, tags: Iterable[Tag]) -> None:
    """Raise NotAllowed unless the actor may create an agent with these tags.

    A key with write scope may set protected tags here, as Letta's own tools do.
    """
    actor.require(Power.WRITE, "create agents")
    for tag in tags:
        if tag.name != actor.limit:
            _check(actor, tag, "add", protected_ok=actor.kind is Kind.KEY and actor.limit is None)


def _check(actor: Actor, tag: Tag, verb: str, *, protected_ok: bool = False) -> None:
    if actor.limit is not None:
        if not _limited_may(actor, tag):
            raise NotAllowed(
                f"This key is limited to {shown(actor.limit)} and may not {verb} "
                f"the tag {shown(tag.name)}."
            )
        return
    if tag.protected and not protected_ok and not actor.can(Power.MANAGE):
        raise NotAllowed(f"{shown(tag.name)} is protected: only a manager may {verb} it.")


def _limited_may(actor: Actor, tag: Tag) -> bool:
    if actor.may_tag:
        return matches_any(tag.name, actor.may_tag)
    return not tag.names_user and not tag.protected
