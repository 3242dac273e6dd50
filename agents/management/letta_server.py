"""A Letta server (or another ADE) that is read over its API: patient, and bounded.

Only GETs are sent. Redirects are followed within the server, never to another: they would take
the token along. The token stands in no message.
"""

import re
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import httpx

from agents.domain.letta_state import SourceAgent, Unread, parse_page
from agents.errors import Invalid
from agents.limits import IMPORT_ANSWER
from agents.tagnames import shown

# A server that computes a page of large agents may be silent for long.
_TIMEOUT = httpx.Timeout(60, connect=10)  # seconds, of each wait
_ANSWER_SECONDS = 600  # of one whole answer
_AGAIN = {408, 429, 500, 502, 503, 504}
_LONGEST_PAUSE = 30  # seconds
_REDIRECTS = 3
_PAGE_AGAIN = 5  # agents gone at the source, in a row, that a page cannot go on after


class SourceError(Exception):
    """The source cannot be read; the text says why, and is fit to show."""


class LettaServer:
    """The server at `url`, as `source_url` gives it.

    `retries` is how often a failed GET is sent again, with growing pauses. `seen` are the ids of
    all agents read so far.
    """

    def __init__(self, url: str, *, token: str | None = None, retries: int = 5) -> None:
        self.url = url
        self.seen: set[str] = set()
        self._retries = retries
        headers = {"User-Agent": "ade-import", "Accept": "application/json"}
        if token:
            if not re.fullmatch(r"[\x21-\x7e]+", token):
                raise SourceError("The token holds a character that no header can carry.")
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(headers=headers, timeout=_TIMEOUT)

    def close(self) -> None:
        """End the connection."""
        self._http.close()

    def count(self) -> int | None:
        """How many agents there are, or None if the server does not say. Raises SourceError."""
        text = self._get("/v1/agents/count", {}, missing_ok=True)
        return int(text) if re.fullmatch(rb"\s*\d{1,15}\s*", text) else None

    def pages(self, size: int) -> Iterator[list[SourceAgent | Unread]]:
        """All agents, oldest first, so that those made meanwhile come too; each once.

        Raises SourceError.
        """
        first: str | None = None
        cursors: list[str] = []
        stuck = 0
        while page := self._page(size, cursors[-1] if cursors else None):
            ids = [agent.id for agent in page if agent.id is not None]
            if not ids:
                raise SourceError("The source's agents have no IDs, so no page can follow.")
            if cursors and ids[0] == first:
                # A Letta server begins again where the agent it shall go on after is gone.
                cursors.pop()
                stuck += 1
                if stuck > _PAGE_AGAIN or not cursors:
                    raise SourceError("The source gives its first page again and again.")
                continue
            first, cursors, stuck = first or ids[0], ids, 0
            yield [agent for agent in page if agent.id is None or agent.id not in self.seen]
            self.seen.update(ids)

    def _page(self, size: int, after: str | None) -> list[SourceAgent | Unread]:
        params: dict[str, str | list[str]] = {
            "limit": str(size),
            "order": "asc",
            "order_by": "created_at",
            "include": ["agent.tags", "agent.blocks"],
        }
        if after:
            params["after"] = after
        try:
            return parse_page(self._get("/v1/agents/", params))
        except Invalid as error:
            raise SourceError(f"{self.url} is no Letta API: {error.message}") from error

    def _get(
        self, path: str, params: dict[str, str | list[str]], *, missing_ok: bool = False
    ) -> bytes:
        for attempt in range(self._retries + 1):
            pause = min(0.5 * 2**attempt, _LONGEST_PAUSE)
            try:
                status, headers, body = self._once(str(httpx.URL(self.url + path, params=params)))
            except (httpx.RequestError, httpx.InvalidURL) as error:
                failure = self._told(error)
            else:
                if status == 200 or (missing_ok and status in (404, 405, 422)):
                    return body if status == 200 else b""
                failure = self._refusal(status, body)
                if status not in _AGAIN:
                    raise SourceError(failure)
                pause = _asked_for(headers, pause)
            if attempt < self._retries:
                time.sleep(pause)
        raise SourceError(failure)

    def _once(self, url: str) -> tuple[int, httpx.Headers, bytes]:
        """One GET, through redirects within the server. Raises as httpx does, and SourceError."""
        for _ in range(_REDIRECTS + 1):
            with self._http.stream("GET", url) as response:
                if not response.has_redirect_location:
                    return response.status_code, response.headers, self._body(response)
                target = response.url.join(response.headers["Location"])
            if _origin(str(target)) != _origin(url):
                where = shown("{}://{}".format(*_origin(str(target))), 200)
                raise SourceError(
                    f"The server sends on to {where}; give that as --base-url if it is right."
                )
            url = str(target)
        raise SourceError("The server redirects without end.")

    def _body(self, response: httpx.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        deadline = time.monotonic() + _ANSWER_SECONDS
        for part in response.iter_bytes():
            size += len(part)
            if size > IMPORT_ANSWER:
                raise SourceError(
                    f"An answer is larger than {IMPORT_ANSWER:,} bytes; a smaller --page-size may do."
                )
            if time.monotonic() > deadline:
                raise SourceError(f"An answer took longer than {_ANSWER_SECONDS} seconds.")
            parts.append(part)
        return b"".join(parts)

    def _told(self, error: Exception) -> str:
        """What to say of a call that got no answer. Raises SourceError where trying again is vain."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError):
                raise SourceError(
                    f"No secure connection to {self.url}: {cause.reason or cause}. For an authority "
                    "of your own, set SSL_CERT_FILE to its certificate."
                )
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            raise SourceError(f"{self.url} is no address of a server.")
        why = shown(str(error), 200).rstrip(".") or type(error).__name__
        return f"{self.url} does not answer: {why}."

    def _refusal(self, status: int, body: bytes) -> str:
        if status in (401, 403):
            return f"{self.url} refuses the call ({status}): give a good --token or --token-file."
        if status in (404, 405):
            return f"There is no Letta API at {self.url} ({status}): is --base-url right?"
        detail = shown(body[:400].decode(errors="replace"), 200)
        return f"{self.url} answered {status}: {detail}"


def source_url(typed: str) -> str:
    """The address of a server in its one spelling, without `/v1`. Raises SourceError."""
    try:
        parts = urlsplit(typed.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SourceError("The address cannot be read.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise SourceError("The address must be like http://127.0.0.1:8283.")
    if parts.username is not None or parts.password is not None:
        raise SourceError("The address holds a password: give a token by --token-file instead.")
    if parts.query or parts.fragment:
        raise SourceError("The address goes up to the path, without ? or #.")
    name = f"[{host}]" if ":" in host else host
    place = name if port in (None, {"http": 80, "https": 443}[parts.scheme]) else f"{name}:{port}"
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return urlunsplit((parts.scheme, place, path, "", ""))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _asked_for(headers: httpx.Headers, pause: float) -> float:
    """The seconds that the server asks to wait, if it does and they are not too many."""
    asked = headers.get("Retry-After", "")
    return min(int(asked), _LONGEST_PAUSE) if re.fullmatch(r"\d{1,9}", asked) else pause
