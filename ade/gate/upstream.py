"""One connection to the App Server, for one client: requests with answers, and everything else."""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from ade.gate.json_text import BadJson, read_object, write
from ade.gate.metrics import Counts
from ade.gate.settings import Settings

Frame = dict[str, Any]
Shape = Callable[[Frame], Frame | None]  # the server's answer as the client gets it
Deliver = Callable[[Frame], Awaitable[None]]

CONNECT_SECONDS = 5
SEND_SECONDS = 10
ANSWER_SECONDS = 30
CLOSE_SECONDS = 1  # for the App Server's own close frame
LARGEST_ANSWER = 256 * 1024 * 1024  # bytes; the list of all agents is one frame


class UpstreamLost(Exception):
    """The App Server is not there, closed the connection, or did not answer in time."""


@dataclass(slots=True)
class _Waiting:
    answer_type: str
    shape: Shape | None
    answer: "asyncio.Future[Frame]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Upstream:
    """A socket to the App Server. `run` reads it; it must run while requests wait for answers."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, counts: Counts) -> None:
        self._socket, self._counts = socket, counts
        counts.upstream_up = True
        counts.upstream_connections += 1
        self._waiting: dict[str, _Waiting] = {}
        self._closing = False

    @classmethod
    async def connect(
        cls, session: aiohttp.ClientSession, settings: Settings, counts: Counts
    ) -> Self:
        """Open a connection with the App Server's token. Raises UpstreamLost."""
        token = settings.upstream_token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await session.ws_connect(
                    settings.upstream,
                    headers=headers,
                    max_msg_size=LARGEST_ANSWER,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            counts.upstream_lost()
            raise UpstreamLost("The App Server cannot be reached.") from error
        return cls(socket, counts)

    async def send(self, frame: Frame) -> None:
        """Send one frame. Raises UpstreamLost if the App Server takes nothing."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_str(write(frame))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UpstreamLost("The App Server takes no frames.") from error

    async def ask(self, frame: Frame, answer_type: str, shape: Shape | None = None) -> Frame:
        """Send a request and return its answer.

        With `shape`, `run` gives the shaped answer to the client, in the order of the App Server's
        frames. Raises UpstreamLost if there is no answer within ANSWER_SECONDS.
        """
        name = f"gate-{uuid.uuid4().hex}"  # the client's own id cannot collide with it
        waiting = self._waiting[name] = _Waiting(answer_type, shape)
        try:
            await self.send(frame | {"request_id": name})
            async with asyncio.timeout(ANSWER_SECONDS):
                return await waiting.answer
        except TimeoutError as error:
            raise UpstreamLost("The App Server gave no answer.") from error
        finally:
            self._waiting.pop(name, None)

    async def run(self, deliver: Deliver, other: Deliver) -> None:
        """Read frames until the connection ends.

        Shaped answers go to `deliver`, and frames that answer no request to `other`. While one of them
        waits, nothing is read: so a slow client stops the App Server's frames, not the gate's memory.
        """
        try:
            async for message in self._socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                with contextlib.suppress(BadJson):
                    await self._take(read_object(message.data), deliver, other)
            if not self._closing:
                self._counts.upstream_lost()
        finally:
            for waiting in self._waiting.values():
                if not waiting.answer.done():
                    waiting.answer.set_exception(UpstreamLost("The App Server closed."))
                    waiting.answer.exception()  # it may be awaited by nobody

    async def _take(self, frame: Frame, deliver: Deliver, other: Deliver) -> None:
        name = frame.get("request_id")
        waiting = self._waiting.get(name) if isinstance(name, str) else None
        if waiting is None or frame.get("type") != waiting.answer_type:
            await other(frame)
            return
        if waiting.shape is not None and (shaped := waiting.shape(frame)) is not None:
            await deliver(shaped)
        # list_memory answers in parts; only the last one says that it is done.
        if frame.get("done") is not False and not waiting.answer.done():
            waiting.answer.set_result(frame)

    async def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._counts.upstream_connections -= 1
        await self._socket.close()
