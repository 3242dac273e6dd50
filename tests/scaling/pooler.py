"""A real PgBouncer before one server of PostgreSQL."""

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from packages import need
from processes import start, stop
from serve import HOST, free_port

from tests.scaling.databases import Database, eventually

# docs/scaling.md has these lines too.
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
query_wait_timeout = 3
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
"""


@dataclass(frozen=True)
class Pooler:
    """Where it is; addressed like the server behind it."""

    port: int


@contextlib.contextmanager
def pooled(database: Database) -> Iterator[Pooler]:
    """Lends two connections of the server at a time, to any number of clients."""
    port = free_port()
    ini = database.folder / f"{database.name}.ini"
    ini.write_text(INI.format(host=HOST, server=database.port, port=port))
    user = "postgres" if os.geteuid() == 0 else None  # it refuses root
    program = start([need("pgbouncer"), "-q", ini], user=user)
    try:
        eventually(lambda: _accepts(port))
        yield Pooler(port)
    finally:
        stop([program])


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
