"""Limit requests at once over all processes of a machine, with locked files.

The system releases the lock of a process that dies. A process without the shared folder counts alone.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ade.ops import runtime_folder

_mine: set[str] = set()
_lock = threading.Lock()


@contextmanager
def place(name: str, most: int = 1) -> Iterator[bool]:
    """Take one of `most` places for the time of the block. False if all are taken."""
    taken = next((free for number in range(most) if (free := _take(f"{name}-{number}"))), None)
    try:
        yield taken is not None
    finally:
        if taken is not None:
            _free(taken)


def _take(name: str) -> str | int | None:
    folder = runtime_folder.folder()
    if folder is None:
        with _lock:
            if name in _mine:
                return None
            _mine.add(name)
            return name
    file = os.open(folder / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _free(taken: str | int) -> None:
    if isinstance(taken, int):
        os.close(taken)
        return
    with _lock:
        _mine.discard(taken)
