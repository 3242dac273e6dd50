"""The TCP sockets of this process, from the kernel: Granian gives an application none. Linux only."""

import os
import resource
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# In Linux's struct tcp_info: milliseconds since the last byte was sent and received; bytes received.
_SENT_AGO, _RECEIVED_AGO, _RECEIVED = 44, 52, 128
_INFO_SIZE = 136


class Seen(NamedTuple):
    """A connection at one moment: its inode, seconds, bytes."""

    number: int
    sent_ago: float
    received_ago: float
    received: int


def raise_descriptor_limit() -> None:
    """Allow as many descriptors as the hard limit: programs start with a low soft limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems have another limit besides
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def end_dead_connections(seconds: int) -> None:
    """Let the kernel end a client's connection when the client is gone or takes no data for `seconds`.

    The connections that a listening socket accepts later inherit both options.
    """
    if sys.platform != "linux":
        return
    ports = {
        copy.getsockname()[1]
        for copy in _tcp_sockets()
        if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    }
    for copy in _tcp_sockets():
        if copy.getsockname()[1] in ports:
            copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
            copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
            copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(seconds // 4, 1))
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def look_at(connection: socket.socket) -> Seen | None:
    """Return what the kernel knows of a connection now; None if it says too little. Raises OSError."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    if len(info) < _INFO_SIZE:
        return None
    sent, received = (
        struct.unpack_from("@I", info, at)[0] / 1000 for at in (_SENT_AGO, _RECEIVED_AGO)
    )
    count = struct.unpack_from("@Q", info, _RECEIVED)[0]
    return Seen(os.fstat(connection.fileno()).st_ino, sent, received, count)


def _tcp_sockets() -> Iterator[socket.socket]:
    """Yield a copy of each. The server may close its own descriptor meanwhile, or reuse the number."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        with (
            suppress(OSError),  # it is closed by now, or no socket
            socket.fromfd(int(entry.name), socket.AF_INET, socket.SOCK_STREAM) as copy,
        ):
            family = copy.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
            kind = copy.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
            if family in (socket.AF_INET, socket.AF_INET6) and kind == socket.SOCK_STREAM:
                yield copy
