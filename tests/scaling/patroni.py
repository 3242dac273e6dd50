"""Patroni with etcd and three servers of PostgreSQL on loopback, and HAProxy before them."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from packages import need
from processes import ROOT, start, stop
from serve import HOST, free_port

from tests.deploy.proxies import replaced
from tests.scaling.databases import Addressed, eventually

USER = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses root
NODES = 3
SHOWN = ROOT / "deploy/ha"  # the files that operators copy


class Node:
    """One machine: Patroni and the PostgreSQL that it looks after."""

    def __init__(self, folder: Path, name: str, etcd: int, *, synchronous: bool) -> None:
        self.name, self.port, self.rest = name, free_port(), free_port()
        self._data, self._log = folder / name, folder / f"{name}.log"
        self._settings = folder / f"{name}.yml"
        text = replaced((SHOWN / "patroni.yml").read_text(), self._fills(etcd))
        if not synchronous:
            text = replaced(text, {r"synchronous_mode: true": "synchronous_mode: false"})
        self._settings.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = start([need("patroni"), self._settings], user=USER, output=output)

    def stop(self) -> None:
        """End both."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            stop([self._process])

    def signal(self, number: signal.Signals) -> None:
        """Send it to every process of this machine at one moment."""
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _pids(self) -> list[int]:
        assert self._process is not None
        roots = [self._process.pid]
        with contextlib.suppress(OSError, ValueError):
            roots.append(int((self._data / "postmaster.pid").read_text().split()[0]))
        return [pid for root in roots for pid in _family(root)]

    def _fills(self, etcd: int) -> dict[str, str]:
        """Patterns of the shown file, and what is otherwise here. No machine falls: nothing is synced."""
        return {
            r"^name: db1": f"name: {self.name}",
            r"10\.0\.0\.11:8008": f"{HOST}:{self.rest}",
            r"10\.0\.0\.11:5432": f"{HOST}:{self.port}",
            r"hosts: 10\..*": f"hosts: {HOST}:{etcd}",
            r"/var/lib/postgresql/15/ade": str(self._data),
            r"/usr/lib/postgresql/15/bin": str(Path(need("postgres")).resolve().parent),
            r"/var/lib/postgresql/patroni.pgpass": str(self._data.parent / f"{self.name}.pgpass"),
            r"username: postgres": "username: ade",
            r"^ +- local all all peer\n": "",
            r"10\.0\.0\.0/24 scram-sha-256": f"{HOST}/32 trust",
            r"- data-checksums": "- no-sync",
            r"max_connections: 100": "max_connections: 60\n        shared_buffers: 32MB\n        fsync: 'off'",
            r"mode: required.*": "mode: 'off'",
            r"^  pg_hba:": "  parameters:\n    unix_socket_directories: ''\n  pg_hba:",
        }


class Proxy:
    """HAProxy, which leads to the primary; addressed like a server."""

    def __init__(self, folder: Path, nodes: list[Node]) -> None:
        self.port = free_port()
        servers = {
            rf"10\.0\.0\.1{number}:5432 check port 8008": f"{HOST}:{one.port} check port {one.rest}"
            for number, one in enumerate(nodes, 1)
        }
        fills = {r"127\.0\.0\.1:5000": f"{HOST}:{self.port}", **servers}
        settings = folder / "haproxy.cfg"
        settings.write_text(replaced((SHOWN / "haproxy.cfg").read_text(), fills))
        with (folder / "haproxy.log").open("ab") as output:
            self.process = start([need("haproxy"), "-f", settings], user=USER, output=output)


class Pooler:
    """PgBouncer before a proxy; addressed like a server."""

    def __init__(self, folder: Path, proxy: Proxy) -> None:
        self.port = free_port()
        fills = {
            r"port=5000": f"port={proxy.port} user=ade",
            r"listen_port = 6432": f"listen_port = {self.port}",
            r"auth_type = .*\nauth_file = .*": "auth_type = any",
        }
        settings = folder / "pgbouncer.ini"
        settings.write_text(replaced((SHOWN / "pgbouncer.ini").read_text(), fills))
        self.process = start([need("pgbouncer"), "-q", settings], user=USER)


@contextlib.contextmanager
def patroni(*, synchronous: bool = True) -> Iterator[list[Node]]:
    """Three nodes with an empty database `ade`, the primary first; all removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ade-patroni-", dir="/tmp"))
    if USER:
        shutil.chown(folder, USER)
    port, peer = free_port(), free_port()
    url, peer_url = f"http://{HOST}:{port}", f"http://{HOST}:{peer}"
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        with (folder / "etcd.log").open("ab") as output:
            etcd = start(
                [
                    need("etcd"), "--name=one", f"--data-dir={folder}/etcd",
                    f"--listen-client-urls={url}", f"--advertise-client-urls={url}",
                    f"--listen-peer-urls={peer_url}",
                    f"--initial-advertise-peer-urls={peer_url}",
                    f"--initial-cluster=one={peer_url}", "--unsafe-no-fsync",
                ],
                user=USER,
                output=output,
            )  # fmt: skip
        stack.callback(stop, [etcd])
        nodes = [
            Node(folder, f"node{number}", port, synchronous=synchronous) for number in range(NODES)
        ]
        for node in nodes:
            stack.callback(node.stop)
        first, *others = nodes
        first.start()
        eventually(lambda: takes_writes(first.port))
        _ask(first.port, "CREATE DATABASE ade")
        for node in others:
            node.start()
        eventually(lambda: standbys(first.port) == len(others))
        if synchronous:
            eventually(lambda: has_synchronous_standby(first.port))
        yield nodes


@contextlib.contextmanager
def reached(through: str, nodes: list[Node]) -> Iterator[Sequence[Addressed]]:
    """What DATABASE_URL names: all nodes ("hosts"), "haproxy" before them, or "pgbouncer" before that."""
    if through == "hosts":
        yield nodes
        return
    folder = Path(tempfile.mkdtemp(prefix="ade-proxy-", dir="/tmp"))
    if USER:
        shutil.chown(folder, USER)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        last: Proxy | Pooler
        last = proxy = Proxy(folder, nodes)
        stack.callback(stop, [proxy.process])
        if through == "pgbouncer":
            last = Pooler(folder, proxy)
            stack.callback(stop, [last.process])
        eventually(lambda: takes_writes(last.port, database="ade"))
        yield [last]


def takes_writes(port: int, *, database: str = "postgres") -> bool:
    """True if the server there is a primary."""
    return _ask(port, "SELECT pg_is_in_recovery()", database) is False


def has_synchronous_standby(port: int) -> bool:
    """True if what this primary answers is on two servers."""
    sql = "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
    return _ask(port, sql) is True


def standbys(port: int) -> object:
    """How many servers follow this primary; None while it does not answer."""
    return _ask(port, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")


def _ask(port: int, sql: str, database: str = "postgres") -> object:
    """One value, or None while the server there does not answer."""
    where = {"host": HOST, "port": port, "user": "ade", "dbname": database}
    try:
        with psycopg.connect(**where, connect_timeout=2, autocommit=True) as connection:
            cursor = connection.execute(sql)
            found = cursor.fetchone() if cursor.description else None
    except psycopg.OperationalError:
        return None
    return None if found is None else found[0]


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += _family(int(child))
    return found
