"""The history of a limited actor: the changes of its agents, and the renames of its tags, newest first.

It reads rows of these agents only. So neither an answer nor its duration says anything about others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.models import Agent, Change
from agents.queries.agents.own import newest_own, own_of
from agents.queries.history.change_sets import SetRow
from agents.queries.history.renames import Renames

# Changes of a page.
PAGE = 200


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page of change-sets, each with only the actor's own changes, and the change before which the next starts."""

    rows: list[SetRow] = field(default_factory=list)
    older: int | None = None


def own_history(actor: Actor, *, before: int | None = None) -> OwnPage:
    """Return a page of changes of the actor's newest agents (bounds.OWN) and of its own tags' names."""
    own = own_of(actor)
    if own is None:
        raise ValueError("An actor without a limit has the whole history.")
    top = 2**62 if before is None else before
    agents = Agent.objects.filter(seq__in=newest_own(own)).values_list("public_id", flat=True)
    ids = _newest(list(agents), top)
    ids += [key for key in _renames(actor) if key < top]
    shown = sorted(ids, reverse=True)[: PAGE + 1]
    older = shown[PAGE - 1] if len(shown) > PAGE else None
    rows = Change.objects.filter(id__in=shown[:PAGE]).select_related("change_set").order_by("-id")
    return OwnPage(_by_set(list(rows)), older)


def _by_set(changes: Sequence[Change]) -> list[SetRow]:
    """Group the changes by change-set. They are adjacent, except those of a long bulk change."""
    found = []
    for change_set, part in groupby(changes, key=lambda one: one.change_set):
        change_set.agent_count = None  # it counts agents of others too
        found.append(SetRow(change_set, list(part)[::-1], cut=False))
    return found


def _renames(actor: Actor) -> list[int]:
    """Return the changes that gave the tags of the actor's limit their names."""
    names = actor.reach.tags
    renames = Renames(names) if names else None
    return [key for name in names if renames for _, key in renames.spans(name) if key]


_LAST = """
WITH own(agent_id) AS (VALUES {marks})
SELECT agent_id, last FROM (SELECT agent_id, (SELECT c.id FROM agents_change c
WHERE c.agent_id = own.agent_id AND c.id < %s ORDER BY c.id DESC LIMIT 1) AS last FROM own) found
WHERE last IS NOT NULL ORDER BY last DESC LIMIT %s
"""
# The newest changes of each agent, at most PAGE + 1: by one plan on each database.
_EACH = {
    "postgresql": """
WITH own(agent_id) AS (VALUES {marks})
SELECT c.id FROM own, LATERAL (SELECT id FROM agents_change WHERE agent_id = own.agent_id
AND id < %s AND id >= %s ORDER BY id DESC LIMIT %s) c
""",
    "sqlite": """
WITH own(agent_id) AS (VALUES {marks})
SELECT c.id FROM own CROSS JOIN agents_change c INDEXED BY change_by_agent
ON c.agent_id = own.agent_id AND c.id < %s AND c.id >= max(%s, COALESCE((SELECT f.id
FROM agents_change f WHERE f.agent_id = own.agent_id AND f.id < %s ORDER BY f.id DESC LIMIT 1 OFFSET %s), 0))
""",
}


def _newest(agent_ids: Sequence[str], top: int) -> list[int]:
    """Return the ids of the newest changes of these agents before an id, at least PAGE + 1 if there are."""
    if not agent_ids:
        return []
    last = _rows(_LAST, agent_ids, [top, PAGE + 1])
    # Each of these agents has one: older changes than the last of those are not on the page.
    floor = int(last[-1][1]) if len(last) > PAGE else 0
    near = [str(row[0]) for row in last]
    if not near:
        return []
    own = [top, floor, *([top, PAGE] if connection.vendor == "sqlite" else [PAGE + 1])]
    return [int(row[0]) for row in _rows(_EACH[connection.vendor], near, own)]


def _rows(sql: str, agent_ids: Sequence[str], more: Sequence[int]) -> list[tuple[Any, ...]]:
    marks = ", ".join(["(%s)"] * len(agent_ids))
    with connection.cursor() as cursor:
        cursor.execute(sql.format(marks=marks), [*agent_ids, *more])
        return list(cursor.fetchall())
