"""The models and embeddings in use."""

from ade.replica import connection
from agents.actors import Actor
from agents.models import Agent

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
    """The models of the agents that the actor may see, by their bytes, `most` of them at most."""
    return _in_use("model", actor, most)


def embeddings_in_use(*, actor: Actor, most: int = MOST) -> list[str]:
    """The same of their embeddings."""
    return _in_use("embedding", actor, most)


def _in_use(column: str, actor: Actor, most: int) -> list[str]:
    if actor.limit is not None:
        own = Agent.objects.visible_to(actor).filter(**{f"{column}__isnull": False})
        return list(own.order_by(column).values_list(column, flat=True).distinct()[:most])
    with connection.cursor() as cursor:
        cursor.execute(_ALL.format(column=column), [most])
        return [row[0] for row in cursor.fetchall()]
