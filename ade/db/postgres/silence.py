"""PostgreSQL servers that accept connections but do not answer: frozen, or gone from the network.

The kernel of a frozen server acknowledges everything, so neither keepalives nor `tcp_user_timeout`
notice. When a statement takes long, ADE therefore tries a new connection to the same server. If two such
connections get no answer, ADE abandons the statement and its socket, and the process does not
connect to that server for a while.
"""

import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Self

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen
from psycopg.connection import _WAIT_INTERVAL

PATIENCE_SECONDS = 2.0  # that a statement may take before the server is checked
LOOK_SECONDS = 3  # that the new connection of a check may take
LOOKS = 2  # unanswered checks in a row after which a server counts as silent
REST_SECONDS = 5.0  # between two attempts of the process to connect to a silent server
_PIECE_SECONDS = 0.5  # between two checks by a waiting thread

Address = tuple[str, str]


class Connection(psycopg.Connection[Any]):
    """A connection that does not wait for a silent server.

    `limit`: seconds that a statement may take on the client's side; None for no limit while the server
    answers others.
    """

    limit: float | None = None
    address: Address = ("", "")
    look: "dict[str, Any]"  # the parameters of the connection of a check

    @classmethod
    def to(cls, address: Address, params: dict[str, Any], *, others: bool = False) -> Self:
        """Connect to one server. OperationalError if it refuses, or its connect_timeout is over.

        `others=True`: there are other servers, so after a timeout the process avoids this one for a while.
        """
        host, port = address
        where = {"host": host, "port": port} if host or port else {}
        try:
            made = cls.connect(**{**params, **where})
        except errors.ConnectionTimeout:
            if others:
                servers.leave_alone(address)
            raise
        servers.heard(address)
        made.address = address
        made.look = {name: value for name, value in params.items() if name not in _NOT_TO_LOOK}
        made.look |= where | {"connect_timeout": LOOK_SECONDS}
        return made

    def wait(
        self,
        gen: PQGen[RV],
        interval: float = _WAIT_INTERVAL,
        timeout: float | None = None,
    ) -> RV:
        """Wait as psycopg does. Raises OperationalError and closes the connection if the server is silent."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        begun, piece = time.monotonic(), PATIENCE_SECONDS
        steps: Any = gen
        while True:
            try:
                answer: RV = super().wait(steps, interval, piece)
                return answer
            except errors._WaitTimeout:
                steps = _Resumed(gen)
            waited, piece = time.monotonic() - begun, _PIECE_SECONDS
            if servers.look_at(self) or (self.limit is not None and waited > self.limit):
                self.pgconn.finish()
                raise psycopg.OperationalError(
                    f"The server did not answer for {waited:.0f} seconds: abandoned."
                )


class _Resumed:
    """A generator of psycopg that is waited for again after a timeout.

    psycopg begins each wait with `next`. A generator that has begun expects to be told which of its
    socket's events came: 0 for none, as after psycopg's own interval.
    """

    def __init__(self, gen: PQGen[Any]) -> None:
        self._gen = gen

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return self._gen.send(0)  # Ready.NONE

    def send(self, ready: Any) -> Any:
        return self._gen.send(ready)


_NOT_TO_LOOK = {
    "context",
    "cursor_factory",
    "load_balance_hosts",
    "prepare_threshold",
    "target_session_attrs",
}


@dataclass
class _Server:
    """The state of a server, as this process knows it."""

    looking: Lock = field(default_factory=Lock)
    heard_at: float = float("-inf")
    unanswered: int = 0  # looks
    left_alone_until: float = 0.0  # 0.0: it is not left alone


class Servers:
    """The states of the servers, shared by all threads of this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[Address, _Server] = {}

    def may_try(self, address: Address) -> bool:
        """True if this thread may connect. For an avoided server, one thread may every REST_SECONDS."""
        server = self._of(address)
        with self._lock:
            now = time.monotonic()
            if now < server.left_alone_until:
                return False
            if server.left_alone_until:
                server.left_alone_until = now + 2 * REST_SECONDS  # the attempt takes some
            return True

    def is_silent(self, address: Address) -> bool:
        """True if checks found the server silent."""
        return self._of(address).unanswered >= LOOKS

    def leave_alone(self, address: Address) -> None:
        """Avoid the server for REST_SECONDS."""
        self._of(address).left_alone_until = time.monotonic() + REST_SECONDS

    def heard(self, address: Address) -> None:
        """Note that the server answered."""
        server = self._of(address)
        server.heard_at, server.unanswered = time.monotonic(), 0
        server.left_alone_until = 0.0

    def look_at(self, connection: Connection) -> bool:
        """Check the connection's server. True if it is silent. One thread checks at a time."""
        address = connection.address
        server = self._of(address)
        if self.is_silent(address):
            return True
        if time.monotonic() - server.heard_at < PATIENCE_SECONDS:
            return False
        if not server.looking.acquire(blocking=False):
            return False
        try:
            if _answers(connection.look):
                self.heard(address)
            else:
                server.unanswered += 1
                if self.is_silent(address):
                    self.leave_alone(address)
        finally:
            server.looking.release()
        return self.is_silent(address)

    def _of(self, address: Address) -> _Server:
        known = self._known.get(address)
        if known is not None:
            return known
        with self._lock:
            return self._known.setdefault(address, _Server())


servers = Servers()


def _answers(params: dict[str, Any]) -> bool:
    """True if the server answers a new connection, even with a refusal."""
    try:
        psycopg.connect(**params).close()
    except errors.ConnectionTimeout:
        return False
    except psycopg.OperationalError:
        pass
    return True
