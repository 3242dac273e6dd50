"""Find programs that the tests need and pip cannot install; install them with apt, or say how."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Wanted(NamedTuple):
    """A program: its title, its names, its paths outside the PATH, and its Debian packages."""

    title: str
    names: tuple[str, ...]
    paths: tuple[str, ...]
    packages: tuple[str, ...]


WANTED = {
    "postgres": Wanted(
        "PostgreSQL's server",
        ("postgres",),
        ("usr/lib/postgresql/*/bin/postgres", "usr/pgsql-*/bin/postgres"),
        ("postgresql",),
    ),
    "chromium": Wanted(
        "Chromium",
        ("chromium", "chromium-browser", "google-chrome"),
        (
            "usr/bin/chromium",
            "usr/lib/chromium/chromium",
            "snap/bin/chromium",
            "opt/google/chrome/chrome",
        ),
        ("chromium", "fonts-liberation"),
    ),
    "nginx": Wanted("nginx", ("nginx",), ("usr/sbin/nginx",), ("nginx",)),
    "caddy": Wanted("Caddy", ("caddy",), ("usr/bin/caddy",), ("caddy",)),
    "pgbackrest": Wanted("pgBackRest", ("pgbackrest",), ("usr/bin/pgbackrest",), ("pgbackrest",)),
    "pgbouncer": Wanted("PgBouncer", ("pgbouncer",), ("usr/sbin/pgbouncer",), ("pgbouncer",)),
    "patroni": Wanted("Patroni", ("patroni",), ("usr/bin/patroni",), ("patroni",)),
    "etcd": Wanted("etcd", ("etcd",), ("usr/bin/etcd",), ("etcd-server",)),
    "haproxy": Wanted("HAProxy", ("haproxy",), ("usr/sbin/haproxy",), ("haproxy",)),
    # A library: Playwright contains a Node.js, which needs it and does not run on a bare Debian.
    "libatomic": Wanted(
        "The library libatomic",
        (),
        ("usr/lib/*/libatomic.so.1", "usr/lib*/libatomic.so.1"),
        ("libatomic1",),
    ),
}


def find(program: str) -> str | None:
    """Return the program's path, or None. Of several versions, the newest."""
    wanted = WANTED[program]
    for name in wanted.names:
        if path := shutil.which(name):
            return path
    for pattern in wanted.paths:
        if found := list(Path("/").glob(pattern)):
            return str(max(found, key=_version))
    return None


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.parts if part.isdigit())


def need(program: str) -> str:
    """Return the program's path. Install it if that needs no password, else exit with a sentence."""
    if path := find(program):
        return path
    wanted = WANTED[program]
    by_hand = f"sudo apt-get install {' '.join(wanted.packages)}"
    install = _apt_get()
    if install is None:
        sys.exit(f"{wanted.title} is needed and was not found: run {by_hand}")
    print(f"Installing {wanted.title} ...", flush=True)
    subprocess.run([*install, "update"], check=False, stdout=subprocess.DEVNULL)
    subprocess.run(
        [*install, "install", "-y", "--no-install-recommends", *wanted.packages],
        check=False,
        stdout=subprocess.DEVNULL,
    )
    if path := find(program):
        return path
    sys.exit(f"{wanted.title} is needed and could not be installed: see why with {by_hand}")


def _apt_get() -> list[str] | None:
    """Return how to call apt-get without any question, or None if that is not possible."""
    if shutil.which("apt-get") is None:
        return None
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    if os.geteuid() == 0:
        return command
    sudo = shutil.which("sudo")
    if (
        sudo
        and subprocess.run([sudo, "-n", "true"], check=False, capture_output=True).returncode == 0
    ):
        return [sudo, "-n", *command]
    return None
