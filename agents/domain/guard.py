"""Who may write which tag, and what a limited actor shares with others.

One rule for pages, API, imports and bulk work.
"""

from collections.abc import Iterable, Sequence

from agents.actors import Actor, Kind, Power
from agents.errors import NotAllowed
from agents.models import Agent, AgentBlock, Block, Tag
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


def check_delete(actor: Actor, tags: Iterable[Tag]) -> None:
    """Raise NotAllowed unless the actor may delete an agent that carries these tags.

    A limited actor's agent may be another user's too, and is then not its own to take away.
    """
    if actor.limit is None:
        return
    for tag in tags:
        if tag.names_user and tag.name != actor.limit and not limited_may(actor.may_tag, tag):
            raise NotAllowed(
                f"The agent carries {shown(tag.name)} as well, a tag that this key may not take "
                "off: it may not delete the agent."
            )


def check_block(actor: Actor, block: Block) -> None:
    """Raise NotAllowed unless the actor, who may see this block, may write it.

    Agents share blocks. A limited actor writes none that an agent has which does not exist for it:
    that agent would remember what another user put there. It may still read it.
    """
    if actor.limit is None:
        return
    own = Agent.objects.visible_to(actor).values("seq")
    if AgentBlock.objects.filter(block=block).exclude(agent_id__in=own).exists():
        raise NotAllowed(
            "This memory block is not this key's alone: the key may read it and not change it."
        )


def refusal(actor: Actor, tag: Tag, *, adding: bool) -> str | None:
    """Why the actor may not add this tag, or take it off, or None if it may."""
    what = "add it" if adding else "take it off"
    if actor.limit is not None:
        if tag.name == actor.limit:
            return f"This key is limited to {shown(tag.name)} and cannot {what}."
        if not limited_may(actor.may_tag, tag):
            return f"{shown(tag.name)} is not a tag that this key may write: it may not {what}."
        return None
    if tag.protected and not actor.can(Power.MANAGE):
        return f"{shown(tag.name)} is protected: only a manager may {what}."
    return None


def limited_may(patterns: Sequence[str], tag: Tag) -> bool:
    """True if a limited actor with this list may write the tag; its own limit it never may."""
    if patterns:
        return matches_any(tag.name, patterns)
    return not tag.names_user and not tag.protected
