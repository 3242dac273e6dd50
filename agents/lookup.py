"""Names to addresses, within a time.

The system's resolver waits by its own limits, often half a minute, and nothing can stop it. So each
look-up has a thread of its own, and who asked waits for as long as they like and then goes on
without. Whoever asks for the same meanwhile waits for the same look-up: there are never more such
threads than names.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

# Gives all addresses of a name. Raises OSError.
Resolve = Callable[[str, int], Sequence[str]]

_under_way: dict[tuple[Resolve, str, int], Future[Sequence[str]]] = {}
_lock = threading.Lock()


def system(host: str, port: int) -> list[str]:
    """What the system's resolver says, however long it takes. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def look_up(host: str, port: int, *, seconds: float, resolve: Resolve = system) -> Sequence[str]:
    """All addresses of a name. Raises TimeoutError, and what `resolve` raises."""
    key = (resolve, host, port)
    with _lock:
        answer = _under_way.get(key)
        if answer is None:
            answer = Future()
            # It ends when it may: the program does not wait for it.
            threading.Thread(target=_run, args=(key, answer), name="look-up", daemon=True).start()
            _under_way[key] = answer
    return answer.result(timeout=seconds)


def _run(key: tuple[Resolve, str, int], answer: Future[Sequence[str]]) -> None:
    resolve, host, port = key
    try:
        found = resolve(host, port)
    except BaseException as error:  # noqa: BLE001  # raised where it is waited for
        _forget(key)
        answer.set_exception(error)
    else:
        _forget(key)
        answer.set_result(found)


def _forget(key: tuple[Resolve, str, int]) -> None:
    """Before the answer is there: whoever asks after it asks anew."""
    with _lock:
        del _under_way[key]
