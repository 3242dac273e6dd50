"""What the gate listens to: WebSockets, the OpenAI-compatible API and probes."""

import asyncio
import contextlib
import hmac
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from aiohttp import web

from ade.gate import connector, openai_api, user_requests
from ade.gate.access import Access, NoAnswer
from ade.gate.json_text import BadJson, read_object, write
from ade.gate.settings import Settings
from ade.gate.upstream import Frame, Upstream, UpstreamLost
from ade.gate.user import Gate, Refused, User

log = logging.getLogger(__name__)

LARGEST_FRAME = 1024 * 1024  # bytes of a user's frame or body
KEY_SECONDS = 10  # for the first frame with the key
SLOW_SECONDS = 30  # a client that takes no frame for so long is disconnected
HEARTBEAT_SECONDS = 30
CLOSE_SECONDS = 1  # for the client's own close frame
MOST_CONNECTIONS = 500
MOST_WITHOUT_KEY = 100  # of them
MOST_OF_A_KEY = 50  # of them
MOST_SIGN_INS = 8  # keys that are looked up at the same time
FAILED_SECONDS = 0.25  # a wrong key keeps its place for so long: at most 32 wrong keys a second
# Close codes of RFC 6455.
REFUSED, TRY_LATER, GOING = 1008, 1013, 1001

LONGEST_ORIGIN = 300
CLIENT_SIDE = "ade_ct"  # begins a client-side access token
KEY = re.compile(r"ade_[A-Za-z0-9_-]{10,150}")
_GATE = web.AppKey("gate", Gate)
_CALLER = web.RequestKey("caller", str)  # whose key a request has brought


class Server:
    """The counters of one running gate."""

    def __init__(self) -> None:
        self.connections = 0
        self.without_key = 0  # of them, those that have not sent their key yet
        self.of_callers: Counter[str] = Counter()
        self.sign_ins = asyncio.Semaphore(MOST_SIGN_INS)
        self.sockets: set[web.WebSocketResponse] = set()

    async def known(self, gate: Gate, token: str, origin: str | None) -> str | None:
        """Return whose key this is, or None. Raises NoAnswer."""
        if not KEY.fullmatch(token):
            return None
        async with self.sign_ins:
            caller = (await gate.access.ask(token, origin, [])).caller
            if caller is None:
                await asyncio.sleep(FAILED_SECONDS)
            return caller


_SERVER = web.AppKey("server", Server)


def make_app(settings: Settings) -> web.Application:
    """Return the application; its client sessions end with it."""
    app = web.Application(client_max_size=LARGEST_FRAME, middlewares=[_guard])
    app[_SERVER] = Server()
    app.cleanup_ctx.append(_gate_of(settings))
    app.on_shutdown.append(_leave)
    app.router.add_get("/", _websocket)
    app.router.add_get("/ws", _websocket)
    app.router.add_get("/healthz", _ok)
    app.router.add_get("/readyz", _ok)
    app.router.add_get("/v1/models", _user_request(openai_api.models))
    app.router.add_post("/v1/chat/completions", _user_request(openai_api.chat_completions))
    app.router.add_post("/v1/responses", _user_request(openai_api.responses))
    return app


