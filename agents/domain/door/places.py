"""At which source an agent runs."""

from django.db.models import Q

from agents.core.actors import Actor
from agents.core.tag_text import text_problem
from agents.domain.door.errors import Reason, Refused
from agents.models import Agent, AgentSource, SourceKind


def find_source(name: str) -> AgentSource:
    """Return the Letta server with this name. Raises Refused."""
    rows = AgentSource.objects.filter(name=name, kind=SourceKind.LETTA)
    source = None if text_problem(name) else rows.first()
    if source is None:
        raise Refused(Reason.SOURCE)
    return source


def at_source(agent_id: str, actor: Actor, source: AgentSource) -> bool:
    """Return True if the agent exists for the actor and runs at this source.

    Before the first sync of the only source has ended, agents without a source count as being there.
    """
    here = Q(sourced__source_id=source.id)
    if source.listed_at is None and AgentSource.objects.count() == 1:
        here |= Q(sourced=None)
    rows = Agent.objects.visible_to(actor).filter(here, public_id=agent_id)
    return rows.exists()
