"""Querysets for small queries. Lists of agents use agents.queries.agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import apps
from django.db.models import Exists, OuterRef, QuerySet

if TYPE_CHECKING:
    from agents.core.actors import Actor
    from agents.models import Agent  # noqa: F401  # names the type of the rows


class AgentQuerySet(QuerySet["Agent"]):
    """Agents. Every read starts from `visible_to`."""

    def visible_to(self, actor: Actor) -> AgentQuerySet:
        """Return the agents within the actor's reach."""
        reach = actor.reach
        if reach.everything:
            return self.all()
        if reach.agents:
            return self.filter(public_id__in=reach.agents)
        if not reach.tags:
            return self.none()
        of = {"tag__name__in": reach.tags} if len(reach.tags) > 1 else {"tag__name": reach.only_tag}
        # Not imported: the models import this module.
        rows = apps.get_model("agents", "AgentTag")._default_manager
        return self.filter(Exists(rows.filter(agent_id=OuterRef("seq"), **of)))
