"""Read the users of the application, who are known by their tags, and facts about their agents."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Manager, QuerySet
from django.utils import timezone

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.core.natural_order import natural_ranges
from agents.models import Agent, AgentTag, Tag, TagUse, UserChange
from agents.queries.core import keyset
from agents.queries.core.keyset import NATURAL, Place
from agents.queries.core.lookups import looked_up
from agents.queries.directory import TagPage, Wanted, of_kind, require_whole, tag_page
from agents.queries.tags.own import own_with

# Agents of a user that are read for a row of the list, and for the user's own page.
_GLANCE = 50
LOOKED = 1000
_AGENT = looked_up("agents_agent", "a", "n.agent_id", "updated_at", by="seq")


SORTS = ("name", "use", "changed", "used")
# Rows that are read for a page by time. Few are not of users, so that a page is rarely short.
_READ = 4


_TIMES: dict[str, Manager[Any]] = {"changed": UserChange.objects, "used": TagUse.objects}


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user as the list shows it.

    `active` is the last change of its agents: of the newest ones, and of all that the worker has seen.
    `used` is when an application last used one.
    """

    tag: Tag
    active: datetime | None
    used: datetime | None


@dataclass(frozen=True, slots=True)
class UserPage:
    """A page of users, and the cursors of the pages after and before it."""

    rows: list[UserRow]
    after: str | None
    before: str | None


def user_page(
    *,
    actor: Actor,
    q: str = "",
    sort: str = "name",
    size: int,
    after: str | None = None,
    before: str | None = None,
) -> UserPage:
    """Return a page of users, sorted by one of SORTS. Raises BadRequest.

    With `q`: those whose tag or id begins with it, in natural order. Sorted by a time, users that have
    none are left out.
    """
    require_whole(actor, "the users")
    if q:
        found = _beginning(q, size, after, before)
    elif sort in ("changed", "used"):
        found = _by_time(sort, size, after, before)
    else:
        wanted = Wanted(users=True, sort=sort)
        found = tag_page(wanted, actor=actor, size=size, after=after, before=before)
    ids = [tag.id for tag in found.tags]
    active, changed, used = _last_active(found.tags), _times("changed", ids), _times("used", ids)
    rows = [
        UserRow(
            tag,
            max(filter(None, (active.get(tag.id), changed.get(tag.id))), default=None),
            used.get(tag.id),
        )
        for tag in found.tags
    ]
    return UserPage(rows, found.after, found.before)


def _times(what: str, ids: Sequence[int]) -> dict[int, datetime]:
    rows = _TIMES[what].filter(tag_id__in=ids)
    return dict(rows.values_list("tag_id", f"{what}_at"))


def _by_time(what: str, size: int, after: str | None, before: str | None) -> TagPage:
    """Return users by the time of their last change or use, the latest first."""
    order = (f"-{what}_at", "-tag_id")
    place = keyset.decode(after, before, order)
    read = keyset.walk(_TIMES[what].all(), order, place, size * _READ)
    tags = of_kind(users=True).in_bulk([row.tag_id for row in read])
    found = [row for row in read if row.tag_id in tags]
    shown, older, newer = keyset.page(found, order, place, size)
    if len(found) <= size and len(read) == size * _READ:
        # The page is short, but rows were left unread: it goes on behind what was read.
        end = keyset.encode(read[-1], order)
        older, newer = (older, end) if place.backwards else (end, newer)
    return TagPage([tags[row.tag_id] for row in shown], older, newer)


def _beginning(q: str, size: int, after: str | None, before: str | None) -> TagPage:
    """Return users in natural order, one range of the index after the other."""
    place = keyset.decode(after, before, NATURAL)
    found: list[Tag] = []
    parts = list(_ranges(q))
    for start, end in reversed(parts) if place.backwards else parts:
        found += _part(start, end, place, size + 1 - len(found))
        if len(found) > size:
            break
    return TagPage(*keyset.page(found, NATURAL, place, size))


