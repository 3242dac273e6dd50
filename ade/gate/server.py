"""What the gate listens to: WebSockets, the OpenAI-compatible API, probes and metrics."""

import asyncio
import contextlib
import hmac
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiohttp
from aiohttp import web

from ade.gate import connector, metrics, openai_api
from ade.gate.access import Access, NoAnswer
from ade.gate.json_text import BadJson, read_object, write
from ade.gate.metrics import Client, Counts, Why
from ade.gate.sessions import GOING, REFUSED, TRY_LATER, serve_connector, serve_user
from ade.gate.settings import Settings
from ade.gate.user import Gate

log = logging.getLogger(__name__)

LARGEST_FRAME = 1024 * 1024  # bytes of a user's frame or body
KEY_SECONDS = 10  # for the first frame with the key
HEARTBEAT_SECONDS = 30
CLOSE_SECONDS = 1  # for the client's own close frame
MOST_CONNECTIONS = 500
MOST_WITHOUT_KEY = 100  # of them
MOST_OF_A_KEY = 50  # of them
MOST_SIGN_INS = 8  # keys that are looked up at the same time
FAILED_SECONDS = 0.25  # a wrong key keeps its place for so long: at most 32 wrong keys a second

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
    app.router.add_get("/metrics", _metrics)
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
            counts = Counts()
            access = Access(session, settings, counts)
            app[_GATE] = Gate(settings, access, session, asyncio.Semaphore(1), counts)
            yield

    return context


async def _leave(app: web.Application) -> None:
    for socket in list(app[_SERVER].sockets):
        await socket.close(code=GOING, message=b"The gate stops.")


