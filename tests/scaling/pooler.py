"""A real PgBouncer before one server of PostgreSQL."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator

from packages import need
from processes import start, stop
from serve import HOST, free_port

from tests.scaling.databases import Database, eventually

# As docs/operate/scaling.md advises, with fewer connections.
INI = """
[databases]
ade = host={host} port={server} user=ade dbname=ade

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200
query_wait_timeout = 10
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
"""


class Pooler:
    """Lends two connections of a server at a time; addressed like the server itself."""

    def __init__(self, database: Database) -> None:
        self.port = free_port()
        self._ini = database.folder / f"pooler-{self.port}.ini"
        self._write(database)
        user = "postgres" if os.geteuid() == 0 else None  # it refuses root
        self.program = start([need("pgbouncer"), "-q", self._ini], user=user)
        eventually(lambda: _accepts(self.port))

    def point_at(self, database: Database) -> None:
        """What a tool does after a failover."""
        self._write(database)
        self.program.send_signal(signal.SIGHUP)

    def _write(self, database: Database) -> None:
        self._ini.write_text(INI.format(host=HOST, server=database.port, port=self.port))


@contextlib.contextmanager
def pooled(database: Database) -> Iterator[Pooler]:
    """A pooler before this server."""
    pooler = Pooler(database)
    try:
        yield pooler
    finally:
        stop([pooler.program])


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
