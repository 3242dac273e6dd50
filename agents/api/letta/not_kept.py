"""Letta's routes for data that ADE does not store: reads find nothing, writes get a 501.

Tools that read everything keep working, and no client believes that a message was delivered. The
OpenAPI document leaves these routes out, because they do nothing.
"""

import re
from typing import Any

from django.http import HttpRequest
from django.urls import register_converter
from ninja import Path, Router

from agents.api.agents.bodies import AgentId
from agents.api.core import errors
from agents.api.core.answers import Answer, error, json_answer
from agents.api.core.auth import actor_of
from agents.core.json_text import loads
from agents.domain.agents.client_fields import to_show
from agents.domain.agents.tools import built_in_tools
from agents.models import AgentDetail
from agents.queries.agents.find import find_seq

REFUSAL = "ADE stores agents and tags and runs no models. It cannot store or do this."
# Responses to reads that are not an empty array. The names have no final slash: collections work
# with and without it.
_EMPTY: dict[str, Any] = {
    "agent/archival-memory/search": {"count": 0, "results": []},
    "agent/files": {"files": [], "next_cursor": None, "has_more": False},
    "agent/repositories": {"repositories": []},
    "agent/runtime-status": {},
    "agent/schedule": {"scheduled_messages": [], "has_next_page": False},
    "projects": {"projects": [], "hasNextPage": False},
    "environments": {"connections": [], "hasNextPage": False},
}
# At /v1/<name>/.
COLLECTIONS = (
    "archives", "conversations", "environments", "folders", "groups",
    "jobs", "mcp-servers", "messages", "passages", "projects", "providers", "runs", "sandbox-config",
    "shared-agents", "steps", "templates", "tools",
)  # fmt: skip
# At /v1/agents/<id>/<name>.
OF_AGENT = (
    "archival-memory", "archival-memory/search", "archives", "files", "folders", "groups",
    "messages", "passages", "repositories", "runs", "runtime-status", "schedule", "sources", "tools",
)  # fmt: skip
# At /v1/agents/<id>/<name>: actions that ADE does not support.
ACTS = ("recompile", "reset-messages", "summarize")
# Reads that are sent as a POST.
SEARCHES = ("messages/search", "passages/search", "tools/search")

_WRITES = ["POST", "PUT", "PATCH", "DELETE"]

router = Router()


def _tools(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the page of built-in tools that the query asks for."""
    asked = request.GET
    tools = built_in_tools()
    names = asked.getlist("names") + asked.getlist("name")
    if names:
        tools = [tool for tool in tools if tool["name"] in names]
    if part := asked.get("search"):
        tools = [tool for tool in tools if part in tool["name"]]
    if kinds := asked.getlist("tool_types"):
        tools = [tool for tool in tools if tool["tool_type"] in kinds]
    if after := asked.get("after"):
        place = next((n for n, tool in enumerate(tools, 1) if tool["id"] == after), len(tools))
        tools = tools[place:]
    limit = asked.get("limit", "")
    return tools[: int(limit)] if limit.isdecimal() and int(limit[:9]) else tools


def _of_agent(request: HttpRequest, agent_id: str, name: str) -> Any:
    seq = find_seq(agent_id, actor_of(request))
    if name in ("tools", "sources", "folders"):
        stored = loads(AgentDetail.objects.values_list("extra", flat=True).get(agent_id=seq))
        return to_show(stored, tools=True)["tools" if name == "tools" else "sources"]
    return _EMPTY.get(f"agent/{name}", [])


def _one_of(names: tuple[str, ...]) -> type:
    """Return a path converter that matches exactly these names."""

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
    """Return an empty list."""
    return json_answer([])


@router.get("/{unkept:name}/", include_in_schema=False)
def read(request: HttpRequest, name: Path[str]) -> Answer:
    """Return an empty list, or Letta's built-in tools, which clients look up by name."""
    if name == "tools":
        return json_answer(_tools(request))
    return json_answer(_EMPTY.get(name, []))


@router.get("/{unkept:name}/count", include_in_schema=False)
def count(request: HttpRequest, name: Path[str]) -> Answer:
    """Return 0, or the number of built-in tools."""
    return json_answer(len(built_in_tools()) if name == "tools" else 0)


@router.get("/{unkept:name}/{path:rest}", include_in_schema=False)
def read_item(request: HttpRequest, name: Path[str], rest: Path[str]) -> Answer:
    """Return a built-in tool. Anything else is a 404."""
    for tool in built_in_tools() if name == "tools" else ():
        if tool["id"] == rest:
            return json_answer(tool)
    return errors.not_found()


@router.api_operation(_WRITES, "/{unkept:name}/", include_in_schema=False)
def write(request: HttpRequest, name: Path[str]) -> Answer:
    """Refuse with 501."""
    return error(501, REFUSAL)


@router.api_operation(_WRITES, "/{unkept:name}/{path:rest}", include_in_schema=False)
def write_item(request: HttpRequest, name: Path[str], rest: Path[str]) -> Answer:
    """Refuse with 501."""
    return error(501, REFUSAL)


@router.get("/agents/{agent_id}/{unkept_of_agent:name}", include_in_schema=False)
def read_of_agent(request: HttpRequest, agent_id: AgentId, name: Path[str]) -> Answer:
    """Return an empty list, or the tools or sources that the agent names."""
    return json_answer(_of_agent(request, agent_id, name))


@router.get("/agents/{agent_id}/{unkept_of_agent:name}/count", include_in_schema=False)
def count_of_agent(request: HttpRequest, agent_id: AgentId, name: Path[str]) -> Answer:
    """Return 0, or the number of tools or sources that the agent names."""
    found = _of_agent(request, agent_id, name)
    return json_answer(len(found) if isinstance(found, list) else 0)


@router.get("/agents/{agent_id}/{unkept_of_agent:name}/{path:rest}", include_in_schema=False)
def read_item_of_agent(
    request: HttpRequest, agent_id: AgentId, name: Path[str], rest: Path[str]
) -> Answer:
    """Return a 404: ADE stores no such items."""
    find_seq(agent_id, actor_of(request))
    return errors.not_found()


@router.api_operation(_WRITES, "/agents/{agent_id}/{unkept_of_agent:name}", include_in_schema=False)
def write_of_agent(request: HttpRequest, agent_id: AgentId, name: Path[str]) -> Answer:
    """Refuse with 501."""
    find_seq(agent_id, actor_of(request))
    return error(501, REFUSAL)


@router.api_operation(
    _WRITES, "/agents/{agent_id}/{unkept_of_agent:name}/{path:rest}", include_in_schema=False
)
def write_item_of_agent(
    request: HttpRequest, agent_id: AgentId, name: Path[str], rest: Path[str]
) -> Answer:
    """Refuse with 501."""
    find_seq(agent_id, actor_of(request))
    return error(501, REFUSAL)


@router.api_operation(
    ["POST", "PATCH"], "/agents/{agent_id}/{act_on_agent:name}", include_in_schema=False
)
def act_on_agent(request: HttpRequest, agent_id: AgentId, name: Path[str]) -> Answer:
    """Refuse with 501."""
    find_seq(agent_id, actor_of(request))
    return error(501, REFUSAL)
