"""One WebSocket connection, read and written with limits.

`websockets` knows the protocol and does no input or output of its own here, so a connection goes
where `guarded` lets it go, and each read and write ends at the deadline of its request. There is no
thread: pings are answered when the connection is used, and a server that closed it meanwhile is
noticed before the next request.
"""

import logging
from collections import deque
from contextlib import suppress

import httpcore
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, PayloadTooBig
from websockets.frames import DATA_OPCODES, OP_CLOSE, Frame
from websockets.protocol import CONNECTING
from websockets.uri import parse_uri

from agents.net.connectors.base import TooLarge
from agents.net.guarded import Call, Guarded, tls

_CHUNK = 256 * 1024  # bytes
_CLOSE_SECONDS = 1.0
_MOST_WAITING = 1024 * 1024  # bytes that a server may send between two requests

# Its debug lines contain headers, and so the token.
_silent = logging.getLogger("ade.web_socket")
_silent.setLevel(logging.WARNING)


class Closed(Exception):
    """The other side closed the connection, or broke the protocol. The text says how."""


class NotSwitched(Exception):
    """The server answered the handshake with an HTTP status and stays with HTTP."""

    def __init__(self, status: int, phrase: str, headers: dict[str, str]) -> None:
        super().__init__(f"{status} {phrase}")
        self.status, self.phrase, self.headers = status, phrase, headers


class WebSocket:
    """An open connection, for one thread. `call` says how long each use may take.

    All methods raise httpcore.NetworkError, httpcore.TimeoutException and Closed.
    """

    def __init__(
        self, url: str, *, headers: dict[str, str], network: Guarded, call: Call, answer_bytes: int
    ) -> None:
        """Connect and shake hands. Raises NotSwitched, Unsent, Refused too."""
        self._call, self._most = call, answer_bytes
        target = parse_uri(url)
        self._protocol = ClientProtocol(target, max_size=answer_bytes, logger=_silent)
        self._stream = network.connect_tcp(target.host, target.port)
        self._frames: deque[Frame] = deque()
        # Why nothing more will come, once that is known.
        self._end: Closed | TooLarge | None = None
        try:
            if target.secure:
                self._stream = self._stream.start_tls(tls(), target.host)
            self._shake_hands(headers)
        except BaseException:
            self._stream.close()
            raise
        call.sent = False  # the handshake changes nothing

    def _shake_hands(self, headers: dict[str, str]) -> None:
        request = self._protocol.connect()
        request.headers.update(headers)
        self._protocol.send_request(request)
        self._flush()
        while self._protocol.state is CONNECTING and self._protocol.handshake_exc is None:
            self._read()
        failure = self._protocol.handshake_exc
        if isinstance(failure, InvalidStatus):
            response = failure.response
            raise NotSwitched(
                response.status_code,
                response.reason_phrase,
                {name.lower(): value for name, value in response.headers.raw_items()},
            )
        if failure is not None:
            raise Closed(str(failure))

    @property
    def usable(self) -> bool:
        """Read what came meanwhile, and answer pings; False if the connection is closed."""
        waiting = 0
        try:
            while self._end is None and self._stream.get_extra_info("is_readable"):
                waiting += self._read()
                if waiting > _MOST_WAITING:
                    return False
        except (httpcore.NetworkError, httpcore.TimeoutException):
            return False
        return self._end is None

    def send(self, text: bytes) -> None:
        """Send one message."""
        self._protocol.send_text(text)
        self._flush()

    def receive(self) -> bytearray:
        """Return the next message. Raises TooLarge."""
        message = bytearray()
        while True:
            while self._frames:
                frame = self._frames.popleft()
                if message:
                    message += frame.data
                else:
                    message = _bytearray(frame.data)
                if frame.fin:
                    return message
            if self._end is not None:
                raise self._end
            self._read()

    def close(self) -> None:
        """Say goodbye without waiting for the answer."""
        with (
            self._call.apart(_CLOSE_SECONDS),
            suppress(httpcore.NetworkError, httpcore.TimeoutException),
        ):
            if self._end is None:
                self._protocol.send_close()
                self._flush()
        self._stream.close()

    def _read(self) -> int:
        """Read once and sort what came; the number of bytes."""
        data = self._stream.read(_CHUNK)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
                self._frames.append(event)
            elif isinstance(event, Frame) and event.opcode is OP_CLOSE:
                said = self._protocol.close_rcvd
                self._end = Closed(f"the server closed the connection: {said}")
        failure = self._protocol.parser_exc
        if isinstance(failure, PayloadTooBig):
            self._end = TooLarge(f"The server sent an answer larger than {self._most:,} bytes.")
        elif failure is not None or not data:
            self._end = self._end or Closed("the connection ended")
        self._flush()
        return len(data)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:  # an empty one would end the sending half; close() ends both
                self._stream.write(data)


def _bytearray(data: bytes | bytearray | memoryview) -> bytearray:
    """The same object where it is one already: a large answer is not copied."""
    return data if isinstance(data, bytearray) else bytearray(data)
