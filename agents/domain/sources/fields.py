"""Convert the fields of an agent of a source to the form in which ADE stores them.

The source decides the fields, so no field keeps an agent out: what ADE cannot store is left out or cut
here, and stays as it is at the source.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from agents.core.errors import DomainError
from agents.core.json_text import checked_json
from agents.core.limits import DESCRIPTION_LENGTH, HANDLE_LENGTH, NAME_LENGTH, SYSTEM_LENGTH
from agents.domain.agents import model_handles
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.letta_fields import LETTA_DEFAULTS, LETTA_TYPES
from agents.domain.agents.new import NewAgent, columns_of
from agents.domain.core.sequence import floor
from agents.domain.core.unset import UNSET
from agents.net.connectors.base import SeenAgent

_TEXTS = {"description": DESCRIPTION_LENGTH, "system": SYSTEM_LENGTH}
_OBJECTS = ("llm_config", "embedding_config", "metadata")
_OWN = ("name", *_TEXTS, "model", "embedding", *_OBJECTS, *LETTA_TYPES)
_NO_MODEL = "unknown"


def digest_of(seen: SeenAgent) -> str:
    """Equal for two answers with the same fields. Messages and times do not count."""
    return digest([seen.name, seen.hidden, *(seen.fields.get(name) for name in _OWN)])


def digest(value: object) -> str:
    """Return a short digest of a JSON value with any texts."""
    try:
        data = msgspec.json.encode(value, order="deterministic")
    except (UnicodeEncodeError, ValueError, RecursionError):  # a lone surrogate
        data = repr(value).encode("utf-8", "backslashreplace")
    return hashlib.sha256(data).hexdigest()[:32]


def new_agent(seen: SeenAgent, tags: list[str]) -> NewAgent:
    """Return the agent to create here, with these tags. It breaks no rule of ADE."""
    said = _said(seen)
    spec = NewAgent(
        **said,
        extra=_extra(seen.fields),
        tags=tags,
        public_id=seen.id,
        created_at=_moment(seen.fields.get("created_at")),
        updated_at=_moment(seen.fields.get("updated_at")),
    )
    try:
        columns_of(spec)
    except DomainError:
        return NewAgent(
            name=said["name"], model=said["model"], tags=tags, public_id=seen.id,
            created_at=spec.created_at, updated_at=spec.updated_at,
        )  # fmt: skip
    return spec


def edit_of(seen: SeenAgent) -> AgentEdit:
    """Return the edit that sets the fields of the source."""
    said = _said(seen)
    extra = dict.fromkeys(LETTA_TYPES) | {name: LETTA_DEFAULTS[name] for name in LETTA_TYPES}
    by_config = said["embedding"] is None and said["embedding_config"] is not None
    return AgentEdit(
        name=said["name"],
        description=said["description"],
        system=said["system"],
        model=said["model"],
        embedding=UNSET if by_config else said["embedding"],
        llm_config=UNSET if said["llm_config"] is None else said["llm_config"],
        embedding_config=UNSET if said["embedding_config"] is None else said["embedding_config"],
        metadata=said["metadata"],
        extra=extra | _extra(seen.fields),
    )


def smallest_edit_of(seen: SeenAgent) -> AgentEdit:
    """Return a smaller edit, for an agent whose fields ADE cannot store together."""
    said = _said(seen)
    return AgentEdit(name=said["name"], description=said["description"])


def _said(seen: SeenAgent) -> dict[str, Any]:
    said: dict[str, Any] = {
        name: _text(seen.fields.get(name), most) for name, most in _TEXTS.items()
    }
    said["name"] = _name(seen)
    said["system"] = said["system"] or ""
    for name in _OBJECTS:
        said[name] = _object(name, seen.fields.get(name))
    said["model"] = _model(seen.fields.get("model"), said["llm_config"])
    handle = seen.fields.get("embedding")
    said["embedding"] = handle if _is_handle(handle) else None
    return said


def plain(text: str) -> str:
    """Return the name without characters that a database refuses."""
    return _text(text, NAME_LENGTH) or ""


def _name(seen: SeenAgent) -> str:
    name = _text(seen.name, NAME_LENGTH) or ""
    return name if name.strip() else seen.id


def _text(value: object, most: int) -> str | None:
    """Return the text without characters that a database refuses, cut to the limit. None if it is no text."""
    if not isinstance(value, str):
        return None
    text = value[:most].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:most]


def _object(name: str, value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    try:
        checked_json(value, field=name)
    except (DomainError, UnicodeEncodeError, ValueError, RecursionError):
        return None
    return value


def _model(handle: object, config: dict[str, Any] | None) -> str:
    if _is_handle(handle):
        return str(handle)
    text = _text(handle, HANDLE_LENGTH // 2)
    if text:
        return f"{_NO_MODEL}/{text.strip('/') or _NO_MODEL}"
    found = model_handles.model_handle(config or {})
    return found if found and _is_handle(found) else f"{_NO_MODEL}/{_NO_MODEL}"


def _is_handle(handle: object) -> bool:
    try:
        model_handles.require_model(handle)
    except DomainError:
        return False
    return True


def _extra(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the other fields that ADE stores, each only if it has the type that Letta gives it."""
    extra = {}
    for name, kind in LETTA_TYPES.items():
        value = fields.get(name)
        if value is None:
            continue
        try:
            msgspec.convert(value, kind)
            checked_json(value, field=name)
        except (DomainError, msgspec.ValidationError, UnicodeEncodeError, ValueError):
            continue
        extra[name] = value
    return extra


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        floor(moment)
    except (ValueError, OverflowError, DomainError):
        return None
    return moment
