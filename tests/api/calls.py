"""Short ways to call the API through the test client."""

import json
from typing import Any, cast

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from agents.core.actors import command_actor
from agents.domain.keys import create_key
from agents.models import Scope

SEED = {
    "memory_blocks": [],
    "model": "anthropic/claude-3-5-sonnet-20241022",
    "context_window_limit": 200000,
    "embedding": "openai/text-embedding-ada-002",
}
NOBODY = "agent-123e4567-e89b-42d3-8456-426614174000"


def make_token(**fields: Any) -> str:
    """The token of a new key; `fields` as in create_key."""
    fields = {"name": "app", "scope": Scope.WRITE, "actor": command_actor("test")} | fields
    return create_key(**fields).token


def call(
    method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
) -> HttpResponse:
    """One request with a key (a new one, if none is given); `token=""` sends none.

    `body` is sent as JSON, bytes as they are. `headers` are in the form of `If_Match`.
    """
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return _client(token, headers).generic(method, path, data, content_type="application/json")


def call_with_file(
    method: str, path: str, content: Any, *, token: str | None = None, **headers: str
) -> HttpResponse:
    """One request whose form has a file, with this content as JSON."""
    file = SimpleUploadedFile("agents.af", json.dumps(content).encode())
    data = encode_multipart(BOUNDARY, {"file": file})
    return _client(token, headers).generic(method, path, data, content_type=MULTIPART_CONTENT)


def _client(token: str | None, headers: dict[str, str]) -> Client:
    token = make_token() if token is None else token
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        names["Authorization"] = f"Bearer {token}"
    return Client(headers=names)


def whole(response: Any) -> HttpResponse:
    """Read a streamed response to its end, so that it gives back its download slot."""
    if not response.streaming:
        return cast(HttpResponse, response)
    # Not closed: that would send request_finished, which closes the test's connection.
    body = b"".join(response.streaming_content)
    return HttpResponse(body, status=response.status_code, headers=dict(response.items()))


def ids(response: HttpResponse) -> list[str]:
    """The ids of the agents in a list."""
    return [agent["id"] for agent in response.json()]


def wheres(response: HttpResponse) -> list[list[Any]]:
    """The places that a 422 names."""
    assert response.status_code == 422
    return [found["loc"] for found in response.json()["detail"]]
