"""Unfinished files of backups: locked while a process writes them, and removed if it died."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".ade-unfinished-"


@contextmanager
def marked(path: Path) -> Iterator[None]:
    """Lock a file or folder. The lock ends with this process, even if it is killed."""
    number = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def remove(folder: Path) -> None:
    """Remove the files that killed backups left in this folder. Files being written stay."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # being written, another user's, or gone already
            number = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
            finally:
                os.close(number)
