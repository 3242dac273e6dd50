"""Start programs that end with the script that started them."""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
_PR_SET_PDEATHSIG = 1


def start(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals = signal.SIGTERM,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, as `user` if given.

    Ctrl-C then reaches only the script, which stops the program itself. If the script is killed, the
    kernel sends `death_signal` to the program.
    """

    def before_exec() -> None:
        # Set after the change of user, which clears it.
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)

    return subprocess.Popen(
        command,
        cwd=ROOT if user is None else "/",  # another user may not enter this folder
        env=env,
        user=user,
        group=None if user is None else _group_of(user),
        extra_groups=None if user is None else [],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=before_exec,  # safe: these scripts have no threads
    )


def stop(
    programs: Iterable[subprocess.Popen[bytes]],
    *,
    polite: signal.Signals = signal.SIGTERM,
    seconds: float = 10,
    impatient: Callable[[], bool] = lambda: False,
) -> None:
    """Stop programs politely. After `seconds`, or when `impatient`, kill them.

    Processes that they started and left behind are killed too.
    """
    programs = list(programs)
    for program in programs:
        if program.poll() is None:
            program.send_signal(polite)
    deadline = time.monotonic() + seconds
    while any(program.poll() is None for program in programs):
        if impatient() or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    for program in programs:
        with contextlib.suppress(ProcessLookupError):  # it has ended completely
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def _group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
