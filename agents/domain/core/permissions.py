"""Which actor may write which tag, delete which agent and edit which memory block.

Pages, the API, imports and bulk changes share these rules. What a limited actor may write depends on
its patterns, the settings and the text of the tag, never on rows: otherwise a refusal would reveal
which tags exist or are protected.
"""

from collections.abc import Iterable, Mapping, Sequence

from agents.core.actors import Actor, ActorKind, Power
from agents.core.errors import NotAllowed
from agents.core.tag_text import matches_any, shown
from agents.domain.core.rights import may_any_label as may_any_label
from agents.domain.core.tag_rules import (
    LETTA_CODE,
    SUBAGENT,
    is_protected,
    names_a_user,
    names_protected,
)
from agents.models import Agent, AgentBlock, Block, Tag


def check_delta(actor: Actor, *, add: Iterable[Tag], remove: Iterable[Tag]) -> None:
    """Raise NotAllowed unless the actor may add and remove these tags."""
    actor.require(Power.WRITE, "change tags")
    for tags, adding in ((remove, False), (add, True)):
        for tag in tags:
            if why := refusal(actor, tag, adding=adding):
                raise NotAllowed(why)


def check_limited(actor: Actor, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Raise NotAllowed for the first tag that a limited actor may not add or remove.

    Call it before any tag is looked up: it reads no rows.
    """
    if not actor.limited:
        return
    for names, adding in ((remove, False), (add, True)):
        for name in names:
            if why := _limited_refusal(actor, name, adding=adding):
                raise NotAllowed(why)


def check_new(actor: Actor, names: Iterable[str], rows: Mapping[str, Tag]) -> None:
    """Raise NotAllowed unless the actor may create an agent with these tags.

    An unlimited key with write scope may set protected tags here, as Letta's tools do. For a limited
    actor call `check_new_limited` first, before any tag is looked up.
    """
    actor.require(Power.WRITE, "create agents")
    if actor.limited or actor.kind is ActorKind.KEY:
        return
    for name in names:
        if why := refusal(actor, rows[name], adding=True):
            raise NotAllowed(why)


def check_new_limited(actor: Actor, names: Iterable[str]) -> None:
    """Raise NotAllowed unless a limited actor may create an agent with these tags. Its own tags are allowed."""
    free = set(actor.reach.tags)
    if set(LETTA_CODE) <= set(actor.may_tag):
        free.add(SUBAGENT)  # only on a new agent: Letta Code creates its own subagents
    check_limited(actor, add=(name for name in names if name not in free))


def check_delete(actor: Actor, names: Iterable[str]) -> None:
    """Raise NotAllowed unless the actor may delete an agent that carries these tags.

    A limited actor may not delete an agent that also belongs to another user.
    """
    if not actor.limited:
        return
    for name in names:
        if name not in actor.reach.tags and not _may_lose(actor, name):
            raise NotAllowed(
                f"{shown(actor.name)} may not remove {shown(name)} from this agent, and so may not "
                "delete the agent."
            )


def check_block(actor: Actor, block: Block) -> None:
    """Raise NotAllowed unless the actor may edit this block, which it can see.

    A limited actor may not edit a block that is shared with agents outside its reach: those agents would
    then remember what another user wrote. It may still read the block.
    """
    if not actor.limited:
        return
    own = Agent.objects.visible_to(actor).values("seq")
    if AgentBlock.objects.filter(block=block).exclude(agent_id__in=own).exists():
        raise NotAllowed(
            f"This memory block is shared with agents that {shown(actor.name)} cannot access. "
            "It is read-only."
        )


def refusal(actor: Actor, tag: Tag, *, adding: bool) -> str | None:
    """Return why the actor may not add or remove this tag, as a sentence, or None if it may."""
    if adding and tag.name == SUBAGENT and actor.kind is ActorKind.PERSON:
        return f"{SUBAGENT} hides an agent from Letta Code for good. Only programs add it."
    if actor.limited:
        return _limited_refusal(actor, tag.name, adding=adding)
    if tag.protected and not actor.can(Power.MANAGE):
        if is_protected(tag.name) and may_write(actor.may_tag, tag.name, any_label=False):
            return None
        what = "add it" if adding else "remove it"
        return f"{shown(tag.name)} is protected: only a manager may {what}."
    return None


def may_write(patterns: Sequence[str], name: str, *, any_label: bool) -> bool:
    """True if a limited actor with these patterns may write the tag. Its own tags are never allowed.

    A protected tag needs a pattern that names protected tags, such as `view:*`: the same pattern gives
    an unlimited key the same right, so a limited key never has more. With `any_label` it may also write any tag except user tags and protected tags, as the settings
    define them.
    """
    if is_protected(name):
        return matches_any(name, list(filter(names_protected, patterns)))
    if matches_any(name, patterns):
        return True
    return any_label and not names_a_user(name)


def _limited_refusal(actor: Actor, name: str, *, adding: bool) -> str | None:
    who, verb = shown(actor.name), "add" if adding else "remove"
    if name in actor.reach.tags:
        return f"{who} is limited to {shown(name)} and may not {verb} it."
    if not may_write(actor.may_tag, name, any_label=actor.any_label):
        return f"{who} may not {verb} {shown(name)}: its rights do not include this tag."
    return None


def _may_lose(actor: Actor, name: str) -> bool:
    """True if the actor may delete an agent with this tag: it may write the tag, or it is not a user tag."""
    if may_write(actor.may_tag, name, any_label=actor.any_label):
        return True
    return actor.any_label and not names_a_user(name)
