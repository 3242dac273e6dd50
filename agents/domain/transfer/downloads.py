"""Files that are written while they are downloaded. Pages and API share a limit of running downloads."""

import threading
import time
from collections.abc import Iterator

from agents.core.actors import Actor
from agents.domain.core.rights import require_unchanged_rights

# A reader keeps a worker slot (ade/server/worker_slots.py) for as long as it reads, however slowly.
# Half of the slots are always left to other requests.
RUNNING_MOST = 2
# During a download, the rights of the reader are checked again this often, between two pieces.
LOOK_AGAIN_SECONDS = 1.0
_running = threading.BoundedSemaphore(RUNNING_MOST)


class Download:
    """A file in pieces. It counts as running until it is read to its end or closed."""

    def __init__(self, pieces: Iterator[str | bytes], actor: Actor) -> None:
        self._pieces, self._actor = pieces, actor
        self._open = True
        self._looked = time.monotonic()

    def __iter__(self) -> Iterator[str | bytes]:
        return self

    def __next__(self) -> str | bytes:
        """Return the next piece. Raises NotAllowed if the reader's rights have ended or changed: the connection
        then breaks, so that nobody takes the part for the whole file."""
        if time.monotonic() - self._looked >= LOOK_AGAIN_SECONDS:
            require_unchanged_rights(self._actor, share_lock=False)
            self._looked = time.monotonic()
        try:
            return next(self._pieces)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        """Called by Django when the response ends, even if nobody read it."""
        if self._open:
            self._open = False
            _running.release()

    # An answer that is dropped without being closed must not count forever.
    __del__ = close


def start_download(pieces: Iterator[str | bytes], actor: Actor) -> Download | None:
    """Start a download of these pieces, which its reader closes. None while too many run."""
    return Download(pieces, actor) if _running.acquire(blocking=False) else None
