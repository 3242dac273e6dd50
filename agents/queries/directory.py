"""Read the tag directory: labels or users, searched, sorted and paged by keyset.

The directory shows all tags, so limited actors may not read it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.db.models import Q, QuerySet

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.core.limits import EXACT_COUNT
from agents.core.tag_text import fold
from agents.models import AgentTag, Tag
from agents.queries.agents.counting import Count
from agents.queries.agents.rows import TagChip, chips
from agents.queries.core import bounds, keyset
from agents.queries.core.keyset import NATURAL
from agents.queries.tags.walk import HITS, hits

SORTS = ("use", "name")
FILTERS = ("", "unused", "protected")
# By number of agents, or in natural order; `id` tells apart what natural order takes as equal.
_ORDER = {"use": ("-n", *NATURAL), "name": NATURAL}
# Agents whose tags are counted to find the companions of a tag.
SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tags, and in which order. `only` is one of FILTERS, `sort` one of SORTS."""

    users: bool = False
    q: str = ""
    only: str = ""
    sort: str = "use"


@dataclass(frozen=True, slots=True)
class TagPage:
    """A page of tags, and the cursors of the pages after and before it."""

    tags: list[Tag] = field(default_factory=list)
    after: str | None = None
    before: str | None = None


def require_whole(actor: Actor, what: str) -> None:
    """Raise NotAllowed for a limited actor."""
    actor.require_unlimited(f"cannot access {what}")


def tag_page(
    wanted: Wanted, *, actor: Actor, size: int, after: str | None = None, before: str | None = None
) -> TagPage:
    """Return the page after one position, or directly before another. Raises BadRequest."""
    require_whole(actor, "the tag directory")
    order = _ORDER[wanted.sort]
    place = keyset.decode(after, before, order)
    found = keyset.walk(_matching(wanted), order, place, size + 1)
    return TagPage(*keyset.page(found, order, place, size))


def _matching(wanted: Wanted) -> QuerySet[Tag]:
    tags = of_kind(users=wanted.users)
    if wanted.only == "unused":
        tags = tags.filter(n=0)
    elif wanted.only == "protected":
        tags = tags.filter(protected=True)
    if folded := fold(wanted.q):
        ids = hits(folded)
        if ids is not None and len(ids) <= HITS:
            return tags.filter(id__in=ids)
        return tags.filter(name_folded__contains=folded)
    return tags


def of_kind(*, users: bool) -> QuerySet[Tag]:
    """Return tags that name users, or tags that do not.

    The filter is a list of one value: SQLite uses no index range for a bare boolean.
    """
    return Tag.objects.filter(names_user__in=[users])


def count_tags(*, users: bool, actor: Actor) -> Count:
    """Return the number of user tags or of labels, exact up to EXACT_COUNT."""
    require_whole(actor, "the tag directory")
    found = of_kind(users=users)[: EXACT_COUNT + 1].count()
    return Count(min(found, EXACT_COUNT), found <= EXACT_COUNT)


def most_used(*, users: bool) -> int:
    """Return how many agents carry the most used tag."""
    row = of_kind(users=users).order_by("-n", *NATURAL).values_list("n", flat=True)
    return row.first() or 0


# --- Look-alikes ----------------------------------------------------------------------------

# Within a group of one key the index is in order, so that a page stops when it is full.
_ALIKE = "SELECT lookalike FROM {tags} GROUP BY lookalike HAVING count(*) > 1 ORDER BY lookalike LIMIT %s"
_USED = "agents_tag WHERE n > 0"
_FIRST = f"(SELECT lookalike FROM {_USED} ORDER BY lookalike LIMIT %s) few"


def lookalikes(
    *, actor: Actor, size: int, after: str | None = None
) -> tuple[list[list[Tag]], str | None]:
    """Return groups of used tags that a person may confuse, labels and users together.

    Users come first in a group, then the most used.

    Also returns the key after which the next page starts; None at the end.
    """
    require_whole(actor, "the tag directory")
    tags = f"{_USED} AND lookalike > %s" if after else _USED
    keys = _keys(tags, [after] if after else [], size + 1)
    return _groups(keys[:size]), keys[size - 1] if len(keys) > size else None


def some_lookalikes(*, actor: Actor, size: int) -> tuple[list[list[Tag]], bool]:
    """Return such groups among the first bounds.ALIKE used tags, and whether there are more there."""
    require_whole(actor, "the tag directory")
    keys = _keys(_FIRST, [bounds.ALIKE], size + 1)
    return _groups(keys[:size]), len(keys) > size


def _keys(tags: str, params: list[Any], most: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_ALIKE.format(tags=tags), [*params, most])
        return [row[0] for row in cursor.fetchall()]


def _groups(keys: Sequence[str]) -> list[list[Tag]]:
    tags = Tag.objects.filter(n__gt=0, lookalike__in=keys)
    ordered = sorted(tags, key=lambda tag: (tag.lookalike, not tag.names_user, -tag.n, tag.name))
    return [list(rows) for _, rows in groupby(ordered, key=lambda tag: tag.lookalike)]


# --- One tag --------------------------------------------------------------------------------


def companions(
    tag: Tag, *, most: int = 12, among: Sequence[int] | None = None
) -> tuple[list[tuple[TagChip, int]], int]:
    """Return the other tags of its newest agents with their counts, and the number of these agents.

    With `among`, keys of agents that carry it, newest first, only of those.
    """
    newest = AgentTag.objects.filter(tag=tag).order_by("-agent_id")
    seqs = (
        list(newest.values_list("agent_id", flat=True)[:SAMPLE])
        if among is None
        else among[:SAMPLE]
    )
    met: Counter[TagChip] = Counter()
    for carried in chips(seqs).values():
        met.update(chip for chip in carried if chip.name != tag.name)
    common = sorted(met.items(), key=lambda item: (-item[1], item[0].name))
    return common[:most], len(seqs)


def alike(name: str, key: str) -> list[Tag]:
    """Return other tags that look like this one, used or not."""
    # Sorted here: without statistics PostgreSQL would walk all tags by use to find ten.
    tags = list(Tag.objects.filter(Q(lookalike=key) & ~Q(name=name))[:SAMPLE])
    return sorted(tags, key=lambda tag: (-tag.n, tag.name))[:10]
