"""The rule for new crossings: a thing that agents of other users have is attached, or its agent gets a user.

A thing is a memory block or an identity. The setting SECOND_OWNER decides what follows: nothing ("allow"),
a notice ("warn"), or NewCrossing ("refuse"). It does not apply to things that a manager marked as meant to
be shared. Limited actors are not told: they can attach only what their own agents have.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings

from agents.core.actors import Actor, Source
from agents.core.errors import NewCrossing
from agents.core.tag_text import shown
from agents.models import Agent, AgentTag, Block, Crossing, CrossingKind, Identity, Tag
from agents.queries.crossings import shared_by, users_of

_noted: ContextVar[set[str] | None] = ContextVar("crossings", default=None)
_WORDS = {CrossingKind.BLOCK: "memory block", CrossingKind.IDENTITY: "identity"}


@contextmanager
def counting() -> Iterator[set[str]]:
    """Collect the ids of things that begin to be shared by two users inside the block."""
    noted: set[str] = set()
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def check_attach(agent: Agent, blocks: Iterable[Block], actor: Actor) -> None:
    """Apply the rule to blocks that the agent is about to get. Reads up to 1,000 agents of each."""
    own = _users_of([agent]) if _applies(actor) else set()
    for block in blocks if own else ():
        others = _others(agent, CrossingKind.BLOCK, block.public_id) - own
        if others and not _is_meant(CrossingKind.BLOCK, block.public_id):
            _note(CrossingKind.BLOCK, block.public_id, block.label, others)


def check_identities(
    agents: Collection[Agent], identities: Collection[Identity], actor: Actor
) -> None:
    """Apply the rule to identities that these agents just got. Reads up to 1,000 agents of each."""
    own = _users_of(agents) if identities and _applies(actor) else set()
    for identity in identities if own else ():
        kind, public_id = CrossingKind.IDENTITY, identity.public_id
        users, looked, _ = users_of(kind, public_id)
        if len(users) > 1 and looked > 1 and not _is_meant(kind, public_id):
            _note(kind, public_id, identity.name, set(users) - own or users)


def check_tags(agent: Agent, add: Iterable[Tag], actor: Actor, *, refuse: bool = True) -> int:
    """Apply the rule to tags that a locked agent is about to get. Returns how many crossings begin.

    Tags that are no user tags cost nothing.
    """
    users = {tag.name for tag in add if tag.names_user}
    if not users or not _applies(actor):
        return 0
    begun = 0
    for kind, public_id, source_id in shared_by([agent.seq]):
        others = _others(agent, kind, public_id, source_id)
        if others and users - others and not _is_meant(kind, public_id, source_id):
            _note(kind, public_id, public_id, others, refuse=refuse)
            begun += 1
    return begun


def check_made(
    shared: Mapping[str, Collection[Agent]],
    tags_of: Mapping[int, Collection[Tag]],
    actor: Actor,
    *,
    refuse: bool = True,
) -> None:
    """Apply the rule to blocks that were just made for new agents, by id. `tags_of` is by an agent's key."""
    for public_id, agents in shared.items() if _applies(actor) else ():
        tags = [tag for agent in agents for tag in tags_of[agent.seq]]
        users = {tag.name for tag in tags if tag.names_user}
        if len(users) > 1 and len(agents) > 1:
            _note(CrossingKind.BLOCK, public_id, public_id, users, refuse=refuse)


def _applies(actor: Actor) -> bool:
    """False also for what a sync saw at a source: nobody waits for an answer."""
    seen = actor.source == Source.SEEN
    return settings.SECOND_OWNER != "allow" and not actor.limited and not seen


def _users_of(agents: Collection[Agent]) -> set[str]:
    rows = AgentTag.objects.filter(agent__in=agents, tag__names_user=True)
    return set(rows.values_list("tag__name", flat=True))


def _others(agent: Agent, kind: CrossingKind, public_id: str, source_id: int = 0) -> set[str]:
    users, _, _ = users_of(kind, public_id, source_id, without=agent.seq)
    return set(users)


def _note(
    kind: CrossingKind, public_id: str, name: str, others: Collection[str], *, refuse: bool = True
) -> None:
    if refuse and settings.SECOND_OWNER == "refuse":
        raise NewCrossing(
            f"Agents of {shown(min(others))} have the {_WORDS[kind]} {shown(name)}. Copy it, or "
            "ask a manager to mark it as meant to be shared."
        )
    if (noted := _noted.get()) is not None:
        noted.add(public_id)


def _is_meant(kind: CrossingKind, public_id: str, source_id: int = 0) -> bool:
    rows = Crossing.objects.filter(kind=kind, public_id=public_id, source_id=source_id)
    return rows.filter(meant_reason__isnull=False).exists()