def _gate_of(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(app: web.Application) -> AsyncIterator[None]:
        # Proxies of the environment are not used: both servers are named in the settings.
        async with aiohttp.ClientSession(
            trust_env=False, connector=aiohttp.TCPConnector(limit=0)
        ) as session:
            access = Access(session, settings)
            app[_GATE] = Gate(settings, access, session, asyncio.Semaphore(1))
            yield

    return context


async def _leave(app: web.Application) -> None:
    for socket in list(app[_SERVER].sockets):
        await socket.close(code=GOING, message=b"The gate stops.")


async def _ok(request: web.Request) -> web.Response:
    return web.Response(text="ok")


# --- Who asks -----------------------------------------------------------------------------------

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _guard(request: web.Request, handler: Handle) -> web.StreamResponse:
    """Answer preflights; refuse keys from pages of other origins, and connections above the limit."""
    settings, server = request.app[_GATE].settings, request.app[_SERVER]
    origin = request.headers.get("Origin")
    if origin is not None and (not settings.user_keys or len(origin) > LONGEST_ORIGIN):
        return _error(403, "Pages may not use this gate.")
    if request.method == "OPTIONS" and origin is not None:
        # It shows no key, and so nothing to decide by. The request that follows is checked.
        return web.Response(status=204, headers=openai_api.cors(origin) | _PREFLIGHT)
    token = _bearer(request)
    if token is not None and not _may_come_from(settings, origin, token):
        return _error(403, "Pages of this origin may not use the gate (GATE_ORIGINS).")
    if server.connections >= MOST_CONNECTIONS:
        return _error(503, "The gate has too many connections. Try again later.")
    server.connections += 1
    try:
        response = await handler(request)
    finally:
        server.connections -= 1
        if caller := request.get(_CALLER, ""):
            server.of_callers[caller] -= 1
            server.of_callers += Counter()  # removes what is zero
    if not response.prepared:
        response.headers.update(openai_api.cors(origin))
    return response


def _may_come_from(settings: Settings, origin: str | None, token: str) -> bool:
    """Return True if the key may come from a page of this origin, or from no page.

    Client-side tokens have an origin of their own, which ADE compares.
    """
    return origin is None or origin in settings.origins or token.startswith(CLIENT_SIDE)


_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Max-Age": "600",
}


def _bearer(request: web.Request) -> str | None:
    """Return the token of the only Authorization header; "" if it is no bearer token, None without one."""
    given = request.headers.getall("Authorization", [])
    if not given:
        return None
    scheme, _, token = given[0].partition(" ")
    return token.strip() if len(given) == 1 and scheme.lower() == "bearer" else ""


def _is_connector(settings: Settings, token: str) -> bool:
    expected = settings.connector_token.encode()
    return bool(expected) and hmac.compare_digest(token.encode("utf-8", "replace"), expected)


def _error(status: int, text: str) -> web.Response:
    headers = {"Retry-After": "5"} if status == 503 else {}
    body = write({"error": {"message": text, "type": "gate", "param": None, "code": None}})
    return web.Response(status=status, text=body, content_type="application/json", headers=headers)


# --- WebSockets ---------------------------------------------------------------------------------


async def _websocket(request: web.Request) -> web.StreamResponse:
    """Serve ADE's connector, or a user."""
    gate = request.app[_GATE]
    settings, token = gate.settings, _bearer(request)
    if request.query_string:
        return _error(400, "Send no query: the token belongs in the Authorization header.")
    is_connector = token is not None and _is_connector(settings, token)
    if is_connector and "Origin" in request.headers:
        return _error(403, "A page may not use the connector's token.")
    if not is_connector:
        if not settings.user_keys or token == "":
            return _error(401, "This token is not valid.")
        if token is not None and (refusal := await _sign_in(request, token)):
            return refusal
    socket = web.WebSocketResponse(
        timeout=CLOSE_SECONDS,
        heartbeat=HEARTBEAT_SECONDS,
        max_msg_size=connector.LARGEST_FRAME if is_connector else LARGEST_FRAME,
        compress=False,
    )
    await socket.prepare(request)
    sockets = request.app[_SERVER].sockets
    sockets.add(socket)
    try:
        if is_connector:
            await _serve_connector(request, socket)
        elif token is not None or (token := await _key_of_first_frame(request, socket)):
            await _serve_user(request, socket, token)
    finally:
        sockets.discard(socket)
        await socket.close()
    return socket


async def _sign_in(request: web.Request, token: str) -> web.Response | None:
    """Return the refusal of a user's key, or None if it works. Counts the connection as the key's."""
    server = request.app[_SERVER]
    try:
        caller = await server.known(request.app[_GATE], token, request.headers.get("Origin"))
    except NoAnswer:
        return _error(503, "ADE did not answer. Try again later.")
    if caller is None:
        return _error(401, "This key is not valid.")
    if server.of_callers[caller] >= MOST_OF_A_KEY:
        return _error(503, "This key has too many connections. Close some of them.")
    request[_CALLER] = caller
    server.of_callers[caller] += 1
    return None


