"""What Letta has and ADE does not keep: reading finds none of it, writing is answered 501.

So fleet tools that look at everything go on working, and nobody takes a message for delivered.
These routes are not in the OpenAPI document: they do nothing.
"""

import re
from typing import Any

from django.http import HttpRequest
from django.urls import register_converter
from ninja import Path, Router

from agents.api import errors
from agents.api.agents import require_seq
from agents.api.answers import Answer, error, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import AgentId

REFUSAL = "ADE keeps agents and tags and runs no models: this is not stored or carried out."
# What reading one of these answers, where that is not an empty array. The names hold no slash
# at their ends: collections answer both forms.
_EMPTY: dict[str, Any] = {
    "agent/archival-memory/search": {"count": 0, "results": []},
    "agent/schedule": {"scheduled_messages": [], "has_next_page": False},
    "client-side-access-tokens": {"tokens": [], "hasNextPage": False},
    "environments": {"connections": [], "hasNextPage": False},
}
# At /v1/<name>/.
COLLECTIONS = (
    "archives", "client-side-access-tokens", "conversations", "environments", "folders", "groups",
    "jobs", "mcp-servers", "messages", "passages", "providers", "runs", "sandbox-config",
    "sources", "steps", "templates", "tools",
)  # fmt: skip
# At /v1/agents/<id>/<name>.
OF_AGENT = (
    "archival-memory", "archival-memory/search", "archives", "files", "folders", "groups",
    "messages", "passages", "runs", "schedule", "sources", "tools",
)  # fmt: skip
# At /v1/agents/<id>/<name>: acts that ADE does not carry out.
ACTS = ("recompile", "reset-messages", "summarize")
# Reads that are sent as a POST.
SEARCHES = ("messages/search", "passages/search", "tools/search")

_WRITES = ["POST", "PUT", "PATCH", "DELETE"]

router = Router()


def _one_of(names: tuple[str, ...]) -> type:
    """A path converter that takes exactly these names."""

    class Names:
        regex = "|".join(re.escape(name) for name in sorted(names, reverse=True))

        def to_python(self, value: str) -> str:
            return value

        def to_url(self, value: str) -> str:
            return value

    return Names


register_converter(_one_of(COLLECTIONS), "unkept")
register_converter(_one_of(OF_AGENT), "unkept_of_agent")
register_converter(_one_of(ACTS), "act_on_agent")
register_converter(_one_of(SEARCHES), "unkept_search")


@router.post("/{unkept_search:name}", include_in_schema=False)
def search(request: HttpRequest, name: Path[str]) -> Answer:
    """Nothing is found."""
    return json_answer([])


@router.get("/{unkept:name}/", include_in_schema=False)
def read(request: HttpRequest, name: Path[str]) -> Answer:
    """There is none."""
    return json_answer(_EMPTY.get(name, []))


@router.get("/{unkept:name}/count", include_in_schema=False)
def count(request: HttpRequest, name: Path[str]) -> Answer:
    """There is none."""
    return json_answer(0)


@router.get("/{unkept:name}/{path:rest}", include_in_schema=False)
def read_item(request: HttpRequest, name: Path[str], rest: Path[str]) -> Answer:
    """There is none, so there is not this one."""
    return errors.not_found()


@router.api_operation(_WRITES, "/{unkept:name}/", include_in_schema=False)
def write(request: HttpRequest, name: Path[str]) -> Answer:
    """Refused."""
    return error(501, REFUSAL)


@router.api_operation(_WRITES, "/{unkept:name}/{path:rest}", include_in_schema=False)
def write_item(request: HttpRequest, name: Path[str], rest: Path[str]) -> Answer:
    """Refused."""
    return error(501, REFUSAL)


@router.get("/agents/{agent_id}/{unkept_of_agent:name}", include_in_schema=False)
def read_of_agent(request: HttpRequest, agent_id: AgentId, name: Path[str]) -> Answer:
    """The agent has none."""
    require_seq(agent_id, actor_of(request))
    return json_answer(_EMPTY.get(f"agent/{name}", []))


@router.get("/agents/{agent_id}/{unkept_of_agent:name}/count", include_in_schema=False)
def count_of_agent(request: HttpRequest, agent_id: AgentId, name: Path[str]) -> Answer:
    """The agent has none."""
    require_seq(agent_id, actor_of(request))
    return json_answer(0)


@router.get("/agents/{agent_id}/{unkept_of_agent:name}/{path:rest}", include_in_schema=False)
def read_item_of_agent(
    request: HttpRequest, agent_id: AgentId, name: Path[str], rest: Path[str]
) -> Answer:
    """The agent has none, so not this one."""
    require_seq(agent_id, actor_of(request))
    return errors.not_found()


@router.api_operation(_WRITES, "/agents/{agent_id}/{unkept_of_agent:name}", include_in_schema=False)
def write_of_agent(request: HttpRequest, agent_id: AgentId, name: Path[str]) -> Answer:
    """Refused."""
    require_seq(agent_id, actor_of(request))
    return error(501, REFUSAL)


@router.api_operation(
    _WRITES, "/agents/{agent_id}/{unkept_of_agent:name}/{path:rest}", include_in_schema=False
)
def write_item_of_agent(
    request: HttpRequest, agent_id: AgentId, name: Path[str], rest: Path[str]
) -> Answer:
    """Refused."""
    require_seq(agent_id, actor_of(request))
    return error(501, REFUSAL)


@router.api_operation(
    ["POST", "PATCH"], "/agents/{agent_id}/{act_on_agent:name}", include_in_schema=False
)
def act_on_agent(request: HttpRequest, agent_id: AgentId, name: Path[str]) -> Answer:
    """Refused."""
    require_seq(agent_id, actor_of(request))
    return error(501, REFUSAL)
