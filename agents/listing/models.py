"""The models in use, for a list's choice of them."""

from django.db import connection

from agents.actors import Actor
from agents.models import Agent

# Nobody chooses among more, and a filter by any other still works.
MOST = 200

# From one model to the next along the index: a few look-ups, however many agents there are.
_NEXT = "(SELECT a.model FROM agents_agent a WHERE a.model > m.model ORDER BY a.model LIMIT 1)"
_ALL = f"""
WITH RECURSIVE m(model) AS (
    SELECT * FROM (SELECT a.model FROM agents_agent a ORDER BY a.model LIMIT 1) first
    UNION ALL
    SELECT {_NEXT} FROM m WHERE m.model IS NOT NULL
)
SELECT model FROM m WHERE model IS NOT NULL LIMIT %s
"""


def models_in_use(*, actor: Actor) -> list[str]:
    """The models of the agents that the actor may see, by their bytes, MOST of them at most."""
    if actor.limit is not None:
        own = Agent.objects.visible_to(actor).order_by("model")
        return list(own.values_list("model", flat=True).distinct()[:MOST])
    with connection.cursor() as cursor:
        cursor.execute(_ALL, [MOST])
        return [row[0] for row in cursor.fetchall()]
