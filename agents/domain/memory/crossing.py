"""The rule for attaching a memory block of another user's agents. The setting SECOND_OWNER decides.

It does not apply to a block that a manager marked as meant to be shared. Limited actors are not told:
they can attach only blocks that their own agents have.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings

from agents.core.actors import Actor
from agents.core.errors import NewCrossing
from agents.core.tag_text import shown
from agents.models import Agent, AgentTag, Block, Crossing, CrossingKind
from agents.queries.crossings import users_of

_noted: ContextVar[set[str] | None] = ContextVar("crossings", default=None)


@contextmanager
def counting() -> Iterator[set[str]]:
    """Collect the ids of blocks that begin to be shared by two users inside the block."""
    noted: set[str] = set()
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def check_attach(agent: Agent, blocks: Iterable[Block], actor: Actor) -> None:
    """Note blocks that agents of other users have too. Raises NewCrossing under "refuse".

    Reads up to 1,000 agents of each block.
    """
    if settings.SECOND_OWNER == "allow" or actor.limited:
        return
    rows = AgentTag.objects.filter(agent=agent, tag__names_user=True)
    own = set(rows.values_list("tag__name", flat=True))
    if not own:
        return
    for block in blocks:
        users, _, _ = users_of(CrossingKind.BLOCK, block.public_id)
        others = [user for user in users if user not in own]
        if not others or _is_meant(block):
            continue
        if settings.SECOND_OWNER == "refuse":
            raise NewCrossing(
                f"Agents of {shown(others[0])} have the memory block {shown(block.label)}. Copy it, or "
                "ask a manager to mark it as meant to be shared."
            )
        if (noted := _noted.get()) is not None:
            noted.add(block.public_id)


def _is_meant(block: Block) -> bool:
    return Crossing.objects.filter(
        kind=CrossingKind.BLOCK,
        public_id=block.public_id,
        source_id=0,
        meant_reason__isnull=False,
    ).exists()
