"""The names of the tags in use, in the order of their bytes, one page at a time.

A tag-limited actor sees the tags of the agents that carry its own tag. Which those are no index
tells, so of a large tag the names are walked in their order, and each is probed: is there an agent
that carries both? Counters say beforehand how much that reads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ade.replica import connection
from agents.actors import Actor
from agents.filters import AgentFilter
from agents.listing import bounds
from agents.listing.plan import make_plan
from agents.listing.scan import Walk, walk
from agents.listing.tagwalk import Named, Way, along, holds, stretches
from agents.models import Tag
from agents.tagnames import fold

# Looked at for one page before it is cut short, if it has something by then.
_ENOUGH = sum(bounds.BUDGETS)
# Of a tag its newest agents, among which one that carries the limit too is looked for at first.
_GLANCE = 100
# Tags taken from the index at once, at least; and probed at once, at most.
_TAKEN = 100
_PROBED = 200
# Tags that an agent has, about: to compare reading those of all agents of a tag with probing on.
_TAGS_EACH = 5
# Where those could be read at once too, so much is looked at before they are.
_PATIENCE = 2_000


def names(
    *,
    actor: Actor,
    part: str = "",
    after: str | None = None,
    before: str | None = None,
    descending: bool = False,
    size: int,
) -> list[str]:
    """Names of tags in use, after one name or next before another.

    `part` must stand in the name, case and accents folded. A cursor need not be a tag that exists.
    A page may have fewer than `size` although there are more, where to look further would take too
    long. None is empty while there is one to find, however long that takes.
    """
    if "\0" in f"{part}{after}{before}":
        return []  # no tag holds one, and PostgreSQL refuses it
    # What stands next before a cursor is found by walking the other way, and turned round.
    turned = before is not None
    way = Way(before if turned else after, descending != turned, fold(part))
    found = _whole(way, size) if actor.limit is None else _own(way, size, actor, actor.limit)
    return found[::-1] if turned else found


def _whole(way: Way, size: int) -> list[str]:
    found: list[str] = []
    looked = 0
    for stretch in stretches(way, size):
        found += [tag.name for tag in stretch.tags]
        looked += stretch.looked
        if len(found) >= size or (found and looked >= _ENOUGH):
            break
    return found[:size]


def _own(way: Way, size: int, actor: Actor, limit_tag: str) -> list[str]:
    """Of the tags of agents that carry the limit."""
    limit = Tag.objects.filter(name=limit_tag, n__gt=0).first()
    if limit is None:
        return []
    if limit.n <= bounds.OWN:
        return _of_all(way, size, limit)
    found: list[str] = []
    looked, all_of_them = 0, limit.n * _TAGS_EACH
    for tag, is_met, cost in _probed(way, max(size, _TAKEN), limit.id):
        looked += cost
        if is_met is None:
            is_met = _meets(tag, actor, until_known=not found)
            looked += 0 if is_met else min(tag.n, limit.n, _ENOUGH)
        if is_met is not None:
            way = replace(way, start=tag.name)
        if is_met:
            found.append(tag.name)
        if len(found) >= size:
            break
        if looked >= (all_of_them if all_of_them > _ENOUGH else _PATIENCE):
            return found + _of_all(way, size - len(found), limit)
        if found and looked >= _ENOUGH:
            break
    return found


# Nothing here can be turned round either: the names of tags are looked up one by one, and so are the
# tags of each agent, by what each database takes for that.
_OF_ALL = """
WITH own AS MATERIALIZED (
    SELECT DISTINCT x.tag_id FROM agents_agenttag y CROSS JOIN {tags} WHERE y.tag_id = %s
), named AS MATERIALIZED (
    SELECT (SELECT t.name FROM agents_tag t WHERE t.id = own.tag_id AND {where}) AS name FROM own
)
SELECT n.name FROM named n WHERE n.name IS NOT NULL ORDER BY n.name {order} LIMIT %s
"""
_TAGS = {
    "sqlite": "agents_agenttag x ON x.agent_id = y.agent_id",
    "postgresql": "LATERAL (SELECT z.tag_id FROM agents_agenttag z WHERE z.agent_id = y.agent_id"
    " ORDER BY z.tag_id LIMIT ALL OFFSET 0) x",
}


def _of_all(way: Way, size: int, limit: Tag) -> list[str]:
    """The same by reading all tags of all the agents: where they are few, or others are found by
    nothing less."""
    where, params, _ = along(way)
    if way.folded:
        where += f" AND {holds('t.name_folded')}"
        params.append(way.folded)
    order = "DESC" if way.descending else "ASC"
    sql = _OF_ALL.format(tags=_TAGS[connection.vendor], where=where, order=order)
    with connection.cursor() as cursor:
        cursor.execute(sql, [limit.id, *params, size])
        return [row[0] for row in cursor.fetchall()]


def _probed(way: Way, most: int, limit_id: int) -> Iterator[tuple[Named, bool | None, int]]:
    """The tags of a way: whether one of their agents carries the limit, None if that is still to
    be found out, and at how many agents was looked in vain."""
    for stretch in stretches(way, most):
        for start in range(0, len(stretch.tags), _PROBED):
            some = stretch.tags[start : start + _PROBED]
            met = _met(some, limit_id)
            for tag in some:
                if tag.id in met:
                    yield tag, True, 0
                else:
                    yield tag, None if tag.n > _GLANCE else False, min(tag.n, _GLANCE)


# Each of the tags by itself, as in agents.listing.scan: nothing here can be turned round.
_MET = """
SELECT t.column1 FROM (VALUES {tags}) t WHERE (
    SELECT x.agent_id FROM (
        SELECT p.agent_id FROM agents_agenttag p WHERE p.tag_id = t.column1
        ORDER BY p.agent_id DESC LIMIT %s
    ) x WHERE (
        SELECT q.tag_id FROM agents_agenttag q
        WHERE q.tag_id = %s AND q.agent_id = x.agent_id LIMIT 1
    ) IS NOT NULL LIMIT 1
) IS NOT NULL
"""


def _met(tags: Sequence[Named], limit_id: int) -> set[int]:
    """Those tags of which one of the newest agents carries the limit."""
    rows = ", ".join(f"({tag.id})" for tag in tags)
    with connection.cursor() as cursor:
        cursor.execute(_MET.format(tags=rows), [_GLANCE, limit_id])
        return {row[0] for row in cursor.fetchall()}


def _meets(tag: Named, actor: Actor, *, until_known: bool) -> bool | None:
    """Whether the actor may see an agent with the tag; None if its budgets did not do to tell."""
    plan = make_plan(AgentFilter(all=(tag.name,)), actor)
    if plan is None:
        return False
    found = walk(plan, Walk("seq", descending=True), None, 1, until_one=until_known)
    if found.rows:
        return True
    return None if found.looked_to is not None else False
