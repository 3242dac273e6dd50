"""End the processes of the web server when their main process dies, however it died.

Granian's processes share a port. If the main process is killed, they would go on answering with the old
code, beside the processes of its successor.
"""

import os
import select
import signal
import sys
import threading
import time
from multiprocessing import parent_process

SECONDS = 25  # for open requests, as in --workers-kill-timeout


def end_with_parent() -> None:
    """End this process when its parent dies. Linux only."""
    parent = parent_process()
    if parent is None or parent.pid is None or sys.platform != "linux":
        return
    try:
        handle = os.pidfd_open(parent.pid)
    except ProcessLookupError:
        os._exit(1)
    except OSError:  # before Linux 5.3; systemd ends the whole service anyway
        return
    if os.getppid() != parent.pid:  # dead, and its number belongs to another
        os._exit(1)
    threading.Thread(target=_watch, args=(handle,), name="parent", daemon=True).start()


def _watch(handle: int) -> None:
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    waiting.poll()
    for _ in range(SECONDS):
        # Repeated, because until Granian serves, the main process's handler ignores the signal.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    os._exit(1)
