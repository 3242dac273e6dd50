"""The OpenAPI document: ninja's, with additions for linters and generated clients."""

import json
import re
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from agents.api.core import idempotency

_Json = dict[str, Any]
TAGS = {
    "agent files": "Export agents as agent files (`.af`), and import them.",
    "agents": "Create, list, count, read, edit and delete agents.",
    "bulk changes": "Plan a change of many agents, review it, run it and undo it.",
    "health": "Check that the server answers.",
    "history": "Read who changed what, and undo it.",
    "identities": "People and organisations that agents belong to.",
    "keys": "API keys, for keys with manage scope.",
    "members": "List members, and change their role and limit.",
    "memory blocks": "The memory of agents. Agents can share a block.",
    "models": "Handles of models and embeddings. ADE runs no models.",
    "sources": "The connected servers where agents run, for keys with manage scope.",
    "tags": "List, rename, merge and delete tags, and change the tags of one agent.",
    "users": "The users that tags name, and their agents.",
    "access": "Ask what a key may do with an agent.",
    "webhooks": "Send signed events to your URL.",
}
_STATUSES = {
    "200": "OK.",
    "202": "The worker is doing it. Poll until it is done.",
    "304": "Nothing has changed since the ETag in `If-None-Match`.",
    "400": "The request contradicts itself, or a cursor or file cannot be read.",
    "401": "The key is missing, unknown, disabled or expired.",
    "403": "The key is not allowed to do this.",
    "404": "The object does not exist, or this key cannot access it.",
    "409": "The state has changed, or an ID, key or label is taken.",
    "412": "The agent has changed since the version in `If-Match`.",
    "413": "The body is larger than MAX_BODY_BYTES.",
    "415": "The content type or encoding of the body is not supported.",
    "422": "A value has the wrong type or breaks a rule. `loc` says which.",
    "429": "Too many requests. Try again after `Retry-After` seconds.",
    "501": "ADE does not store or do this.",
    "503": "The database is unavailable, busy or full. Try again after `Retry-After` seconds.",
}
_LATE = ("429", "503")


def _header(kind: str, text: str) -> _Json:
    return {"schema": {"type": kind}, "description": text}


_HEADERS = {
    "X-Request-ID": _header("string", "The ID of the request. It is also in the log."),
    "X-RateLimit-Limit": _header("integer", "Requests allowed per minute."),
    "X-RateLimit-Remaining": _header("integer", "Requests left."),
    "X-RateLimit-Reset": _header("integer", "Seconds until the full limit is available again."),
}
_RETRY = {"Retry-After": _header("integer", "Seconds to wait before trying again.")}
_LINK = {"Link": _header("string", 'The next page: `<URL>; rel="next"`. Absent on the last page.')}
_ETAG = {"ETag": _header("string", "The version of the agent, for `If-Match`.")}
_NOT_KEPT = {
    "X-ADE-Not-Kept": _header("string", "Names of request fields that ADE does not store.")
}
_REPLAYED = {
    idempotency.REPLAYED: {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "The request was a repeat and created nothing.",
    }
}
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')


class DescribedApi(NinjaAPI):
    """An API with a complete OpenAPI document. Parameters are given or absent, never null."""

    def create_temporal_response(self, request: HttpRequest) -> None:  # type: ignore[override]
        """Make no answer for ninja to fill: all views return whole answers. One that returned a value would fail."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """Return the document with summaries, statuses and headers described. Made once: it takes seconds."""
        key = path_prefix, repr(path_params)
        if key not in self._documents:
            self._documents[key] = self._described(path_prefix, path_params)
        return self._documents[key]

    @cached_property
    def _documents(self) -> dict[tuple[str | None, str], OpenAPISchema]:
        return {}

    def _described(
        self, path_prefix: str | None, path_params: dict[str, Any] | None
    ) -> OpenAPISchema:
        document = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        document["servers"] = [{"url": "/", "description": "This server."}]
        document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
        document["info"]["license"] = {
            "name": "Apache-2.0",
            "url": "https://www.apache.org/licenses/LICENSE-2.0",
        }
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                for parameter in operation.get("parameters", []):
                    parameter["schema"] = _without_null(parameter["schema"])
                operation["summary"] = operation["operationId"].replace("_", " ").capitalize()
                operation.setdefault("security", [])  # an empty list says that no key is needed
                _describe_answers(operation, path, method)
        _drop_unused(document)
        return document


def _describe_answers(operation: _Json, path: str, method: str) -> None:
    """Describe each status of an operation and its headers."""
    found = {str(code): answer for code, answer in operation["responses"].items()}
    heeds_key = idempotency.PARAMETER in operation.get("parameters", [])
    for code in _LATE:
        found.setdefault(code, {"content": {"application/json": {"schema": _PROBLEM}}})
    for code, answer in found.items():
        answer["description"] = _STATUSES[code]
        headers = dict(_HEADERS)
        if code in _LATE or (code == "409" and heeds_key):
            headers |= _RETRY
        if code in ("200", "202") and heeds_key:
            headers |= _REPLAYED
        if code == "200":
            headers |= _own_headers(answer, path, method)
        answer["headers"] = headers
    operation["responses"] = dict(sorted(found.items()))


def _own_headers(answer: _Json, path: str, method: str) -> _Json:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if method == "get":
        if schema.get("type") == "array" and not path.startswith("/v1/models"):
            return _LINK
    elif path.startswith(("/v1/agents", "/v1/blocks", "/v1/identities")) and method != "delete":
        return _NOT_KEPT | (_ETAG if _names(schema) == {"AgentState"} else {})
    return _ETAG if _names(schema) == {"AgentState"} else {}


def _names(value: object) -> set[str]:
    return set(_REFERENCE.findall(json.dumps(value)))


def _drop_unused(document: _Json) -> None:
    """Remove unreferenced schemas, such as those of query strings."""
    schemas = document["components"]["schemas"]
    used: set[str] = set()
    new = _names(document["paths"])
    while new:
        used |= new
        new = {name for shape in new for name in _names(schemas[shape])} - used
    for name in set(schemas) - used:
        del schemas[name]


def _without_null(schema: _Json) -> _Json:
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**rest, **kinds[0]}
