"""An agent's JSON, as the API gives it."""

import json

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from ade.http import render_page
from agents.api.agents.json import Show, write_one
from agents.core.actors import Power
from agents.core.json_text import loads
from agents.views.core.actors import actor_of, agent_not_found, find_agent


@require_GET
def agent_json(request: HttpRequest, agent_id: str) -> HttpResponse:
    """What GET /v1/agents/<id>/ answers, indented."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    written = write_one(agent.seq, Show())
    if written is None:
        agent_not_found(actor, agent_id)
    value = loads(written.content.decode())
    context = {
        "agent": agent,
        "text": json.dumps(value, indent=2, ensure_ascii=False),
        "etag": written.etag,
        "may_write": actor.can(Power.WRITE),
        "nav": "agents",
        "tab": "json",
    }
    return render_page(request, "agents/json_tab.html", context, fragment="json")
