"""Send a POST request to an address that a user typed: never to a private address, never for long.

Redirects are not followed. httpcore (the engine of httpx) connects through `guarded`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Self

import httpcore
import httpx

from agents.net.addresses import Network, address_problem
from agents.net.guarded import Call, Guarded, Unsent, reason, tls
from agents.net.resolve import Resolve, system

Ask = Callable[[], AbstractContextManager[httpcore.Response]]

_IDLE_CONNECTIONS = 64  # open and unused
_IDLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of the answer, and the seconds in its Retry-After header, if any."""

    status: int
    retry_after: int | None


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
    allowed: Sequence[Network] = (),
    answer_bytes: int,
    resolve: Resolve = system,
) -> Answer:
    """Send one request over a new connection. See `Connections.post`."""
    with Connections(allowed=allowed, resolve=resolve, idle=0) as connections:
        return connections.post(
            url, body=body, headers=headers, seconds=seconds, answer_bytes=answer_bytes
        )


class Connections:
    """Send requests and keep connections open for the next ones. Threads can share one instance.

    An open connection leads to the address that was checked when it was opened. It is closed after
    `_IDLE_SECONDS` without use.
    """

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        resolve: Resolve = system,
        idle: int = _IDLE_CONNECTIONS,
    ) -> None:
        self._call = Call()
        check = partial(address_problem, allowed=allowed, setting="WEBHOOK_ALLOWED_NETWORKS")
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls(),
            network_backend=Guarded(check, self._call, resolve),
            max_connections=None,
            max_keepalive_connections=idle,
            keepalive_expiry=_IDLE_SECONDS,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        seconds: float,
        answer_bytes: int,
    ) -> Answer:
        """Send a request. `seconds` limits the whole of it, including the name lookup.

        The request is sent once more if an idle connection turns out to be closed by the other side.
        Up to `answer_bytes` of the answer's body are read and discarded, so that the other side is
        not cut off. Raises Unsent, Refused.
        """
        to = httpx.URL(url)
        target = httpcore.URL(
            scheme=to.raw_scheme, host=to.raw_host, port=to.port, target=to.raw_path
        )
        waits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        ask = partial(
            self._pool.stream, "POST", target, headers=list(headers.items()), content=body,
            extensions={"timeout": waits},
        )  # fmt: skip
        self._call.begin(seconds)
        try:
            try:
                return self._answer(ask, answer_bytes)
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                if self._call.opened:
                    raise
                return self._answer(ask, answer_bytes)
        except httpcore.TimeoutException as error:
            raise Unsent(f"No answer within {seconds:g} seconds.") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise Unsent(reason(error)) from error

    def _answer(self, ask: Ask, answer_bytes: int) -> Answer:
        self._call.opened = False
        with ask() as response:
            answer = Answer(response.status, _retry_after(response.headers))
            _read_some(response, answer_bytes)
            return answer


def _read_some(response: httpcore.Response, most: int) -> None:
    """Read the body up to `most` bytes. Errors are ignored: the status is already known."""
    read = 0
    try:
        for part in response.iter_stream():
            read += len(part)
            if read > most:
                return
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        return


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:
            return int(value)
    return None
