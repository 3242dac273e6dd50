"""Querysets for small queries. Lists of agents use agents.queries.agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.lookups import IsNull
from django.utils import timezone

if TYPE_CHECKING:
    from agents.core.actors import Actor
    from agents.models import Agent  # noqa: F401  # names the type of the rows


def carries_no_closed(column: str) -> IsNull:
    """Condition that the agent whose key is this column carries no closed tag.

    A scalar sub-select and not EXISTS: PostgreSQL cannot turn it into a join of whole tables.
    """
    closed = _tags_of(column).filter(tag__closed_until__gt=timezone.now())
    return IsNull(Subquery(closed.values("tag_id")[:1]), True)


def _tags_of(column: str) -> QuerySet[Any]:
    # Not imported: the models import this module.
    rows = apps.get_model("agents", "AgentTag")._default_manager
    return rows.filter(agent_id=OuterRef(column))


class AgentQuerySet(QuerySet["Agent"]):
    """Agents. Every read starts from `visible_to`."""

    def visible_to(self, actor: Actor) -> AgentQuerySet:
        """Return the agents within the actor's reach."""
        reach = actor.reach
        if reach.everything:
            return self.all()
        if not (reach.agents or reach.tags):
            return self.none()
        open_agents = self.filter(carries_no_closed("seq"))
        if reach.agents:
            return open_agents.filter(public_id__in=reach.agents)
        of = {"tag__name__in": reach.tags} if len(reach.tags) > 1 else {"tag__name": reach.only_tag}
        return open_agents.filter(Exists(_tags_of("seq").filter(**of)))
