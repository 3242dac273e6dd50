"""The WebSockets of the gate once it is known who they are: of ADE's connector, and of users."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from aiohttp import web

from ade.gate import connector, user_requests
from ade.gate.json_text import BadJson, read_object, write
from ade.gate.metrics import Counts, Why
from ade.gate.upstream import Frame, Upstream, UpstreamLost
from ade.gate.user import Gate, Refused, User

log = logging.getLogger(__name__)

SLOW_SECONDS = 30  # a client that takes no frame for so long is disconnected
# Close codes of RFC 6455.
REFUSED, TRY_LATER, GOING = 1008, 1013, 1001


def _sender(
    request: web.Request, gate: Gate, socket: web.WebSocketResponse
) -> Callable[[Frame], Awaitable[None]]:
    async def send(frame: Frame) -> None:
        # Waits while the client reads slowly, and gives up on one that does not read at all.
        try:
            async with asyncio.timeout(SLOW_SECONDS):
                await socket.send_str(write(frame))
        except TimeoutError:
            gate.counts.refusals[Why.SLOW] += 1
            if request.transport is not None:
                request.transport.abort()  # a polite end would wait for the client too
            raise

    return send


async def _frames(socket: web.WebSocketResponse, counts: Counts) -> AsyncIterator[Frame]:
    """Yield the client's frames, one at a time. Closes for what is not JSON that all read alike."""
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            counts.refusals[Why.JSON] += 1
            await socket.close(code=1003, message=b"Only text frames are accepted.")
            return
        try:
            frame = read_object(message.data)
        except BadJson as error:
            counts.refusals[Why.JSON] += 1
            await socket.close(code=REFUSED, message=str(error).encode()[:120])
            return
        yield frame


async def serve_connector(request: web.Request, gate: Gate, socket: web.WebSocketResponse) -> None:
    """Serve ADE's connector until one side ends."""
    log.info("connector: connected")
    send = _sender(request, gate, socket)

    async def drop(frame: Frame) -> None:
        pass

    try:
        upstream = await Upstream.connect(gate.session, gate.settings, gate.counts)
    except UpstreamLost as error:
        await socket.close(code=TRY_LATER, message=str(error).encode())
        return

    async def read() -> None:
        try:
            await upstream.run(send, drop)
        finally:
            await socket.close(code=TRY_LATER)

    reading = asyncio.create_task(read())
    try:
        async for frame in _frames(socket, gate.counts):
            if (refusal := await connector.answer(upstream, frame, gate.counts)) is not None:
                log.warning("connector: refused %.60r", frame.get("type"))
                await send(refusal)
    except (UpstreamLost, ConnectionError, TimeoutError) as error:
        log.warning("connector: ended: %s", type(error).__name__)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await upstream.close()


async def serve_user(
    request: web.Request, gate: Gate, socket: web.WebSocketResponse, token: str
) -> None:
    """Serve a user's key until one side ends, or a right does."""
    send = _sender(request, gate, socket)
    user = User(gate, token, request.headers.get("Origin"), send)

    async def close_at_the_end() -> None:
        why = await user.ended()
        code = REFUSED if why in ("A right ended.", "The key is not valid.") else TRY_LATER
        await socket.close(code=code, message=why.encode()[:120])

    closing = asyncio.create_task(close_at_the_end())
    try:
        async for frame in _frames(socket, gate.counts):
            if (reply := await user_requests.answer(user, frame)) is not None:
                if "error" in reply:
                    log.info("%s: refused %.60r", user.name, frame.get("type"))
                await send(reply)
    except Refused as error:
        with contextlib.suppress(ConnectionError, TimeoutError):
            await send({"type": "error", "success": False, "error": str(error)})
    except (ConnectionError, TimeoutError) as error:
        log.info("%s: ended: %s", user.name, type(error).__name__)
    finally:
        await user.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            await closing
