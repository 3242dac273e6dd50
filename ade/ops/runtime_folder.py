"""The folder that the processes of a server share on a machine. It contains counts, no other data.

Each process counts in files of its own, which have the number that it reserves while it lives. A
process that replaces a dead one gets its number and continues its files: counts never fall, and there
are at most as many files as processes at one time.
"""

import errno
import fcntl
import logging
import os
import shutil
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path

from django.conf import settings

_NUMBERS = 512
# Bytes for the counts of a process, by the kind of metric: about three times what all routes need.
_METRICS = {"counter": 1 << 16, "histogram": 1 << 22, "gauge_sum": 1 << 16}
log = logging.getLogger(__name__)
_locks: list[int] = []  # kept until the process ends


@cache
def folder() -> Path | None:
    """Return the folder, or None if this process counts for itself alone.

    RUN_DIR is its path. Without RUN_DIR, the processes of a web server (see `serving`) use a folder
    named after their parent process.
    """
    if settings.RUN_DIR:
        path = Path(settings.RUN_DIR)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A command that someone else runs works without it.
        return path if _serving or os.access(path, os.W_OK | os.X_OK) else None
    if not _serving:
        return None
    base = Path(tempfile.gettempdir())
    mine = f"ade-{os.getuid()}-"
    for old in base.glob(f"{mine}*"):
        if old.name.removeprefix(mine).isdigit() and not _lives(int(old.name.removeprefix(mine))):
            shutil.rmtree(old, ignore_errors=True)
    path = base / f"{mine}{os.getppid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise RuntimeError(f"{path} is not a private folder: remove it, or set RUN_DIR.")
    return path


_serving = False


def serving() -> None:
    """Mark this as a process of a web server. Call it before anything is counted."""
    global _serving  # said once, at the start of a process
    _serving = True


def reserve(path: Path, size: int) -> int:
    """Open a file of at least `size` bytes, all allocated on the disk, and return its descriptor.

    Raises OSError (ENOSPC) if the disk is full. Without the allocation, writing through a memory map
    would kill the process (SIGBUS).
    """
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        if sys.platform == "linux":
            os.posix_fallocate(file, 0, size)
        else:
            os.ftruncate(file, max(size, os.fstat(file).st_size))
    except OSError:
        if not os.fstat(file).st_size:
            path.unlink(missing_ok=True)  # readers expect a header
        os.close(file)
        raise
    return file


def prepare_metrics() -> None:
    """Let prometheus_client store its counts in the folder. Call it before the first metric is made.

    If the disk has no room, this process counts for itself alone.
    """
    path = folder()
    if path is None:
        return
    try:
        number = _reserve_number(path)
        for kind, size in _METRICS.items():
            os.close(reserve(path / f"{kind}_{number}.db", size))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        log.warning("No room in %s: what this process counts is not added up.", path)
        return
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(path)
    from prometheus_client import values  # reads the variable when it is imported

    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped


def _reserve_number(path: Path) -> int:
    for number in range(_NUMBERS):
        try:
            lock = os.open(path / f"place-{number}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except PermissionError:  # another user's: a command that root ran
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        _locks.append(lock)
        return number
    raise RuntimeError(f"More than {_NUMBERS} processes share {path}.")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