def _part(start: str, end: str, place: Place, most: int) -> list[Tag]:
    """Return users in a range of keys, after a position.

    Each side has one bound: given two, a database may use the wider one and read all between them.
    """
    users = of_kind(users=True)
    key = place.values[0] if place.values else None
    if key is None or not start <= key < end:
        passed = key is not None and (start > key if place.backwards else end <= key)
        part = users.filter(sort_key__gte=start, sort_key__lt=end)
        return [] if passed else keyset.walk(part, NATURAL, Place(None, place.backwards), most)
    edge = {"sort_key__gte": start} if place.backwards else {"sort_key__lt": end}
    return keyset.walk(users, NATURAL, place, most, edge=edge)


def _ranges(q: str) -> Iterator[tuple[str, str]]:
    """Yield the ranges of keys of the tags that `q` may begin, in order, without overlap."""
    heads = {q, *(pattern.partition("{id}")[0] + q for pattern in settings.USER_TAG_PATTERNS)}
    end = ""
    for start, stop in sorted(part for head in heads for part in natural_ranges(head)):
        if start >= end:
            yield start, stop
            end = stop


def _last_active(tags: Sequence[Tag]) -> dict[int, datetime]:
    """Return when one of the newest agents of each tag was last changed."""
    if not tags:
        return {}
    newest_of_tag = (
        "SELECT * FROM (SELECT tag_id, agent_id FROM agents_agenttag WHERE tag_id = %s"
        " ORDER BY agent_id DESC LIMIT %s) u"
    )
    newest = " UNION ALL ".join([newest_of_tag] * len(tags))
    sql = f"SELECT n.tag_id, max(a.updated_at) FROM ({newest}) n {_AGENT} GROUP BY n.tag_id"
    params = [value for tag in tags for value in (tag.id, _GLANCE)]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {tag_id: _moment(value) for tag_id, value in cursor.fetchall()}


def _moment(value: datetime | str) -> datetime:
    # SQLite stores a time as text, and a raw cursor returns that text.
    return datetime.fromisoformat(f"{value}+00:00") if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class UserFacts:
    """Facts about a user's agents; with `partly`, about the newest LOOKED of them only."""

    models: list[tuple[str, int]] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    partly: bool = False


def user_facts(tag: Tag, *, actor: Actor) -> UserFacts:
    """Return models, first and last activity of the tag's agents that the actor may see.

    For a limited actor, of those among its newest bounds.OWN agents.
    """
    if actor.limited:
        return _facts_of(own_with(tag, actor=actor))
    seqs = AgentTag.objects.filter(tag=tag).order_by("-agent_id").values_list("agent_id", flat=True)
    newest = list(seqs[: LOOKED + 1])
    agents: QuerySet[Agent] = Agent.objects.visible_to(actor)
    rows = list(agents.filter(seq__in=newest[:LOOKED]).values_list("model", "updated_at"))
    if not rows:
        return UserFacts()
    oldest = seqs.reverse()[:1]
    first = agents.filter(seq__in=list(oldest)).values_list("created_at", flat=True).first()
    models = _by_use(model for model, _ in rows)
    return UserFacts(models, first, max(at for _, at in rows), len(newest) > LOOKED)


def _facts_of(seqs: Sequence[int]) -> UserFacts:
    """Return the facts about these agents, newest first, up to LOOKED."""
    columns = ("model", "updated_at", "created_at")
    rows = list(Agent.objects.filter(seq__in=seqs[:LOOKED]).values_list(*columns))
    if not rows:
        return UserFacts()
    models = _by_use(model for model, _, _ in rows)
    first, last = min(at for _, _, at in rows), max(at for _, at, _ in rows)
    return UserFacts(models, first, last, len(seqs) > LOOKED)


def _by_use(models: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(models).items(), key=lambda one: (-one[1], one[0]))


def tags_that_came_back() -> QuerySet[Tag]:
    """Tags of users who were off-boarded that agents carry again, while ADE watches."""
    return Tag.objects.filter(closed_until__gt=timezone.now(), n__gt=0, ends_in=None)
