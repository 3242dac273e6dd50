"""One meaning for each model setting that Letta's API names up to three times.

`max_tokens` of an agent, `max_tokens` of its `llm_config` and `max_output_tokens` of its
`model_settings` are one value. Whatever a client writes, the other two follow. Where a client wrote no
`model_settings`, answers derive them from `llm_config`, as Letta does.
"""

from collections.abc import Mapping
from typing import Any

_Json = dict[str, Any]
_ABSENT = object()
# The name in `llm_config`, the places in `model_settings`, and the names among the agent's own fields.
_SHARED: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("temperature", ("temperature",), ()),
    ("max_tokens", ("max_output_tokens",), ("max_tokens",)),
    ("parallel_tool_calls", ("parallel_tool_calls",), ("parallel_tool_calls",)),
    ("response_format", ("response_format",), ("response_format",)),
    ("strict", ("strict",), ()),
    ("verbosity", ("verbosity",), ()),
    ("effort", ("effort",), ()),
    ("reasoning_effort", ("reasoning.reasoning_effort",), ()),
    ("enable_reasoner", ("thinking.type",), ("reasoning", "enable_reasoner")),
    (
        "max_reasoning_tokens",
        ("thinking.budget_tokens", "thinking_config.thinking_budget"),
        ("max_reasoning_tokens",),
    ),
)

# Providers whose `model_settings` say more than the fields that all have. Null and absent values of
# `llm_config` become these.
_EFFORT, _BUDGET = "minimal", 1024


def derived(llm_config: Mapping[str, Any]) -> _Json:
    """The `model_settings` that an `llm_config` amounts to. They never contradict it."""
    provider = llm_config.get("model_endpoint_type")
    settings: _Json = {}
    if llm_config.get("max_tokens") is not None:
        settings["max_output_tokens"] = llm_config["max_tokens"]
    settings["parallel_tool_calls"] = llm_config.get("parallel_tool_calls", True)
    if isinstance(provider, str):
        settings["provider_type"] = provider
    settings["temperature"] = llm_config.get("temperature")
    if provider == "openai":
        settings["reasoning"] = {"reasoning_effort": llm_config.get("reasoning_effort") or _EFFORT}
    elif provider == "anthropic":
        thinking = "enabled" if llm_config.get("enable_reasoner") else "disabled"
        budget = llm_config.get("max_reasoning_tokens") or _BUDGET
        settings["thinking"] = {"type": thinking, "budget_tokens": budget}
    settings["response_format"] = llm_config.get("response_format")
    if provider == "anthropic":
        settings |= {name: llm_config.get(name) for name in ("verbosity", "effort")}
    if provider in ("openai", "anthropic"):
        settings["strict"] = bool(llm_config.get("strict"))
    return settings


def without_derived(fields: _Json, llm_config: Mapping[str, Any]) -> _Json:
    """Return the fields without `model_settings` if a client only gives back what answers derive."""
    if fields.get("model_settings") != derived(llm_config):
        return fields
    return {name: value for name, value in fields.items() if name != "model_settings"}


def settle(llm_config: _Json, extra: Mapping[str, Any], given: Mapping[str, Any]) -> _Json:
    """Make `llm_config` (changed in place) and the stored fields agree; returns the new fields.

    `given` has what the request says: `llm_config`, `model_settings` or single fields. Of two that
    contradict each other, `model_settings` wins over single fields, and these over `llm_config`.
    """
    fields = dict(extra)
    settings = fields.get("model_settings")
    settings = _copied(settings) if isinstance(settings, dict) else None
    for name, places, own in _SHARED:
        value = _value(name, places, own, fields, settings, given)
        if value is _ABSENT:
            continue
        if value is not None or name in llm_config:  # null and absent say the same
            llm_config[name] = value
        fields |= {key: value for key in own if key in fields}
        for place in places if settings else ():
            if _read(settings or {}, place) is not _ABSENT:
                _write(settings or {}, place, value)
    if settings is not None:
        fields["model_settings"] = settings
    return fields


def _value(
    name: str,
    places: tuple[str, ...],
    own: tuple[str, ...],
    fields: _Json,
    settings: _Json | None,
    given: Mapping[str, Any],
) -> Any:
    in_settings = [_read(settings or {}, place) for place in places]
    in_fields = [given[key] for key in own if key in given]
    config = given.get("llm_config") or {}
    said = [config[name]] if name in config else []
    said += in_fields
    if "model_settings" in given:
        said += in_settings
    stored = [fields[key] for key in own if key in fields] + in_settings
    known = [value for value in said if value is not _ABSENT]
    known = known or [value for value in stored if value is not _ABSENT]
    return known[-1] if known else _ABSENT


def _read(settings: _Json, place: str) -> Any:
    value: Any = settings
    for part in place.split("."):
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value != "disabled" if place == "thinking.type" else value


def _write(settings: _Json, place: str, value: Any) -> None:
    *parts, last = place.split(".")
    for part in parts:
        settings = settings[part]
    if place != "thinking.type":
        settings[last] = value
    elif bool(value) != (settings[last] != "disabled"):
        settings[last] = "enabled" if value else "disabled"


def _copied(settings: _Json) -> _Json:
    return {
        name: dict(value) if isinstance(value, dict) else value for name, value in settings.items()
    }
