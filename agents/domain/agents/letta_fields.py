"""The fields of a Letta agent that ADE stores and returns without using them. This is the only list."""

from collections.abc import Iterable
from typing import Any

import msgspec

from agents.domain.agents.client_fields import CLIENT_TYPES, OPTIONAL_FIELDS

_JsonObject = dict[str, Any]
# Default, and type if a client may set the field. Answers list the fields in this order.
_FIELDS: dict[str, tuple[Any, Any]] = {
    "agent_type": ("letta_v1_agent", str),
    "message_ids": ([], None),
    "tool_rules": ([], list[_JsonObject]),
    "model_settings": (None, _JsonObject),
    "compaction_settings": (None, _JsonObject),
    "response_format": (None, _JsonObject),
    "tool_exec_environment_variables": ([], None),
    "secrets": ([], None),
    "project_id": (None, str),
    "template_id": (None, str),
    "base_template_id": (None, str),
    "deployment_id": (None, None),
    "entity_id": (None, None),
    "pending_approval": (None, None),
    "message_buffer_autoclear": (False, bool),
    "enable_sleeptime": (None, bool),
    "multi_agent_group": (None, None),
    "managed_group": (None, None),
    "last_run_completion": (None, None),
    "last_run_duration_ms": (None, None),
    "last_stop_reason": (None, None),
    "timezone": ("UTC", str),
    "max_files_open": (10, int),
    "per_file_view_window_char_limit": (40000, int),
    "hidden": (None, bool),
}
# A field with its default value is not stored.
LETTA_DEFAULTS: dict[str, Any] = {name: default for name, (default, _) in _FIELDS.items()}
# What is stored of an agent besides: in another form than a client writes it, or only where given.
STORED_DEFAULTS: dict[str, Any] = (
    LETTA_DEFAULTS
    | {"tools": [], "source_ids": [], "folder_ids": []}
    | dict.fromkeys(OPTIONAL_FIELDS)
)
# The types of the fields that a client may set; null means "not given".
LETTA_TYPES: dict[str, Any] = {name: kind | None for name, (_, kind) in _FIELDS.items() if kind}


# The same and what a client of the API may set besides.
API_TYPES: dict[str, Any] = LETTA_TYPES | CLIENT_TYPES


def given_fields(source: object, names: Iterable[str] = LETTA_TYPES) -> dict[str, Any]:
    """Return the settable Letta fields of an object that are not None."""
    values = {name: getattr(source, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


# Base of the structs that agent files and Letta servers are read into.
LettaFields = msgspec.defstruct(
    "LettaFields", [(name, kind, None) for name, kind in LETTA_TYPES.items()], kw_only=True
)
