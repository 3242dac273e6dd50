"""What a client of the API writes, in the form in which ADE stores it, and back.

Tools are stored as ids and names, sources as ids, secrets as names. Nothing of these is used.
"""

from collections.abc import Mapping
from typing import Any

from agents.domain.agents.tools import named_tools, tool_state

_Json = dict[str, Any]
# Fields in the form in which a client writes them, and their types.
CLIENT_TYPES: dict[str, Any] = {
    "tools": list[str | _Json] | None,
    "tool_ids": list[str] | None,
    "source_ids": list[str] | None,
    "folder_ids": list[str] | None,
    "secrets": dict[str, str] | list[_Json] | None,
    "tool_exec_environment_variables": dict[str, str] | list[_Json] | None,
    "message_ids": list[str] | None,
    "last_run_completion": str | None,
    "last_run_duration_ms": int | None,
    "last_stop_reason": str | None,
    "max_tokens": int | None,
    "parallel_tool_calls": bool | None,
    "reasoning": bool | None,
    "enable_reasoner": bool | None,
    "max_reasoning_tokens": int | None,
}
# ADE stores their names and never their values.
SECRET_FIELDS = ("secrets", "tool_exec_environment_variables")
# Fields that only some agents have; an answer has them where a client wrote them.
OPTIONAL_FIELDS = (
    "max_tokens", "parallel_tool_calls", "reasoning", "enable_reasoner", "max_reasoning_tokens",
)  # fmt: skip


def to_store(fields: Mapping[str, Any], stored: Mapping[str, Any]) -> _Json:
    """The fields as they are stored. `stored` is what the agent has so far."""
    new = dict(fields)
    ids, tools = new.pop("tool_ids", None), new.pop("tools", None)
    if ids is not None or tools is not None:
        # A client that writes back what it read sends whole tools.
        whole = [tool for tool in tools or [] if isinstance(tool, dict) and tool.get("id")]
        names = [tool for tool in tools or [] if isinstance(tool, str)]
        keys = [*(ids or []), *(tool["id"] for tool in whole if ids is None)]
        new["tools"] = named_tools(keys, names, [*stored.get("tools", []), *whole])
    for name in ("source_ids", "folder_ids", "message_ids"):
        if name in new:
            new[name] = list(dict.fromkeys(new[name]))
    for name in SECRET_FIELDS:
        if name in new:
            new[name] = sorted(set(map(_name_of, new[name])))
    if "tool_rules" in new:
        new["tool_rules"] = _each_once(new["tool_rules"])
    return new


def to_show(stored: Mapping[str, Any], *, tools: bool) -> _Json:
    """The stored fields as answers have them; `tools` and `sources` only where asked for."""
    own = {name: stored[name] for name in OPTIONAL_FIELDS if name in stored}
    found = stored.get("tools", [])
    sources = [*stored.get("source_ids", []), *stored.get("folder_ids", [])]
    return own | {
        "tools": [tool_state(tool["id"], tool["name"]) for tool in found] if tools else [],
        "tool_ids": [tool["id"] for tool in found],
        "sources": [{"id": key, "name": None} for key in dict.fromkeys(sources)] if tools else [],
        "source_ids": stored.get("source_ids", []),
        "folder_ids": stored.get("folder_ids", []),
        **{name: [_secret(key) for key in stored.get(name, [])] for name in SECRET_FIELDS},
    }


def _name_of(secret: Any) -> str:
    return str(secret.get("key", "")) if isinstance(secret, dict) else str(secret)


def _secret(name: str) -> _Json:
    return {"key": name, "value": "", "description": None}


def _each_once(rules: list[_Json]) -> list[_Json]:
    return [rule for place, rule in enumerate(rules) if rule not in rules[:place]]
