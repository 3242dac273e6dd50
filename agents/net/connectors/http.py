"""One HTTP request to a server, with limits, and what its failures mean.

A request is sent once more only where that is safe: a read, over a connection that turned out to be
closed. The answer is counted while it is read. No coding of the body is accepted.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import httpcore
import httpx

from agents.core.tag_text import shown
from agents.net.connectors.address import AddressCheck, Networks, headers_for
from agents.net.connectors.answers import json_bytes
from agents.net.connectors.base import AnswerLost, Denied, TooLarge, Unreachable
from agents.net.guarded import Call, Guarded, Refused, Unsent, reason_at, tls

_IDLE_SECONDS = 30.0
_JSON = "application/json"
_REDIRECTS = {301, 302, 303, 307, 308}
Params = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a server, read to its end."""

    status: int
    content: bytearray
    retry_after: int | None
    location: str | None

    @property
    def detail(self) -> str:
        """What the answer says of itself, short and fit to show."""
        text = bytes(self.content[:400]).decode(errors="replace")
        with suppress(ValueError):
            said = json.loads(self.content[:10_000])
            if isinstance(said, dict) and isinstance(said.get("detail"), str):
                text = said["detail"]
        return shown(text, 200)


@dataclass(frozen=True, slots=True)
class Upload:
    """A form with a file of JSON, and other fields."""

    file: bytes
    fields: Mapping[str, str]

    def encoded(self) -> tuple[str, bytes]:
        """The content type and the body."""
        mark = f"form-{uuid4()}"
        head = 'Content-Disposition: form-data; name="{}"'
        parts = [
            f"{head.format(name)}\r\n\r\n{text}".encode() for name, text in self.fields.items()
        ]
        about = head.format("file") + f'; filename="agent.af"\r\nContent-Type: {_JSON}\r\n\r\n'
        parts.append(about.encode() + self.file)
        body = b"".join(f"--{mark}\r\n".encode() + part + b"\r\n" for part in parts)
        return f"multipart/form-data; boundary={mark}", body + f"--{mark}--\r\n".encode()


class HttpServer:
    """A server at `url`, for one thread. `redirects` is how many inside the server reads follow."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        networks: Networks,
        answer_bytes: int,
        redirects: int = 0,
    ) -> None:
        self.url = url
        self._headers = {"Accept": "application/json", **headers_for(token)}
        self._most = answer_bytes
        self._redirects = redirects
        self._call = Call()
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls(),
            network_backend=Guarded(AddressCheck(url, token, networks), self._call),
            max_connections=1,
            keepalive_expiry=_IDLE_SECONDS,
        )

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()

    def get(self, path: str, params: Params | None = None, *, seconds: float) -> Reply:
        """Read. Raises Unreachable, Denied, TooLarge."""
        self._call.begin(seconds)
        url = httpx.URL(self.url + path, params=params)
        for _ in range(self._redirects + 1):
            reply = self._read(url, seconds)
            if reply.status not in _REDIRECTS or reply.location is None:
                return reply
            target = url.join(reply.location)
            if _origin(target) != _origin(url):
                break
            url = target
        raise Denied(self._elsewhere(reply))

    def send(self, method: str, path: str, body: object | None = None, *, seconds: float) -> Reply:
        """Write. An `Upload` is sent as a form, other bodies as JSON.

        Raises Unreachable and Denied if nothing was sent, else AnswerLost.
        """
        self._call.begin(seconds)
        kind = _JSON
        if isinstance(body, Upload):
            kind, content = body.encoded()
        else:
            content = b"" if body is None else json_bytes(body)
        try:
            reply = self._once(method, httpx.URL(self.url + path), content, kind)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            if self._call.sent:
                raise AnswerLost(self._failure(error, seconds)) from error
            raise Unreachable(self._failure(error, seconds)) from error
        except TooLarge as error:
            raise AnswerLost(str(error)) from error
        if reply.status in _REDIRECTS:
            raise Denied(self._elsewhere(reply))
        return reply

    def _read(self, url: httpx.URL, seconds: float) -> Reply:
        self._call.opened = False
        once = partial(self._once, "GET", url, b"")
        try:
            try:
                return once()
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                if self._call.opened:
                    raise
                return once()
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Unreachable(self._failure(error, seconds)) from error

    def _once(self, method: str, url: httpx.URL, content: bytes, kind: str = _JSON) -> Reply:
        headers = dict(self._headers)
        if content:
            headers["Content-Type"] = kind
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        waits = dict.fromkeys(
            ("connect", "read", "write", "pool"), 3600.0
        )  # the call has a deadline
        try:
            with self._pool.stream(
                method,
                target,
                headers=[("Host", url.netloc.decode()), *headers.items()],
                content=content or None,
                extensions={"timeout": waits},
            ) as response:
                found = {name.lower(): value.decode("latin-1") for name, value in response.headers}
                return Reply(
                    response.status,
                    self._body(response, found.get(b"content-length", "")),
                    _whole_seconds(found.get(b"retry-after", "")),
                    found.get(b"location"),
                )
        except Refused as error:
            raise Denied(str(error)) from error
        except Unsent as error:
            raise Unreachable(str(error)) from error

    def _body(self, response: httpcore.Response, length: str) -> bytearray:
        too_large = TooLarge(f"{self.url} sent an answer larger than {self._most:,} bytes.")
        if length.isdigit() and int(length) > self._most:
            raise too_large
        content = bytearray()
        for part in response.iter_stream():
            if len(content) + len(part) > self._most:
                raise too_large
            content += part
        return content

    def _failure(self, error: Exception, seconds: float) -> str:
        if isinstance(error, httpcore.TimeoutException):
            return f"{self.url} did not answer within {round(seconds, 1):g} seconds."
        return reason_at(self.url, error)

    def _elsewhere(self, reply: Reply) -> str:
        where = "nowhere"
        if reply.location is not None:
            with suppress(httpx.InvalidURL):
                target = httpx.URL(self.url).join(reply.location)
                where = shown("{}://{}".format(*_origin(target)), 200)
        return f"{self.url} redirects to {where}. If that is right, use it as the address."


def _origin(url: httpx.URL) -> tuple[str, str]:
    return url.scheme, url.netloc.decode()


def _whole_seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
