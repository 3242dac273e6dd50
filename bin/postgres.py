"""A temporary PostgreSQL: `.venv/bin/python bin/postgres.py COMMAND...` runs the command with
DATABASE_URL set to it, then removes it.

pytest-postgresql cannot do this: it runs PostgreSQL as the current user, and PostgreSQL refuses root,
which containers usually have. Tests also stop, start and freeze servers of their own.
"""

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
# It need not survive a crash of the machine.
TEMPORARY = {**SETTINGS, "fsync": "off", "full_page_writes": "off", "shared_buffers": "256MB"}
PERMANENT = {**SETTINGS, "shared_buffers": "512MB"}


class Cluster:
    """A PostgreSQL server on a socket in a private folder. It can be stopped and started again.

    With `data`, that folder contains its files. They stay, and are written safely (fsync).
    """

    def __init__(self, data: Path | None = None) -> None:
        # The PATH may contain a link to a version's program.
        self._programs = Path(need("postgres")).resolve().parent
        self._user = _unprivileged_user()
        # Short, because a socket's path has at most 107 bytes, and in a folder that the other user can enter.
        self.folder = Path(tempfile.mkdtemp(prefix="ade-postgres-", dir="/tmp"))
        self.url = f"postgresql://ade@{quote(str(self.folder), safe='')}/ade"
        self._data, self._log = data or self.folder / "data", self.folder / "log"
        self._settings = PERMANENT if data else TEMPORARY
        # No checkpoint if the files are removed anyway.
        self._stop_signal = signal.SIGINT if data else signal.SIGQUIT
        self.server: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._is_new = not (self._data / "PG_VERSION").exists()
        if self._is_new:
            _initialise(self._programs / "initdb", self._data, self._user)

    def start(self) -> None:
        """Start the server and wait until it answers. The first time, create an empty database."""
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
        """Stop the server at once, as a crash would. Commits survive."""
        if self.server is not None:
            stop([self.server], polite=signal.SIGQUIT)

    def remove(self) -> None:
        """Stop the server and remove its folder, but not `data`."""
        if self.server is not None:
            stop([self.server], polite=self._stop_signal, seconds=60)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def cluster(data: Path | None = None) -> Iterator[str]:
    """Start a server and yield its URL. Without `data` nothing is left of it."""
    made = Cluster(data)
    try:
        made.start()
        yield made.url
    finally:
        made.remove()


def _unprivileged_user() -> str | None:
    """Return the user to run PostgreSQL as, because it refuses root; None: the current user."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _initialise(initdb: Path, data: Path, user: str | None) -> None:
    # A locale that does not sort by bytes, so that tests prove the collation of the columns.
    # Before PostgreSQL 15 a cluster could not have such a locale without one of the system.
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
            sys.exit(f"The temporary PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.05)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster is removed
    with cluster() as url:
        return subprocess.run(
            sys.argv[1:], env=os.environ | {"DATABASE_URL": url}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
