"""Programs that the tests need and pip cannot bring: found, installed by apt, or asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Wanted(NamedTuple):
    """A program: its names, where it lies off the PATH, and the Debian packages that have it."""

    title: str
    names: tuple[str, ...]
    places: tuple[str, ...]
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
    "pgbouncer": Wanted("PgBouncer", ("pgbouncer",), ("usr/sbin/pgbouncer",), ("pgbouncer",)),
    # No program: Playwright brings its own Node.js, which a bare Debian cannot load without it.
    "libatomic": Wanted(
        "The library libatomic",
        (),
        ("usr/lib/*/libatomic.so.1", "usr/lib*/libatomic.so.1"),
        ("libatomic1",),
    ),
}


def find(program: str) -> str | None:
    """The program's path, or None. A newer version is preferred where several lie side by side."""
    wanted = WANTED[program]
    for name in wanted.names:
        if path := shutil.which(name):
            return path
    for place in wanted.places:
        if found := list(Path("/").glob(place)):
            return str(max(found, key=_version))
    return None


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.parts if part.isdigit())


def need(program: str) -> str:
    """The program's path, installing it where that needs no password; else one clear sentence."""
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
    """How to call apt-get here without being asked anything, or None where that is not possible."""
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
