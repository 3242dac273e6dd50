"""Read the names of the tags in use, ordered by their bytes, one page at a time.

A limited actor sees the tags of its own agents, and no index has those. If it has many agents, the
names are walked in order, and each is checked for an agent of the actor that carries it. Counters tell
in advance how much that reads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.core.filters import AgentFilter
from agents.core.tag_text import fold
from agents.queries.agents.own import Own, own_of
from agents.queries.agents.plan import make_plan
from agents.queries.core import bounds
from agents.queries.core.part import Part, part_of
from agents.queries.core.scan import Walk, walk
from agents.queries.tags.walk import Named, Way, along, holds, stretches

# Tags read for one page before it is cut short, if it has found any by then.
_ENOUGH = sum(bounds.FULL)
# Newest agents of a tag that are checked first for an agent within the actor's limit.
_GLANCE = 100
# The least number of tags read from the index at once, and the most that are checked at once.
_TAKEN = 100
_PROBED = 200
# Typical number of an agent's tags, to compare reading the tags of all agents with further checks.
_TAGS_EACH = 5
# If the tags of all agents are few enough to read, this much is checked before they are.
_PATIENCE = 2_000


def names(
    *,
    actor: Actor,
    part: str = "",
    after: str | None = None,
    before: str | None = None,
    descending: bool = False,
    size: int,
) -> Part[str]:
    """Return names of tags in use, after one name, directly before another, or between the two.

    The name must contain `part`, with case and accents folded. A cursor need not be an existing tag. A
    page is cut short only after reading 200,000 tags, and is never empty while there is a tag to find.
    A limited actor's page is always full, so it does not depend on how many tags others have.
    """
    if "\0" in f"{part}{after}{before}":
        return Part()  # no tag contains one, and PostgreSQL refuses it
    # Names directly before a cursor are found by walking backwards, and then reversed.
    turned = before is not None and after is None
    start, end = (before, None) if turned else (after, before)
    way = Way(start, descending != turned, fold(part), end)
    own = own_of(actor)
    if own is not None:
        return part_of(_own(way, size + 1, actor, own), size, turned=turned)
    found, unfinished = _whole(way, size + 1)
    return part_of(found, size, turned=turned, unfinished=unfinished)


def _whole(way: Way, size: int) -> tuple[list[str], bool]:
    """Return up to `size` names of all tags, and whether the search stopped before its end."""
    found: list[str] = []
    looked = 0
    for stretch in stretches(way, size):
        found += [tag.name for tag in stretch.tags]
        looked += stretch.looked
        if len(found) >= size or (found and looked >= _ENOUGH):
            return found[:size], True
    return found, False


def _own(way: Way, size: int, actor: Actor, own: Own) -> list[str]:
    """Return up to `size` names of the tags of a limited actor's agents."""
    if not own.most:
        return []
    if own.most <= bounds.OWN:
        return _of_all(way, size, own)
    found: list[str] = []
    looked, all_of_them = 0, own.most * _TAGS_EACH
    for tag, is_met, cost in _probed(way, max(size, _TAKEN), own):
        looked += cost
        if is_met is None:
            is_met = _meets(tag, actor)
            looked += 0 if is_met else min(tag.n, own.most)
        way = replace(way, start=tag.name)
        if is_met:
            found.append(tag.name)
        if len(found) >= size:
            break
        # The checked tags include tags of others, so their number must not end the page.
        if looked >= (all_of_them if all_of_them > _ENOUGH else _PATIENCE):
            return found + _of_all(way, size - len(found), own)
    return found


# The planner cannot reorder this: it looks up the names of tags one by one, and the tags of each agent,
# in the form that each database needs.
_OF_ALL = """
WITH own AS MATERIALIZED (
    SELECT DISTINCT x.tag_id FROM agents_agenttag y CROSS JOIN {tags} WHERE {own}
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


def _of_all(way: Way, size: int, own: Own) -> list[str]:
    """Return the names by reading all tags of all the actor's agents."""
    where, params, _ = along(way)
    if way.folded:
        where += f" AND {holds('t.name_folded')}"
        params.append(way.folded)
    order = "DESC" if way.descending else "ASC"
    rows, keys = own.rows_sql("y")
    sql = _OF_ALL.format(tags=_TAGS[connection.vendor], own=rows, where=where, order=order)
    with connection.cursor() as cursor:
        cursor.execute(sql, [*keys, *params, size])
        return [row[0] for row in cursor.fetchall()]


def _probed(way: Way, most: int, own: Own) -> Iterator[tuple[Named, bool | None, int]]:
    """Yield tags in order, whether the actor has an agent with it, and how many agents were checked in
    vain. None means that more agents must be checked."""
    for stretch in stretches(way, most):
        for start in range(0, len(stretch.tags), _PROBED):
            some = stretch.tags[start : start + _PROBED]
            met = _met(some, own)
            for tag in some:
                if tag.id in met:
                    yield tag, True, 0
                else:
                    yield tag, None if tag.n > _GLANCE else False, min(tag.n, _GLANCE)


# Checks each tag by itself. As in agents.queries.core.scan, the planner cannot reorder this.
_MET = """
SELECT t.column1 FROM (VALUES {tags}) t WHERE (
    SELECT x.agent_id FROM (
        SELECT p.agent_id FROM agents_agenttag p WHERE p.tag_id = t.column1
        ORDER BY p.agent_id DESC LIMIT %s
    ) x WHERE {own} LIMIT 1
) IS NOT NULL
"""


def _met(tags: Sequence[Named], own: Own) -> set[int]:
    """Return the tags of which one of the newest agents is the actor's own."""
    rows = ", ".join(f"({tag.id})" for tag in tags)
    probe, keys = own.sql("x.agent_id")
    with connection.cursor() as cursor:
        cursor.execute(_MET.format(tags=rows, own=probe), [_GLANCE, *keys])
        return {row[0] for row in cursor.fetchall()}


def _meets(tag: Named, actor: Actor) -> bool:
    """True if the actor may see an agent with the tag."""
    plan = make_plan(AgentFilter(all=(tag.name,)), actor)
    if plan is None:
        return False
    return bool(walk(plan, Walk("seq", descending=True), None, 1, until=1).rows)
