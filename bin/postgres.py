"""A throw-away PostgreSQL: `.venv/bin/python bin/postgres.py COMMAND...` runs the command with
DATABASE_URL naming it, then removes every trace of it."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from packages import need
from processes import start, stop

START_SECONDS = 120
SETTINGS = {"listen_addresses": "", "max_connections": "200"}
# Nothing of it has to survive a crash of the machine.
THROWN_AWAY = {**SETTINGS, "fsync": "off", "full_page_writes": "off", "shared_buffers": "256MB"}
KEPT = {**SETTINGS, "shared_buffers": "512MB"}


class Cluster:
    """A PostgreSQL of its own, on a socket only we can reach; can be stopped and started again.

    With `kept` its data stay in that folder, made at the first time, and are written as safely as
    any server's.
    """

    def __init__(self, kept: Path | None = None) -> None:
        # On the PATH may lie a link to one of them.
        self._programs = Path(need("postgres")).resolve().parent
        self._user = _unprivileged_user()
        # Short, and in a folder that the other user can enter: a socket's path has 107 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix="ade-postgres-", dir="/tmp"))
        self.url = f"postgresql://ade@{quote(str(self.folder), safe='')}/ade"
        self._data, self._log = kept or self.folder / "data", self.folder / "log"
        self._settings = KEPT if kept else THROWN_AWAY
        # Without a checkpoint where the files go away.
        self._goodbye = signal.SIGINT if kept else signal.SIGQUIT
        self.server: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._is_new = not (self._data / "PG_VERSION").exists()
        if self._is_new:
            _initialise(self._programs / "initdb", self._data, self._user)

    def start(self) -> None:
        """Start it, and wait until it answers; the first time with an empty database."""
        with self._log.open("ab") as output:
            options = [f"-c{name}={value}" for name, value in self._settings.items()]
            self.server = start(
                [self._programs / "postgres", "-D", self._data, f"-k{self.folder}", *options],
                death_signal=signal.SIGQUIT,
                user=self._user,
                output=output,
            )
        _wait(self._programs / "pg_isready", self.folder, self.server, self._log)
        if self._is_new:
            subprocess.run(
                [self._programs / "createdb", "-h", self.folder, "-U", "ade", "ade"], check=True
            )
            self._is_new = False

    def stop(self) -> None:
        """Stop it at once, as a crash would; what was committed is there after a start."""
        if self.server is not None:
            stop([self.server], polite=signal.SIGQUIT)

    def remove(self) -> None:
        """Stop it, and remove all but what is kept."""
        if self.server is not None:
            stop([self.server], polite=self._goodbye, seconds=60)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def cluster(kept: Path | None = None) -> Iterator[str]:
    """A cluster, started; gives its URL. Without `kept` nothing is left of it."""
    made = Cluster(kept)
    try:
        made.start()
        yield made.url
    finally:
        made.remove()


def _unprivileged_user() -> str | None:
    """Whom to run it as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _initialise(initdb: Path, data: Path, user: str | None) -> None:
    # A locale whose order is not that of bytes, so that the tests prove the columns' own.
    # Before PostgreSQL 15 a cluster could not have one without the system's.
    version = subprocess.run([initdb, "--version"], capture_output=True, text=True, check=True)
    major = int(version.stdout.split()[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))
    locale = ["--locale=C.UTF-8"]
    if major >= 15:
        locale += ["--locale-provider=icu", "--icu-locale=en-US"]
    command: list[str | Path] = [
        initdb, "-D", data, "--username=ade", "--auth=trust", "--encoding=UTF8", "--no-sync", *locale,
    ]  # fmt: skip
    subprocess.run(
        command,
        cwd="/",
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _wait(ready: Path, folder: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run([ready, "-q", "-h", folder], check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"The throw-away PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.05)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster is removed
    with cluster() as url:
        return subprocess.run(
            sys.argv[1:], env=os.environ | {"DATABASE_URL": url}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