async def _ok(request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _metrics(request: web.Request) -> web.Response:
    """Return the metrics to a program that has their token."""
    gate, token = request.app[_GATE], _bearer(request)
    if not gate.settings.metrics_token:
        raise web.HTTPNotFound
    if not _is_same(token or "", gate.settings.metrics_token):
        return _refuse(request, 401, "The metrics need GATE_METRICS_TOKEN.", Why.KEY)
    return web.Response(text=gate.counts.text(), headers={"Content-Type": metrics.CONTENT_TYPE})


@contextlib.contextmanager
def _connected(counts: Counts, client: Client) -> Iterator[None]:
    counts.connected[client] += 1
    try:
        yield
    finally:
        counts.connected[client] -= 1


# --- Who asks -----------------------------------------------------------------------------------

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _guard(request: web.Request, handler: Handle) -> web.StreamResponse:
    """Answer preflights; refuse keys from pages of other origins, and connections above the limit."""
    settings, server = request.app[_GATE].settings, request.app[_SERVER]
    origin = request.headers.get("Origin")
    if origin is not None and (not settings.user_keys or len(origin) > LONGEST_ORIGIN):
        return _refuse(request, 403, "Pages may not use this gate.", Why.ORIGIN)
    if request.method == "OPTIONS" and origin is not None:
        # It shows no key, and so nothing to decide by. The request that follows is checked.
        return web.Response(status=204, headers=openai_api.cors(origin) | _PREFLIGHT)
    token = _bearer(request)
    if token is not None and not _may_come_from(settings, origin, token):
        text = "Pages of this origin may not use the gate (GATE_ORIGINS)."
        return _refuse(request, 403, text, Why.ORIGIN)
    if server.connections >= MOST_CONNECTIONS:
        text = "The gate has too many connections. Try again later."
        return _refuse(request, 503, text, Why.CONNECTIONS)
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
    return bool(settings.connector_token) and _is_same(token, settings.connector_token)


def _is_same(token: str, expected: str) -> bool:
    return hmac.compare_digest(token.encode("utf-8", "replace"), expected.encode())


def _refuse(request: web.Request, status: int, text: str, why: Why) -> web.Response:
    request.app[_GATE].counts.refusals[why] += 1
    headers = {"Retry-After": "5"} if status == 503 else {}
    body = write({"error": {"message": text, "type": "gate", "param": None, "code": None}})
    return web.Response(status=status, text=body, content_type="application/json", headers=headers)


# --- WebSockets ---------------------------------------------------------------------------------


async def _websocket(request: web.Request) -> web.StreamResponse:
    """Serve ADE's connector, or a user."""
    gate = request.app[_GATE]
    settings, token = gate.settings, _bearer(request)
    if request.query_string:
        text = "Send no query: the token belongs in the Authorization header."
        return _refuse(request, 400, text, Why.REQUEST)
    is_connector = token is not None and _is_connector(settings, token)
    if is_connector and "Origin" in request.headers:
        text = "A page may not use the connector's token."
        return _refuse(request, 403, text, Why.ORIGIN)
    if not is_connector:
        if not settings.user_keys or token == "":
            return _refuse(request, 401, "This token is not valid.", Why.KEY)
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
            with _connected(gate.counts, Client.CONNECTOR):
                await serve_connector(request, gate, socket)
        elif token is not None or (token := await _key_of_first_frame(request, socket)):
            with _connected(gate.counts, Client.USER):
                await serve_user(request, gate, socket, token)
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
        return _refuse(request, 503, "ADE did not answer. Try again later.", Why.ADE)
    if caller is None:
        return _refuse(request, 401, "This key is not valid.", Why.KEY)
    if server.of_callers[caller] >= MOST_OF_A_KEY:
        text = "This key has too many connections. Close some of them."
        return _refuse(request, 503, text, Why.CONNECTIONS)
    request[_CALLER] = caller
    server.of_callers[caller] += 1
    return None


async def _key_of_first_frame(request: web.Request, socket: web.WebSocketResponse) -> str | None:
    """Return the key that a page sends as `{"type": "authenticate", "token": "ade_…"}`, or close."""
    token: object = None
    server, counts = request.app[_SERVER], request.app[_GATE].counts
    if server.without_key >= MOST_WITHOUT_KEY:
        counts.refusals[Why.CONNECTIONS] += 1
        await socket.close(code=TRY_LATER, message=b"Too many connections wait with their key.")
        return None
    server.without_key += 1
    try:
        with _connected(counts, Client.UNKNOWN):
            async with asyncio.timeout(KEY_SECONDS):
                frame = read_object(await socket.receive_str())
        token = frame.get("token") if frame.get("type") == "authenticate" else None
    except (TimeoutError, BadJson, TypeError):
        pass
    finally:
        server.without_key -= 1
    if not isinstance(token, str):
        counts.refusals[Why.KEY] += 1
        await socket.close(code=REFUSED, message=b"Send your key as the first frame.")
        return None
    origin = request.headers.get("Origin")
    if not _may_come_from(request.app[_GATE].settings, origin, token):
        counts.refusals[Why.ORIGIN] += 1
        await socket.close(code=REFUSED, message=b"Pages of this origin may not use the gate.")
        return None
    if refusal := await _sign_in(request, token):
        later = refusal.status == 503
        text = b"Try again later." if later else b"This key is not valid."
        await socket.close(code=TRY_LATER if later else REFUSED, message=text)
        return None
    await socket.send_str(write({"type": "authenticated"}))
    return token


# --- HTTP ---------------------------------------------------------------------------------------


def _user_request(
    handler: Callable[[web.Request, Gate, str], Awaitable[web.StreamResponse]],
) -> Handle:
    """Wrap a handler of the OpenAI-compatible API, which gets a key that works."""

    async def handle(request: web.Request) -> web.StreamResponse:
        gate, token = request.app[_GATE], _bearer(request)
        if not gate.settings.user_keys or not token:
            return _refuse(request, 401, "Send a key of ADE as a bearer token.", Why.KEY)
        if refusal := await _sign_in(request, token):
            return refusal
        gate.counts.requests[Client.OPENAI, handler.__name__] += 1
        with _connected(gate.counts, Client.OPENAI):
            return await handler(request, gate, token)

    return handle