async def _key_of_first_frame(request: web.Request, socket: web.WebSocketResponse) -> str | None:
    """Return the key that a page sends as `{"type": "authenticate", "token": "ade_…"}`, or close."""
    token: object = None
    server = request.app[_SERVER]
    if server.without_key >= MOST_WITHOUT_KEY:
        await socket.close(code=TRY_LATER, message=b"Too many connections wait with their key.")
        return None
    server.without_key += 1
    try:
        async with asyncio.timeout(KEY_SECONDS):
            frame = read_object(await socket.receive_str())
        token = frame.get("token") if frame.get("type") == "authenticate" else None
    except (TimeoutError, BadJson, TypeError):
        pass
    finally:
        server.without_key -= 1
    if not isinstance(token, str):
        await socket.close(code=REFUSED, message=b"Send your key as the first frame.")
        return None
    origin = request.headers.get("Origin")
    if not _may_come_from(request.app[_GATE].settings, origin, token):
        await socket.close(code=REFUSED, message=b"Pages of this origin may not use the gate.")
        return None
    if refusal := await _sign_in(request, token):
        later = refusal.status == 503
        text = b"Try again later." if later else b"This key is not valid."
        await socket.close(code=TRY_LATER if later else REFUSED, message=text)
        return None
    await socket.send_str(write({"type": "authenticated"}))
    return token


def _sender(
    request: web.Request, socket: web.WebSocketResponse
) -> Callable[[Frame], Awaitable[None]]:
    async def send(frame: Frame) -> None:
        # Waits while the client reads slowly, and gives up on one that does not read at all.
        try:
            async with asyncio.timeout(SLOW_SECONDS):
                await socket.send_str(write(frame))
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()  # a polite end would wait for the client too
            raise

    return send


async def _frames(socket: web.WebSocketResponse) -> AsyncIterator[Frame]:
    """Yield the client's frames, one at a time. Closes for what is not JSON that all read alike."""
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            await socket.close(code=1003, message=b"Only text frames are accepted.")
            return
        try:
            frame = read_object(message.data)
        except BadJson as error:
            await socket.close(code=REFUSED, message=str(error).encode()[:120])
            return
        yield frame


async def _serve_connector(request: web.Request, socket: web.WebSocketResponse) -> None:
    log.info("connector: connected")
    gate, send = request.app[_GATE], _sender(request, socket)

    async def drop(frame: Frame) -> None:
        pass

    try:
        upstream = await Upstream.connect(gate.session, gate.settings)
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
        async for frame in _frames(socket):
            if (refusal := await connector.answer(upstream, frame)) is not None:
                log.warning("connector: refused %.60r", frame.get("type"))
                await send(refusal)
    except (UpstreamLost, ConnectionError, TimeoutError) as error:
        log.warning("connector: ended: %s", type(error).__name__)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await upstream.close()


async def _serve_user(request: web.Request, socket: web.WebSocketResponse, token: str) -> None:
    send = _sender(request, socket)
    user = User(request.app[_GATE], token, request.headers.get("Origin"), send)

    async def close_at_the_end() -> None:
        why = await user.ended()
        code = REFUSED if why in ("A right ended.", "The key is not valid.") else TRY_LATER
        await socket.close(code=code, message=why.encode()[:120])

    closing = asyncio.create_task(close_at_the_end())
    try:
        async for frame in _frames(socket):
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


# --- HTTP ---------------------------------------------------------------------------------------


def _user_request(
    handler: Callable[[web.Request, Gate, str], Awaitable[web.StreamResponse]],
) -> Handle:
    """Wrap a handler of the OpenAI-compatible API, which gets a key that works."""

    async def handle(request: web.Request) -> web.StreamResponse:
        gate, token = request.app[_GATE], _bearer(request)
        if not gate.settings.user_keys or not token:
            return _error(401, "Send a key of ADE as a bearer token.")
        refusal = await _sign_in(request, token)
        return refusal if refusal else await handler(request, gate, token)

    return handle
