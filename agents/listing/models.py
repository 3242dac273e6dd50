"""The models and embeddings in use."""

from django.db.models import QuerySet

from ade.replica import connection
from agents.actors import Actor
from agents.listing import bounds
from agents.models import Agent, AgentTag

# Nobody chooses among more, and a filter by any other still works.
MOST = 200

# From one to the next along the index: a few look-ups, however many agents there are.
_ALL = """
WITH RECURSIVE m(handle) AS (
    SELECT * FROM (
        SELECT a.{column} FROM agents_agent a WHERE a.{column} IS NOT NULL
        ORDER BY a.{column} LIMIT 1
    ) first
    UNION ALL
    SELECT (
        SELECT a.{column} FROM agents_agent a WHERE a.{column} > m.handle
        ORDER BY a.{column} LIMIT 1
    ) FROM m WHERE m.handle IS NOT NULL
)
SELECT handle FROM m WHERE handle IS NOT NULL LIMIT %s
"""


def models_in_use(*, actor: Actor, most: int = MOST) -> list[str]:
    """The models of the agents that the actor may see, by their bytes, `most` of them at most.

    Of a tag-limited actor's agents, those of the newest.
    """
    return _in_use("model", actor, most)


def embeddings_in_use(*, actor: Actor, most: int = MOST) -> list[str]:
    """The same of their embeddings."""
    return _in_use("embedding", actor, most)


def newest_of(tag: str, most: int | None = None) -> "QuerySet[AgentTag, int]":
    """The keys of the newest agents that carry a tag."""
    carried = AgentTag.objects.filter(tag__name=tag).order_by("-agent_id")
    return carried.values_list("agent_id", flat=True)[: most or bounds.OWN]


def _in_use(column: str, actor: Actor, most: int) -> list[str]:
    if actor.limit is not None:
        # Named one by one: as a sub-select PostgreSQL would walk all agents by this column.
        own = Agent.objects.visible_to(actor).filter(seq__in=list(newest_of(actor.limit)))
        found = own.order_by().values_list(column, flat=True).distinct()
        return sorted(one for one in found if one is not None)[:most]
    with connection.cursor() as cursor:
        cursor.execute(_ALL.format(column=column), [most])
        return [row[0] for row in cursor.fetchall()]
