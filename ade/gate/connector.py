"""The requests of ADE's connector: agents, their memory to read, and the list of conversations.

The gate builds each frame itself from the fields named here, so a breach of ADE is not a shell on this machine.
"""

import re
from collections.abc import Callable
from typing import Any

from ade.gate import fields
from ade.gate.fields import Invalid
from ade.gate.metrics import OTHER, Client, Counts, Why
from ade.gate.upstream import Frame, Upstream

LARGEST_FRAME = 8 * 1024 * 1024  # bytes; ADE's longest system prompt and memory blocks fit
_MOST_TEXT = 4_000_000
_COMMIT = re.compile(r"[0-9a-f]{4,64}")
# A relative path whose parts start with no dot and no hyphen: none leads out of the agent's folder.
_PART = r"(?![.-])[^/\\\x00-\x1f\x7f]+"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")

Field = Callable[[Any], Any]


def _text(name: str) -> Field:
    return lambda value: None if value is None else fields.text(value, name, _MOST_TEXT)


def _object(name: str) -> Field:
    def read(value: Any) -> Any:
        if value is not None and not isinstance(value, dict):
            raise Invalid(f"{name} must be an object or null.")
        return value

    return read


def _tags(value: Any) -> list[str]:
    return fields.texts(value, "tags", count=20_000, most=100_000)


def _number(value: Any) -> int:
    return fields.number(value, "number", 10**9)


def _boolean(value: Any) -> bool:
    return fields.boolean(value, "value")


def _path(value: Any) -> str:
    path = fields.text(value, "path", 1000, least=1)
    if not _PATH.fullmatch(path):
        raise Invalid("A path must be relative, and no part may start with a dot or a hyphen.")
    return path


def _commit(value: Any) -> str:
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise Invalid("A commit is named by its hash.")
    return value


def _encoding(value: Any) -> str:
    return fields.choice(value, "encoding", ("utf8", "base64"))


def _blocks(value: Any) -> list[Frame]:
    """Memory blocks become files, so a label must be a plain path."""
    if not isinstance(value, list) or len(value) > 1000:
        raise Invalid("memory_blocks must be a list of at most 1,000 blocks.")
    return [_block(item) for item in value]


def _block(value: Any) -> Frame:
    if not isinstance(value, dict):
        raise Invalid("A memory block must be an object.")
    block: Frame = {"label": _path(value.get("label"))}
    for name in ("value", "description"):
        if value.get(name) is not None:
            block[name] = fields.text(value[name], name, _MOST_TEXT)
    return block


_UPDATE: dict[str, Field] = {
    "name": _text("name"),
    "description": _text("description"),
    "system": _text("system"),
    "model": _text("model"),
    "model_settings": _object("model_settings"),
    "context_window_limit": _number,
    "tags": _tags,
    "hidden": _boolean,
    "compaction_settings": _object("compaction_settings"),
}
_CREATE = _UPDATE | {"memory_blocks": _blocks}
_AGENT_QUERY: dict[str, Field] = {
    "limit": _number,
    "after": fields.agent_id,
    "tags": _tags,
    "query_text": _text("query_text"),
}
_CONVERSATION_QUERY: dict[str, Field] = {
    "agent_id": fields.agent_id,
    "limit": _number,
    "after": fields.conversation_id,
    "order": lambda value: fields.choice(value, "order", ("asc", "desc")),
    "order_by": lambda value: fields.choice(
        value, "order_by", ("created_at", "last_message_at", "last_run_completion")
    ),
}


def _one(name: str, read: Field) -> dict[str, Field]:
    return {name: read}


_ID = _one("agent_id", fields.agent_id)
# For each request: the fields that it must have, those that it may have, and the objects within it.
REQUESTS: dict[str, tuple[dict[str, Field], dict[str, Field], dict[str, dict[str, Field]]]] = {
    "app_server_info": ({}, {}, {}),
    "agent_list": ({}, {}, {"query": _AGENT_QUERY}),
    "agent_retrieve": (_ID, {}, {}),
    "agent_create": ({}, {}, {"body": _CREATE}),
    "agent_update": (_ID, {}, {"body": _UPDATE}),
    "agent_delete": (_ID, {}, {}),
    "conversation_list": ({}, {}, {"query": _CONVERSATION_QUERY}),
    "list_memory": (_ID, _one("include_references", _boolean), {}),
    "read_memory_file": (_ID | _one("path", _path), _one("encoding", _encoding), {}),
    "memory_history": (_ID, _one("file_path", _path) | _one("limit", _number), {}),
    "memory_file_at_ref": (_ID | _one("file_path", _path) | _one("ref", _commit), {}, {}),
    "memory_commit_diff": (_ID | _one("sha", _commit), {}, {}),
}


def build(frame: Frame) -> Frame:
    """Return the request for the App Server, without its request_id. Raises Invalid if it is refused."""
    kind = frame.get("type")
    if not isinstance(kind, str) or kind not in REQUESTS:
        raise Invalid("This type of request is not accepted from ADE's connector.")
    must, may, parts = REQUESTS[kind]
    built: Frame = {"type": kind}
    for name, read in must.items():
        built[name] = read(frame.get(name))
    built |= _known(frame, may)
    for name, known in parts.items():
        part = fields.part(frame, name)
        if unknown := part.keys() - known.keys():
            # Not dropped: ADE would take the change for done.
            raise Invalid(f"{name} has a field that is not accepted: {min(unknown)[:100]}.")
        built[name] = _known(part, known)
    return built


def _known(frame: Frame, known: dict[str, Field]) -> Frame:
    return {name: read(frame[name]) for name, read in known.items() if name in frame}


async def answer(upstream: Upstream, frame: Frame, counts: Counts) -> Frame | None:
    """Carry out one request. Returns a refusal, or None if the answer has been delivered.

    Raises UpstreamLost without an answer.
    """
    kind, name = frame.get("type"), frame.get("request_id")
    known = isinstance(kind, str) and kind in REQUESTS
    counts.requests[Client.CONNECTOR, str(kind) if known else OTHER] += 1
    try:
        name = fields.request_id(frame)
        built = build(frame)
    except Invalid as error:
        counts.refusals[Why.REQUEST if known else Why.TYPE] += 1
        request_id = {"request_id": name} if isinstance(name, str) else {}
        answer_type = f"{kind}_response" if known else "error"
        return {"type": answer_type, **request_id, "success": False, "error": str(error)}
    await upstream.ask(built, f"{kind}_response", lambda found: found | {"request_id": name})
    return None
