"""The models and embeddings in use."""

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.models import Agent
from agents.queries.agents.own import newest_own, own_of

# A longer list of choices would not help, and a filter by any other model still works.
MOST = 200

# Steps from one value to the next along the index: a few look-ups for any number of agents.
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
    """Return up to `most` models of the agents that the actor may see, ordered by their bytes.

    For a limited actor, those of its newest agents.
    """
    return _in_use("model", actor, most)


def embeddings_in_use(*, actor: Actor, most: int = MOST) -> list[str]:
    """Return the embeddings of these agents in the same way."""
    return _in_use("embedding", actor, most)


def _in_use(column: str, actor: Actor, most: int) -> list[str]:
    own = own_of(actor)
    if own is not None:
        # A list of keys: with a sub-select PostgreSQL would walk all agents by this column.
        agents = Agent.objects.visible_to(actor).filter(seq__in=newest_own(own))
        found = agents.order_by().values_list(column, flat=True).distinct()
        return sorted(value for value in found if value is not None)[:most]
    with connection.cursor() as cursor:
        cursor.execute(_ALL.format(column=column), [most])
        return [row[0] for row in cursor.fetchall()]
