"""The folder that the processes of one server share on their machine: counts, nothing to keep.

Each process counts into files of its own. It takes a numbered place for as long as it lives, and one
that is started in the place of a dead one goes on in that one's files: counts never fall, and there
are never more files than processes at one time.
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

_PLACES = 512
# Bytes of what one process counts, by the kind of metric: some three times what all routes take.
_METRICS = {"counter": 1 << 16, "histogram": 1 << 22}
log = logging.getLogger(__name__)
_held: list[int] = []  # locks, held until the process ends


@cache
def folder() -> Path | None:
    """The folder, or None: then this process counts for itself alone.

    RUN_DIR names it. Without that, the processes that one server started (`serving` said that this
    is one) find each other by their parent.
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
    """Say that this is a process of a web server. Before anything is counted."""
    global _serving  # said once, at the start of a process
    _serving = True


def reserve(path: Path, size: int) -> int:
    """Open a file that has at least that size, with all of it on the disk; its descriptor.

    Whoever writes through a map into a hole of a file dies (SIGBUS) once the disk is full. Here it
    is OSError (ENOSPC), before anything is written.
    """
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        if sys.platform == "linux":
            os.posix_fallocate(file, 0, size)
        else:
            os.ftruncate(file, max(size, os.fstat(file).st_size))
    except OSError:
        if not os.fstat(file).st_size:
            path.unlink(missing_ok=True)  # whoever reads it expects a beginning
        os.close(file)
        raise
    return file


def prepare_metrics() -> None:
    """Let prometheus_client keep its counts in the folder. Before its first metric is made.

    Where the disk has no room for them, this process counts for itself alone.
    """
    path = folder()
    if path is None:
        return
    try:
        place = _take_place(path)
        for kind, size in _METRICS.items():
            os.close(reserve(path / f"{kind}_{place}.db", size))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        log.warning("No room in %s: what this process counts is not added up.", path)
        return
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(path)
    from prometheus_client import values  # reads the variable when it is imported

    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def _take_place(path: Path) -> int:
    for place in range(_PLACES):
        try:
            lock = os.open(path / f"place-{place}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except PermissionError:  # another user's: a command that root ran
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        _held.append(lock)
        return place
    raise RuntimeError(f"More than {_PLACES} processes share {path}.")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
