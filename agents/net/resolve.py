"""Resolve host names within a time limit.

The system resolver has its own timeouts, often 30 seconds, and cannot be interrupted. So each lookup
runs in a thread, and the caller stops waiting at its own limit. Callers that ask for the same name
meanwhile share the lookup, so there are never more threads than names.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

# Returns all addresses of a name. Raises OSError.
Resolve = Callable[[str, int], Sequence[str]]

_under_way: dict[tuple[Resolve, str, int], Future[Sequence[str]]] = {}
_lock = threading.Lock()


def system(host: str, port: int) -> list[str]:
    """Ask the system resolver, however long it takes. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def look_up(host: str, port: int, *, seconds: float, resolve: Resolve = system) -> Sequence[str]:
    """Return all addresses of a name. Raises TimeoutError, and whatever `resolve` raises."""
    key = (resolve, host, port)
    with _lock:
        answer = _under_way.get(key)
        if answer is None:
            answer = Future()
            # A daemon thread: the process does not wait for it when it ends.
            threading.Thread(target=_run, args=(key, answer), name="look-up", daemon=True).start()
            _under_way[key] = answer
    return answer.result(timeout=seconds)


def _run(key: tuple[Resolve, str, int], answer: Future[Sequence[str]]) -> None:
    resolve, host, port = key
    try:
        found = resolve(host, port)
    except BaseException as error:  # noqa: BLE001  # raised in the waiting thread
        _forget(key)
        answer.set_exception(error)
    else:
        _forget(key)
        answer.set_result(found)


def _forget(key: tuple[Resolve, str, int]) -> None:
    """Called before the answer is set, so that a later caller starts a new lookup."""
    with _lock:
        del _under_way[key]
