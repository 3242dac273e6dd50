"""The connections of this process, as the kernel knows them: Granian tells an application of none.

Only Linux says enough. Elsewhere nothing is found, and nothing ended.
"""

import os
import resource
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

# Of Linux's struct tcp_info: milliseconds since something was sent and received; bytes received.
_SENT_AGO, _RECEIVED_AGO, _RECEIVED = 44, 52, 128
_INFO_SIZE = 136


class Seen(NamedTuple):
    """A connection at one moment: its number in the kernel, seconds, bytes."""

    number: int
    sent_ago: float
    received_ago: float
    received: int


def allow_many() -> None:
    """Let this process have as many connections as it may; programs start with a low limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems have a limit besides
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def limit_readers(seconds: int) -> None:
    """Let the kernel end a connection whose other side takes nothing for so long.

    The connections that a listening socket accepts later have the option from it.
    """
    if sys.platform != "linux":
        return
    ports = _ports()
    for one in _all():
        if one.getsockname()[1] in ports:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)


def connections_of(address: str) -> Iterator[tuple[Seen, socket.socket]]:
    """The connections that this address has to this process. Each socket is closed by itself."""
    if sys.platform != "linux":
        return
    wanted, ports = _plain(address), _ports()
    for one in _all():
        try:
            if one.getsockname()[1] not in ports or _plain(one.getpeername()[0]) != wanted:
                continue
            info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        except OSError:  # it has just ended
            continue
        if len(info) >= _INFO_SIZE:
            sent, received = (
                struct.unpack_from("@I", info, at)[0] / 1000 for at in (_SENT_AGO, _RECEIVED_AGO)
            )
            count = struct.unpack_from("@Q", info, _RECEIVED)[0]
            yield Seen(os.fstat(one.fileno()).st_ino, sent, received, count), one


def _all() -> Iterator[socket.socket]:
    """Every TCP socket of this process, through a descriptor of its own that is closed after.

    A descriptor of the server's may be closed and given to another connection at any moment.
    """
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            copy = os.dup(int(entry.name))
        except OSError:
            continue
        if not stat.S_ISSOCK(os.fstat(copy).st_mode):
            os.close(copy)
            continue
        with socket.socket(fileno=copy) as one:
            if one.family in (socket.AF_INET, socket.AF_INET6) and one.type == socket.SOCK_STREAM:
                yield one


def _ports() -> set[int]:
    """The ports that this process listens on."""
    accepts = socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    return {one.getsockname()[1] for one in _all() if one.getsockopt(*accepts)}


def _plain(address: str) -> str:
    """One way to write an address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
