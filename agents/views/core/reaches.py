"""Which agents a key or a member can access, for its page."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from agents.core.actors import Actor
from agents.core.filters import AgentFilter
from agents.queries import agents


def reach_context(seen: Actor) -> dict[str, Any]:
    """How many agents this actor reaches, and the address of the list of them, if there is one."""
    names = [("any", name) for name in seen.reach.tags]
    listed = None if seen.reach.agents else f"{reverse('agents')}?{urlencode(names)}"
    count = agents.capped_count(AgentFilter(), actor=seen)
    return {"reach": seen.reach, "count": count, "listed": listed}
