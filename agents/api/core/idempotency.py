"""`Idempotency-Key`: sending a POST again creates nothing twice."""

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Concatenate, ParamSpec

from django.http import HttpRequest

from agents.api.core.answers import Answer
from agents.api.core.auth import actor_of
from agents.api.core.common import Json
from agents.core.actors import Actor
from agents.core.errors import BadRequest, Conflict, NotFound
from agents.core.limits import IDEMPOTENCY_KEY_LENGTH
from agents.domain.core import idempotency
from agents.domain.core.idempotency import AlreadyDone, Earlier, Once
from agents.domain.core.transactions import write

P = ParamSpec("P")
Made = tuple[Answer, list[str]]  # the response, and the IDs of what was created
Make = Callable[Concatenate[HttpRequest, P], Made]
Replay = Callable[[HttpRequest, list[str]], Answer]

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
# For the OpenAPI document.
PARAMETER: Json = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_LENGTH},
    "description": (
        "Your own key for this request, such as a UUID. If you send the request again within 24"
        " hours with the same body, it creates nothing. The response then shows the current state of"
        " what the first request created, with the header `Idempotent-Replayed: true`. 409 if that"
        " no longer exists, if this API key can no longer access it, or if the first request is"
        " still running (see `Retry-After`). 422 if the body differs."
    ),
}
IDEMPOTENT: Json = {"parameters": [PARAMETER]}


def idempotent(
    replay: Replay,
) -> Callable[[Make[P]], Callable[Concatenate[HttpRequest, P], Answer]]:
    """Make a creating function idempotent. `replay` builds the response from the IDs.

    With the header, the function runs in one transaction, which may be retried; see `write`.
    """

    def decorate(make: Make[P]) -> Callable[Concatenate[HttpRequest, P], Answer]:
        @functools.wraps(make)
        def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
            def at_once(once: Once | None) -> Answer:
                if once is None:
                    return make(request, *args, **kwargs)[0]
                return _make_once(
                    once, lambda: make(request, *args, **kwargs), actor=actor_of(request)
                )

            return carried_out(request, at_once, replay)

        return wrapped

    return decorate


def carried_out(
    request: HttpRequest, make: Callable[[Once | None], Answer], replay: Replay
) -> Answer:
    """Create something, or return what the same request created earlier.

    With the header, `make` calls `idempotency.begin` and `record` in its transaction. Raises
    BadRequest (bad header), Invalid (the key belongs to another request), Conflict.
    """
    once = _once(request)
    if once is None:
        return make(None)
    earlier = idempotency.find(once)
    if earlier is None:
        try:
            return make(once)
        except AlreadyDone as done:
            earlier = done.earlier
    return _replayed(request, earlier, replay)


@write
def _make_once(once: Once, make: Callable[[], Made], *, actor: Actor) -> Answer:
    idempotency.begin(once)
    answer, ids = make()
    idempotency.record(once, status=answer.status_code, made=ids)
    return answer


def _replayed(request: HttpRequest, earlier: Earlier, replay: Replay) -> Answer:
    try:
        answer = replay(request, earlier.made)
    except NotFound as error:
        raise Conflict(
            "An earlier request with this Idempotency-Key succeeded. What it created no longer"
            " exists, or this API key can no longer access it. Nothing was created now."
        ) from error
    answer.headers[REPLAYED] = "true"
    return answer


def _once(request: HttpRequest) -> Once | None:
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not (0 < len(key) <= IDEMPOTENCY_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise BadRequest(
            f"{HEADER} must be 1 to {IDEMPOTENCY_KEY_LENGTH} printable ASCII characters."
        )
    return Once(
        caller=actor_of(request).id,
        key_digest=hashlib.sha256(key.encode()).hexdigest(),
        request_digest=_digest(_parts(request)),
    )


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))  # keeps the boundary between parts unambiguous
        digest.update(part)
    return digest.hexdigest()


def _parts(request: HttpRequest) -> Iterator[bytes]:
    yield (request.method or "").encode()
    yield request.path.encode()
    yield request.META.get("QUERY_STRING", "").encode()
    if not (request.content_type or "").startswith("multipart/"):
        yield request.body
        return
    # A repeated form has another boundary string, so only its contents count.
    for name, values in request.POST.lists():
        yield from (part.encode() for part in (name, *values))
        yield b""
    for name, files in request.FILES.lists():
        for file in files:
            yield from (part.encode() for part in (name, file.name or ""))
            file.seek(0)
            yield file.read()
            file.seek(0)
