"""The users of the application, as their tags tell: who there is, and what each one has."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from ade.replica import connection
from agents.actors import Actor
from agents.listing.directory import TagPage, Wanted, of_kind, require_whole, tag_page
from agents.listing.lookups import looked_up
from agents.models import Agent, AgentTag, Tag

# Agents of one user that are looked at for what a list says of it, and for its own page.
_GLANCE = 50
LOOKED = 1000
_LAST = "\U0010ffff"
_AGENT = looked_up("agents_agent", "a", "n.agent_id", "updated_at", by="seq")


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user as the list shows it. `active` is of its newest agents."""

    tag: Tag
    active: datetime | None


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some users, and the cursors of the pages after and before."""

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
    """A page of users; those whose tag, or the id in it, begins with `q`, are by name only."""
    if q:
        found = _beginning(q, actor, size, after, before)
    else:
        wanted = Wanted(users=True, sort=sort)
        found = tag_page(wanted, actor=actor, size=size, after=after, before=before)
    active = _last_active(found.tags)
    rows = [UserRow(tag, active.get(tag.id)) for tag in found.tags]
    return UserPage(rows, found.after, found.before)


def _beginning(q: str, actor: Actor, size: int, after: str | None, before: str | None) -> TagPage:
    """Users by name, one range of the index after the other."""
    require_whole(actor, "the users")
    users = of_kind(users=True)
    backwards = before is not None and after is None
    place = before if backwards else after
    found: list[Tag] = []
    ranges = list(_ranges(q))
    for start in reversed(ranges) if backwards else ranges:
        part = _within(users, start, place, backwards)
        order = "-name" if backwards else "name"
        found += part.order_by(order)[: size + 1 - len(found)]
        if len(found) > size:
            break
    rows = found[:size]
    more = len(found) > size
    if backwards:
        rows.reverse()
    if not rows:
        return TagPage()
    goes_on = backwards or more
    came_from = more if backwards else place is not None
    return TagPage(rows, rows[-1].name if goes_on else None, rows[0].name if came_from else None)


def _within(users: QuerySet[Tag], start: str, place: str | None, backwards: bool) -> QuerySet[Tag]:
    """The users that begin so, from a place on. One bound on each side: of two a database may take
    the farther one, and read what lies between."""
    end = start + _LAST
    if place is None or (place >= end if backwards else place < start):
        return users.filter(name__gte=start, name__lt=end)
    if backwards:
        return users.filter(name__gte=start, name__lt=place)
    return users.filter(name__gt=place, name__lt=end)


def _ranges(q: str) -> Iterator[str]:
    """The beginnings of tags that `q` may mean, in order, none within another."""
    heads = {q, *(pattern.partition("{id}")[0] + q for pattern in settings.USER_TAG_PATTERNS)}
    for head in sorted(heads):
        if not any(other != head and head.startswith(other) for other in heads):
            yield head


def _last_active(tags: Sequence[Tag]) -> dict[int, datetime]:
    """When an agent of each was last changed, among its newest."""
    if not tags:
        return {}
    one = (
        "SELECT * FROM (SELECT tag_id, agent_id FROM agents_agenttag WHERE tag_id = %s"
        " ORDER BY agent_id DESC LIMIT %s) u"
    )
    newest = " UNION ALL ".join([one] * len(tags))
    sql = f"SELECT n.tag_id, max(a.updated_at) FROM ({newest}) n {_AGENT} GROUP BY n.tag_id"
    params = [value for tag in tags for value in (tag.id, _GLANCE)]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {tag_id: _moment(value) for tag_id, value in cursor.fetchall()}


def _moment(value: datetime | str) -> datetime:
    # SQLite keeps a moment as text, and a raw cursor gives it as that.
    return datetime.fromisoformat(f"{value}+00:00") if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class UserFacts:
    """What a user's agents come to; with `partly`, of the newest LOOKED of them."""

    models: list[tuple[str, int]] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    partly: bool = False


def user_facts(tag: Tag, *, actor: Actor) -> UserFacts:
    """Models, first and last activity of the agents that carry a tag and that the actor may see."""
    seqs = AgentTag.objects.filter(tag=tag).order_by("-agent_id").values_list("agent_id", flat=True)
    newest = list(seqs[: LOOKED + 1])
    agents: QuerySet[Agent] = Agent.objects.visible_to(actor)
    rows = list(agents.filter(seq__in=newest[:LOOKED]).values_list("model", "updated_at"))
    if not rows:
        return UserFacts()
    oldest = seqs.reverse()[:1]
    first = agents.filter(seq__in=list(oldest)).values_list("created_at", flat=True).first()
    models = sorted(Counter(model for model, _ in rows).items(), key=lambda one: (-one[1], one[0]))
    return UserFacts(models, first, max(at for _, at in rows), len(newest) > LOOKED)
