"""Connections to addresses that a user typed: only to allowed ones, and never beyond a deadline.

The name is resolved once. All its addresses are checked, and the connection goes to a checked
address, so a name server that changes its answer gains nothing. Proxy variables of the environment
are ignored. TLS and the Host header use the name.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import httpcore
import httpx

from agents.core.tag_text import shown
from agents.net.resolve import Resolve, look_up, system

# Says why ADE does not connect to an address, or None.
Check = Callable[[str], str | None]


class Unsent(Exception):
    """No answer came. The text says why and can be shown to the user."""


class Refused(Unsent):
    """ADE does not send to this address."""


class Call(threading.local):
    """The request of a thread: its deadline, and how far it came."""

    deadline = 0.0  # as time.monotonic() counts
    opened = False  # a new connection was opened
    sent = False  # something was written to the connection

    def begin(self, seconds: float) -> None:
        """Start the clock of the thread's next request."""
        self.deadline = time.monotonic() + seconds
        self.opened = self.sent = False

    @contextmanager
    def apart(self, seconds: float) -> Iterator[None]:
        """A short step with a deadline of its own, after which the request goes on as before."""
        before = self.deadline, self.opened, self.sent
        self.begin(seconds)
        try:
            yield
        finally:
            self.deadline, self.opened, self.sent = before

    def left(self) -> float:
        """Return the seconds until the deadline. Raises httpcore.ReadTimeout after it."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left


class Guarded(httpcore.NetworkBackend):
    """Connect only to checked addresses, and only until the deadline of the thread's request."""

    def __init__(self, check: Check, call: Call, resolve: Resolve = system) -> None:
        self._check, self._call, self._resolve = check, call, resolve
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect. Raises Unsent, Refused, httpcore.NetworkError, httpcore.TimeoutException."""
        self._call.opened = True
        try:
            left = self._call.left()
            addresses = look_up(host.strip("[]"), port, seconds=left, resolve=self._resolve)
        except TimeoutError as error:
            raise Unsent(f"Looking up the name {shown(host, 100)} took too long.") from error
        except (OSError, UnicodeError) as error:
            raise Unsent(f"The name {shown(host, 100)} was not found.") from error
        # A single private address is refused: which address is used must not depend on chance.
        for address in addresses:
            if problem := self._check(address):
                raise Refused(problem)
        failure: Exception = Unsent(f"The name {shown(host, 100)} has no address.")
        for address in addresses:
            try:
                stream = self._real.connect_tcp(address, port, timeout=self._call.left())
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
            else:
                return _Timed(stream, self._call)
        raise failure


class _Timed(httpcore.NetworkStream):
    """A stream whose reads and writes all end at the deadline of the request.

    A peer that sends slowly cannot extend it.
    """

    def __init__(self, real: httpcore.NetworkStream, call: Call) -> None:
        self._real, self._call = real, call

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._real.read(max_bytes, self._call.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._call.left()
        self._call.sent = True
        self._real.write(buffer, left)

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secure = self._real.start_tls(ssl_context, server_hostname, self._call.left())
        return _Timed(secure, self._call)

    def get_extra_info(self, info: str) -> object:
        return self._real.get_extra_info(info)


@cache
def tls() -> ssl.SSLContext:
    """Trust the authorities that httpx trusts, or those in SSL_CERT_FILE."""
    return httpx.create_ssl_context()


def reason(error: Exception) -> str:
    """The failure as a sentence. For TLS it says what is wrong with the certificate."""
    if problem := _tls_problem(error):
        return f"No secure connection: {problem}."
    return f"No answer: {_words(error)}."


def reason_at(url: str, error: Exception) -> str:
    """The same, with the address and what an operator can do."""
    if problem := _tls_problem(error):
        return (
            f"No secure connection to {url}: {problem}. For an authority of your own, set "
            "SSL_CERT_FILE to its certificate."
        )
    return f"{url} does not answer: {_words(error)}."


def _words(error: Exception) -> str:
    return shown(str(error), 150).rstrip(".") or type(error).__name__


def _tls_problem(error: Exception) -> str | None:
    """What is wrong with TLS, or None where TLS did not fail."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            problem = getattr(cause, "verify_message", "") or cause.reason or "it failed"
            return shown(str(problem), 150).rstrip(".")
        cause = cause.__cause__ or cause.__context__
    return None
