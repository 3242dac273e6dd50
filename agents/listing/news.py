"""What changed of an agent's tags since a page was shown, and who did it."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from agents.models import Agent, Change, Op

_MOST = 500  # changes looked at: a page left open for weeks needs no more


@dataclass(frozen=True, slots=True)
class News:
    """A tag that was put on or taken off meanwhile; where both happened, nothing did."""

    tag: str
    added: bool
    by: str
    by_id: str
    at: datetime


def last_change(agent: Agent) -> int:
    """The number of the last change of the agent's tags; 0 before any.

    Numbers are given under the agent's lock, so a higher one was written later. Read it before the
    tags: a change between the two is then told once too often, and not once too few.
    """
    moves = _moves(agent).order_by("-id")
    return moves.values_list("id", flat=True).first() or 0


def marker(change: int, tags: Iterable[str]) -> str:
    """What a page shows, to be sent back with the next request.

    The texts count as well: a rename of a tag is no change of the agent.
    """
    digest = hashlib.sha256("\0".join(sorted(tags)).encode()).hexdigest()
    return f"{change}-{digest[:12]}"


def news(agent: Agent, *, since: int, tags: Collection[str], but: int | None = None) -> list[News]:
    """What is otherwise than at change `since`, in the order of the changes.

    `tags` are those the agent carries now; `but` is a change-set to leave out.
    """
    moves = _moves(agent).filter(id__gt=since).select_related("change_set")
    first: dict[str, Change] = {}
    last: dict[str, Change] = {}
    for change in sorted(moves.order_by("-id")[:_MOST], key=lambda change: change.id):
        if change.change_set_id != but:
            first.setdefault(str(change.tag), change)
            last[str(change.tag)] = change
    return [
        _news(change, added=tag in tags)
        for tag, change in last.items()
        if (first[tag].op == Op.ADD) == (change.op == Op.ADD) == (tag in tags)
    ]


def _moves(agent: Agent) -> QuerySet[Change]:
    return Change.objects.filter(agent_id=agent.public_id, op__in=[Op.ADD, Op.REMOVE])


def _news(change: Change, *, added: bool) -> News:
    head = change.change_set
    return News(str(change.tag), added, head.actor_name, head.actor_id, head.created_at)
