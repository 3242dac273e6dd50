"""The questions of `manage.py door check`. None of them changes anything, whatever the answer is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx

_AGENT = "agent-00000000-0000-4000-8000-000000000000"  # exists nowhere
_MESSAGES = f"/v1/agents/{_AGENT}/messages"
# Forged headers that a door must not believe.
_FORGED = {
    "Doorto": "letta",
    "Doortarget": "/v1/agents/",
    "Doorsecret": "x",
    "Dooruri": "/v1/health/",
    "X-Original-URI": "/v1/health/",
    "X-Forwarded-Uri": "/v1/health/",
    "user_id": "user-00000000-0000-4000-8000-000000000000",
    "X-BARE-PASSWORD": "password x",
}
_NOT_PASSED = (401, 403)
# Routes of Letta that a limited key must not reach, and that only read.
_FOR_UNLIMITED = (
    "/v1/providers/",
    "/v1/tools/",
    "/v1/messages/",
    "/v1/runs/",
    "/latest/agents/",
    f"/v1/agents/{_AGENT}/context",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was asked and answered, and whether the answer is right."""

    text: str
    good: bool


Question = Callable[[httpx.Client], Finding]


def questions(token: str) -> Iterator[Question]:
    """Return the questions; more of them with the token of a limited key."""
    yield _get("/v1/agents/", "without a key, agents are not listed", _NOT_PASSED)
    yield _get(_MESSAGES, "without a key, messages are not read", _NOT_PASSED)
    yield _get(_MESSAGES, "a wrong key does not pass", (401,), Authorization="Bearer ade_x_x")
    for name, value in _FORGED.items():
        yield _get(_MESSAGES, f"a forged {name} header does not pass", _NOT_PASSED, **{name: value})
    yield _get("/authorize", "the decision itself is not reachable", (401, 403, 404))
    yield _get("/door-authorize", "the inner address is not reachable", (401, 403, 404))
    yield _get("/openapi.json", "Letta's own description is not reachable", (401, 403, 404))
    yield _get("/v1/admin/users/", "Letta's administration is not reachable", _NOT_PASSED)
    yield _get(
        f"/v1/runs/..%2fagents%2f{_AGENT}", "an encoded slash does not pass", (400, 401, 403)
    )
    yield _upgrade
    yield _preflight
    if not token:
        return
    key = {"Authorization": f"Bearer {token}"}
    yield _get("/v1/agents/", "the key passes at all", (200,), **key)
    yield _get(_MESSAGES, "the key does not read an agent that it cannot reach", (403,), **key)
    for path in _FOR_UNLIMITED:
        yield _get(path, f"the limited key does not reach {path}", (403,), **key)
    origin = key | {"Origin": "https://evil.invalid"}
    yield _get("/v1/runs/", "the key does not work in a page of a foreign origin", (403,), **origin)


def _get(path: str, text: str, right: tuple[int, ...], **headers: str) -> Question:
    def ask(client: httpx.Client) -> Finding:
        return _found(client, "GET", path, text, right, headers)

    return ask


def _upgrade(client: httpx.Client) -> Finding:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    return _found(client, "GET", _MESSAGES, "a WebSocket is refused", (400, 401, 403, 426), headers)


def _preflight(client: httpx.Client) -> Finding:
    asked = {"Origin": "https://evil.invalid", "Access-Control-Request-Method": "POST"}
    try:
        answer = client.options(_MESSAGES, headers=asked)
    except httpx.HTTPError as error:
        return Finding(f"a preflight was not answered: {type(error).__name__}", good=False)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    return Finding("a preflight of a foreign origin is not allowed", good=allowed is None)


def _found(
    client: httpx.Client,
    method: str,
    path: str,
    text: str,
    right: tuple[int, ...],
    headers: dict[str, str],
) -> Finding:
    try:
        answer = client.request(method, path, headers=headers)
    except httpx.HTTPError as error:
        return Finding(f"{text}: no answer ({type(error).__name__})", good=False)
    good = answer.status_code in right
    return Finding(text if good else f"{text}: but the answer is {answer.status_code}", good=good)
