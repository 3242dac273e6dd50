"""The tag directory: labels or users, searched, sorted and paged by keyset.

For actors without a tag limit: a directory of all tags is no limited key's to read.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.db.models import Q, QuerySet

from ade.replica import connection
from agents.actors import Actor
from agents.errors import BadRequest, NotAllowed
from agents.jsontext import dumps, loads
from agents.listing.rows import TagChip, chips
from agents.listing.tagwalk import HITS, hits
from agents.models import AgentTag, Tag
from agents.tagnames import fold, text_problem

SORTS = ("use", "name")
FILTERS = ("", "unused", "protected")
# Agents whose tags say what a tag appears with.
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
    """Some tags, and the cursors of the pages after and before."""

    tags: list[Tag] = field(default_factory=list)
    after: str | None = None
    before: str | None = None


def require_whole(actor: Actor, what: str) -> None:
    """Raise NotAllowed for an actor with a tag limit."""
    if actor.limit is not None:
        raise NotAllowed(f"A key that is limited to a tag has no say over {what}.")


def tag_page(
    wanted: Wanted, *, actor: Actor, size: int, after: str | None = None, before: str | None = None
) -> TagPage:
    """The page after one place, or next before another. Raises BadRequest for no place."""
    require_whole(actor, "the tag directory")
    backwards = before is not None and after is None
    place = _decode(before if backwards else after, wanted.sort)
    found = _walk(_matching(wanted), wanted.sort, place, size + 1, backwards)
    rows = found[:size]
    more = len(found) > size
    if backwards:
        rows.reverse()
    first, last = (rows[0], rows[-1]) if rows else (None, None)
    goes_on = bool(rows) if backwards else more
    came_from = more if backwards else place is not None
    return TagPage(
        rows,
        _encode(last, wanted.sort) if goes_on and last else None,
        _encode(first, wanted.sort) if came_from and first else None,
    )


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
    """Tags that name users, or that do not. As a list of one: of a bare truth SQLite makes no
    range of an index."""
    return Tag.objects.filter(names_user__in=[users])


def _walk(
    tags: QuerySet[Tag], sort: str, place: tuple[int, str] | None, most: int, backwards: bool
) -> list[Tag]:
    """From a place on along the index. Ties of use are a walk of their own: no index range holds
    both what is used as much and what is used less, and a hundred thousand users tie."""
    name, more = ("-name", "name__lt") if backwards else ("name", "name__gt")
    if sort == "name":
        rest = tags if place is None else tags.filter(**{more: place[1]})
        return list(rest.order_by(name)[:most])
    use, less = ("n", "n__gt") if backwards else ("-n", "n__lt")
    if place is None:
        return list(tags.order_by(use, name)[:most])
    ties = list(tags.filter(n=place[0], **{more: place[1]}).order_by(name)[:most])
    rest = tags.filter(**{less: place[0]}).order_by(use, name)
    return [*ties, *rest[: most - len(ties)]]


def _encode(tag: Tag, sort: str) -> str:
    return dumps([tag.n, tag.name] if sort == "use" else [0, tag.name])


def _decode(text: str | None, sort: str) -> tuple[int, str] | None:
    if not text:
        return None
    try:
        n, name = loads(text)
        if type(n) is not int or type(name) is not str or text_problem(name) or abs(n) >= 2**31:
            raise ValueError
    except (ValueError, TypeError):
        raise BadRequest("This link's position in the list cannot be read.") from None
    return n, name


def counts(*, actor: Actor) -> tuple[int, int]:
    """How many tags there are that name no user, and that do."""
    require_whole(actor, "the tag directory")
    return of_kind(users=False).count(), of_kind(users=True).count()


def most_used(*, users: bool) -> int:
    """The use of the tag that is used most."""
    row = of_kind(users=users).order_by("-n", "name").values_list("n", flat=True)
    return row.first() or 0


# --- Look-alikes ----------------------------------------------------------------------------

# Within a group of one key the index is in order, so that a page stops when it is full.
_ALIKE = (
    "SELECT lookalike FROM agents_tag WHERE names_user = {users} AND n > 0{after}"
    " GROUP BY lookalike HAVING count(*) > 1 ORDER BY lookalike LIMIT %s"
)


def lookalikes(
    *, actor: Actor, users: bool, size: int, after: str | None = None
) -> tuple[list[list[Tag]], str | None]:
    """Groups of tags in use that a person may take for each other, the most used first; and the
    key to go on after, if there are more."""
    require_whole(actor, "the tag directory")
    # The conditions stand in the text: a partial index is used only where they can be read.
    truth = str(users).upper() if connection.vendor == "postgresql" else str(int(users))
    sql = _ALIKE.format(users=truth, after=" AND lookalike > %s" if after else "")
    with connection.cursor() as cursor:
        cursor.execute(sql, [*([after] if after else []), size + 1])
        keys = [row[0] for row in cursor.fetchall()]
    tags = of_kind(users=users).filter(n__gt=0, lookalike__in=keys[:size])
    ordered = sorted(tags, key=lambda tag: (tag.lookalike, -tag.n, tag.name))
    groups = [list(rows) for _, rows in groupby(ordered, key=lambda tag: tag.lookalike)]
    return groups, keys[size - 1] if len(keys) > size else None


# --- One tag --------------------------------------------------------------------------------


def companions(tag: Tag, *, most: int = 12) -> tuple[list[tuple[TagChip, int]], int]:
    """The tags that its newest agents carry besides, with how many of them; and of how many."""
    newest = AgentTag.objects.filter(tag=tag).order_by("-agent_id")
    seqs: Sequence[int] = list(newest.values_list("agent_id", flat=True)[:SAMPLE])
    met: Counter[TagChip] = Counter()
    for carried in chips(seqs).values():
        met.update(chip for chip in carried if chip.name != tag.name)
    common = sorted(met.items(), key=lambda item: (-item[1], item[0].name))
    return common[:most], len(seqs)


def alike(name: str, key: str) -> list[Tag]:
    """Other tags that look like this one, in use or not."""
    # Sorted here: without statistics PostgreSQL would walk all tags by their use to meet ten.
    tags = list(Tag.objects.filter(Q(lookalike=key) & ~Q(name=name))[:SAMPLE])
    return sorted(tags, key=lambda tag: (-tag.n, tag.name))[:10]
