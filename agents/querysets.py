"""Queries in the language of the domain, for what is small; the list has agents.listing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, QuerySet

if TYPE_CHECKING:
    from agents.actors import Actor
    from agents.models import Agent  # noqa: F401  # names the type of the rows


class AgentQuerySet(QuerySet["Agent"]):
    """Agents. Every read starts from `visible_to`."""

    def visible_to(self, actor: Actor) -> AgentQuerySet:
        """The agents that exist for this actor: all, or those that carry its tag limit."""
        from agents.models import AgentTag  # the models import this module

        if actor.limit is None:
            return self.all()
        carries = AgentTag.objects.filter(agent_id=OuterRef("seq"), tag__name=actor.limit)
        return self.filter(Exists(carries))
