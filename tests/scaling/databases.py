"""A real primary with real replicas on loopback, and ADE servers on them."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode

import psycopg
from django.conf import settings
from packages import need
from processes import ROOT, start, stop
from serve import HOST, START_SECONDS, answers, free_port, server_command

OPTIONS = {
    "fsync": "off",  # a killed server keeps what it wrote; only a machine that falls would not
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "wal_keep_size": "256MB",
    "wal_receiver_timeout": "5s",
    "wal_retrieve_retry_interval": "500ms",
    "hot_standby_feedback": "on",
}


def eventually(condition: Callable[[], bool], *, seconds: float = 120) -> float:
    """Wait until it holds; the seconds that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)
    return time.monotonic() - begun


class Addressed(Protocol):
    """What stands in the address of a database: a server, or the pooler before it."""

    @property
    def port(self) -> int: ...


class Database:
    """One server of PostgreSQL: a primary, or a replica of one."""

    def __init__(self, folder: Path, name: str, options: Mapping[str, str] | None = None) -> None:
        self.folder, self.name, self.port = folder, name, free_port()
        self._options = OPTIONS | dict(options or {})
        self._data, self._log = folder / name, folder / f"{name}.log"
        self._programs = Path(need("postgres")).resolve().parent
        self._user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses root
        self._process: subprocess.Popen[bytes] | None = None

    def create(self, *more: str) -> None:
        """Make a primary with an empty database; `more` goes to initdb."""
        self._run(
            "initdb", "-D", self._data, "-U", "ade", "--auth=trust", "-EUTF8", "--no-sync", *more
        )
        self.start()
        self.ask("CREATE DATABASE ade", database="postgres")

    def copy(self, every: "Sequence[Database]") -> None:
        """Make a replica of whichever of `every` is the primary, now and later."""
        conninfo = (
            f"host={','.join(HOST for _ in every)} port={','.join(str(one.port) for one in every)} "
            f"user=ade application_name={self.name} connect_timeout=2 "
            "target_session_attrs=read-write"
        )
        self._run("pg_basebackup", "-D", self._data, "-d", conninfo, "-cfast", "-Xstream", "-R")
        self.start()

    def start(self, *, seconds: float = 120) -> None:
        """Start it, and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in self._options.items()]
        with self._log.open("ab") as output:
            self._process = start(
                [self._programs / "postgres", "-D", self._data, f"-p{self.port}", *options],
                death_signal=signal.SIGQUIT,
                user=self._user,
                output=output,
            )
        eventually(self.answers, seconds=seconds)

    def ended(self) -> bool:
        """True if it ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def panics(self) -> int:
        """How often it ended all that it did because it could not go on."""
        return self._log.read_text().count("PANIC: ")

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it and its connections at once; SIGKILL leaves it no last word."""
        if self._process is None:
            return
        if how == signal.SIGKILL:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
            for pid in (self._process.pid, *map(int, children.read_text().split())):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)
        stop([self._process], polite=how)
        self._process = None

    def answers(self) -> bool:
        try:
            self.ask("SELECT 1", database="postgres")
        except psycopg.OperationalError:
            return False
        return True

    def ask(self, statement: str, *, database: str = "ade") -> list[tuple[object, ...]]:
        """The rows of a statement of our own."""
        where = {"host": HOST, "port": self.port, "user": "ade", "dbname": database}
        with psycopg.connect(**where, autocommit=True, connect_timeout=20) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def configure(self, name: str, value: str) -> None:
        """Change a setting while it runs."""
        self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask("SELECT pg_reload_conf()")

    def _run(self, program: str, *arguments: str | Path) -> None:
        user = self._user
        subprocess.run(
            [self._programs / program, *arguments],
            cwd="/",
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else [],
            check=True,
            capture_output=True,
        )


@contextlib.contextmanager
def replicated(*names: str) -> Iterator[list[Database]]:
    """A migrated primary, and replicas of it that are up to date; all are removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ade-replicated-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        databases = [Database(folder, name) for name in ("primary", *names)]
        try:
            primary, *replicas = databases
            primary.create()
            manage("migrate", "-v0", environment=environment_of(databases[:1]))
            for replica in replicas:
                replica.copy(databases)
            yield databases
        finally:
            for one in databases:
                one.stop()
    finally:
        shutil.rmtree(folder)


def url_of(databases: Sequence[Addressed], **options: str) -> str:
    """The address of several servers of one database."""
    where = {
        "host": ",".join(HOST for _ in databases),
        "port": ",".join(str(one.port) for one in databases),
    }
    return f"postgres://ade@/ade?{urlencode(where | options, safe=',')}"


def environment_of(
    databases: Sequence[Addressed], replicas: Sequence[Addressed] = (), **more: str
) -> dict[str, str]:
    """For ADE on these: writes go to the one of `databases` that takes them."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.live_settings",
        "DATABASE_URL": url_of(databases),
        "REPLICA_URL": url_of(replicas) if replicas else "",
        "SECRET_KEY": settings.SECRET_KEY,
        **more,
    }


MAKE = """
import json, sys
from ade.models import User
from agents.core.actors import command_actor
from agents.domain.keys import create_key
for name in {members}:
    User.objects.create_user(name, password="correct horse", role="editor")
tokens = {{
    name: create_key(name=name, limit_tag=limit, actor=command_actor("test")).token
    for name, limit in {keys}.items()
}}
print(json.dumps(tokens))
"""


def make_people(
    environment: dict[str, str], *, keys: dict[str, str | None], members: Sequence[str] = ()
) -> dict[str, str]:
    """Make members of staff, and keys with the tag each is limited to; the tokens by name."""
    code = MAKE.format(members=list(members), keys=keys)
    tokens: dict[str, str] = json.loads(manage("shell", "-v0", "-c", code, environment=environment))
    return tokens


def manage(*arguments: str, environment: dict[str, str]) -> str:
    """Run manage.py; what it printed."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


@contextlib.contextmanager
def ade(
    environment: dict[str, str], output: Path, *, workers: int = 2, threads: int = 64
) -> Iterator[str]:
    """A server of ADE; its address."""
    port = free_port()
    size = {
        "--workers=2": f"--workers={workers}",
        "--blocking-threads=64": f"--blocking-threads={threads}",
    }
    command = [size.get(str(part), part) for part in server_command(port)]
    with output.open("ab") as log:
        server = start(command, env=environment, output=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            assert server.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
        yield f"http://{HOST}:{port}"
    finally:
        stop([server], seconds=5)
