"""The tools that an agent names. ADE runs none; it knows the names of those built into Letta."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from uuid import UUID

# The tools of Letta 0.16.8, by type.
_BUILT_IN = {
    "letta_core": "archival_memory_insert archival_memory_search conversation_search send_message",
    "letta_memory_core": "core_memory_append core_memory_replace memory memory_apply_patch "
    "memory_insert memory_replace memory_rethink",
    "letta_sleeptime_core": "memory_finish_edits rethink_memory finish_rethinking_memory "
    "store_memories",
    "letta_multi_agent_core": "send_message_to_agent_and_wait_for_reply "
    "send_message_to_agent_async send_message_to_agents_matching_tags",
    "letta_builtin": "fetch_webpage run_code web_search",
    "letta_files_core": "grep_files open_files semantic_search_files",
}


def tool_id(name: str) -> str:
    """The id of a tool that ADE knows by its name only: always the same one."""
    return f"tool-{UUID(bytes=sha256(name.encode()).digest()[:16], version=4)}"


_TYPES = {name: kind for kind, names in _BUILT_IN.items() for name in names.split()}
_NAMES = {tool_id(name): name for name in _TYPES}


def built_in_tools() -> list[dict[str, Any]]:
    """The tools built into Letta, sorted by name."""
    return [tool_state(tool_id(name), name) for name in sorted(_TYPES)]


def tool_state(public_id: str, name: str | None) -> dict[str, Any]:
    """A tool as Letta's clients know it."""
    return {
        "id": public_id,
        "name": name,
        "tool_type": _TYPES.get(name or "", "custom"),
        "description": None,
        "source_type": "python",
        "source_code": None,
        "json_schema": {"name": name} if name else None,
        "args_json_schema": None,
        "tags": [],
        "return_char_limit": 50_000,
        "default_requires_approval": None,
        "enable_parallel_execution": False,
        "pip_requirements": None,
        "npm_requirements": None,
        "metadata_": {},
        "project_id": None,
        "created_by_id": None,
        "last_updated_by_id": None,
    }


def named_tools(
    ids: Iterable[str], names: Iterable[str], known: Iterable[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The tools to store for these ids and names, each once. `known` are those stored so far."""
    by_id = _NAMES | {str(tool["id"]): str(tool["name"]) for tool in known if tool.get("name")}
    found = {str(key): by_id.get(str(key)) for key in ids} | {tool_id(name): name for name in names}
    return [{"id": key, "name": name} for key, name in found.items()]
