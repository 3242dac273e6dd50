"""The OpenAI-compatible API: each call is one strict turn in a new conversation of the named agent."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from ade.gate import fields, user_requests
from ade.gate.access import READ_MESSAGES, WRITE_MESSAGES
from ade.gate.json_text import BadJson, read_object, write
from ade.gate.metrics import Why
from ade.gate.upstream import Frame
from ade.gate.user import Gate, Refused, User

TURN_SECONDS = 600
LOOK_SECONDS = 1  # how often a turn looks whether its client is still there
# They would name a conversation that the App Server keeps for somebody.
_FIELDS_REFUSED = ("previous_response_id", "conversation")
_HEADERS_REFUSED = ("x-letta-chat-key",)

OnText = Callable[[str], Awaitable[None]]


class Problem(Exception):
    """An answer in OpenAI's error form."""

    def __init__(self, status: int, text: str, kind: str = "invalid_request_error") -> None:
        super().__init__(text)
        self.status, self.kind = status, kind

    def answer(self) -> web.Response:
        error = {"message": str(self), "type": self.kind, "param": None, "code": None}
        more = {"Retry-After": "5"} if self.status == 503 else {}
        return _json({"error": error}, self.status, more)


def cors(origin: str | None) -> dict[str, str]:
    """Return the headers for a page whose origin has been checked."""
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} if origin else {}


async def models(request: web.Request, gate: Gate, token: str) -> web.StreamResponse:
    """List the agents that the key may read, by id."""
    user = User(gate, token, request.headers.get("Origin"), _nowhere)
    try:
        own = await user_requests.own_agents(user, {"limit": user_requests.ALL})
    except Refused as error:
        gate.counts.refusals[error.why] += 1
        return _problem(error).answer()
    finally:
        await user.close()
    data = [
        {"id": agent["id"], "object": "model", "created": 0, "owned_by": "letta"} for agent in own
    ]
    return _json({"object": "list", "data": data})


async def chat_completions(request: web.Request, gate: Gate, token: str) -> web.StreamResponse:
    """Answer `POST /v1/chat/completions`, streamed or not."""
    try:
        body = await _body(request)
        text = _transcript(body.get("messages"))
    except Problem as problem:
        return problem.answer()
    return await _answer(request, gate, token, body, text, Chat)


async def responses(request: web.Request, gate: Gate, token: str) -> web.StreamResponse:
    """Answer `POST /v1/responses`, streamed or not."""
    try:
        body = await _body(request)
        given = body.get("input")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        text = _transcript(items)
    except Problem as problem:
        return problem.answer()
    return await _answer(request, gate, token, body, text, Response)


# --- The two forms of an answer -----------------------------------------------------------------


class Chat:
    """The objects of `/v1/chat/completions`."""

    def __init__(self, model: str, body: Frame) -> None:
        self._base = {"id": f"chatcmpl-{uuid.uuid4()}", "created": int(time.time()), "model": model}
        options = body.get("stream_options")
        self._counts = isinstance(options, dict) and options.get("include_usage") is True

    def start(self) -> list[Frame]:
        return [self._chunk({"role": "assistant", "content": ""}, None)]

    def piece(self, text: str) -> Frame:
        return self._chunk({"content": text}, None)

    def end(self, text: str, usage: Frame) -> list[Frame]:
        last = self._chunk({}, "stop")
        return [last, last | {"choices": [], "usage": usage}] if self._counts else [last]

    def whole(self, text: str, usage: Frame) -> Frame:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {**self._base, "object": "chat.completion", "choices": [choice], "usage": usage}

    def _chunk(self, delta: Frame, finish: str | None) -> Frame:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {**self._base, "object": "chat.completion.chunk", "choices": [choice]}
        return chunk | {"usage": None} if self._counts else chunk


class Response:
    """The objects of `/v1/responses`. They are not stored: no later request can name them."""

    def __init__(self, model: str, body: Frame) -> None:
        self._item = f"msg_{uuid.uuid4()}"
        self._base: Frame = {
            "id": f"resp_{uuid.uuid4()}",
            "object": "response",
            "created_at": int(time.time()),
            "model": model,
            "error": None,
            "incomplete_details": None,
            "store": False,
        }

    def start(self) -> list[Frame]:
        begun = self._base | {"status": "in_progress", "output": [], "usage": None}
        part = {"item_id": self._item, "output_index": 0, "content_index": 0}
        return [
            {"type": "response.created", "response": begun},
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": self._message("in_progress", []),
            },
            {"type": "response.content_part.added", **part, "part": _output_text("")},
        ]

    def piece(self, text: str) -> Frame:
        part = {"item_id": self._item, "output_index": 0, "content_index": 0}
        return {"type": "response.output_text.delta", **part, "delta": text}

    def end(self, text: str, usage: Frame) -> list[Frame]:
        part = {"item_id": self._item, "output_index": 0, "content_index": 0}
        message = self._message("completed", [_output_text(text)])
        return [
            {"type": "response.output_text.done", **part, "text": text},
            {"type": "response.content_part.done", **part, "part": _output_text(text)},
            {"type": "response.output_item.done", "output_index": 0, "item": message},
            {"type": "response.completed", "response": self.whole(text, usage)},
        ]

    def whole(self, text: str, usage: Frame) -> Frame:
        counted = {
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
            "total_tokens": usage["total_tokens"],
        }
        output = [self._message("completed", [_output_text(text)])]
        return self._base | {"status": "completed", "output": output, "usage": counted}

    def _message(self, status: str, content: list[Frame]) -> Frame:
        message = {"id": self._item, "type": "message", "role": "assistant"}
        return message | {"status": status, "content": content}


def _output_text(text: str) -> Frame:
    return {"type": "output_text", "text": text, "annotations": []}


# --- A turn -------------------------------------------------------------------------------------


class Turn:
    """One strict turn in a new conversation, and the text that the agent says in it."""

    def __init__(self, gate: Gate, token: str, origin: str | None, on_text: OnText) -> None:
        self.text = ""
        self.usage: Frame = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        self.failed = False
        self._done = asyncio.Event()
        self._on_text = on_text
        self.user = User(gate, token, origin, self._take)

    async def run(
        self,
        agent_id: str,
        text: str,
        *,
        begin: Callable[[], Awaitable[None]],
        gone: Callable[[], bool],
    ) -> None:
        """Run the turn, until `gone`. `begin` is called before it starts. Raises Refused."""
        user = self.user
        await user.need(agent_id, READ_MESSAGES, WRITE_MESSAGES)
        made = await user.ask(
            {"type": "conversation_create", "body": {"agent_id": agent_id, "hidden": True}}
        )
        conversation = made.get("conversation")
        if not isinstance(conversation, dict) or conversation.get("agent_id") != agent_id:
            raise Refused(f"Agent {agent_id} not found")
        scope = (agent_id, fields.conversation_id(conversation.get("id"), default=False))
        if (await user.open(*scope)).get("success") is not True:
            raise Refused(user_requests.FAILED, why=Why.APP_SERVER)
        await begin()
        if (await user.say(scope, text, uuid.uuid4().hex)).get("accepted") is not True:
            raise Refused(user_requests.FAILED, why=Why.APP_SERVER)
        ended = asyncio.create_task(user.ended())
        done = asyncio.create_task(self._done.wait())
        try:
            async with asyncio.timeout(TURN_SECONDS):
                while not (ended.done() or done.done() or gone()):
                    await asyncio.wait(
                        {ended, done}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                    )
        except TimeoutError:
            self.failed = True
        finally:
            ended.cancel()
            done.cancel()
        self.failed = self.failed or not self._done.is_set()

    async def _take(self, frame: Frame) -> None:
        delta = frame.get("delta")
        if frame["type"] == "turn_finished":
            self.failed = self.failed or frame.get("stop_reason") == "error"
            self._done.set()
        elif isinstance(delta, dict) and delta.get("message_type") == "assistant_message":
            if piece := _said(delta.get("content")):
                self.text += piece
                await self._on_text(piece)
        elif isinstance(delta, dict) and delta.get("message_type") == "usage_statistics":
            for name in self.usage:
                if isinstance(delta.get(name), int):
                    self.usage[name] += delta[name]


async def _answer(
    request: web.Request,
    gate: Gate,
    token: str,
    body: Frame,
    text: str,
    form_of: type[Chat] | type[Response],
) -> web.StreamResponse:
    agent_id, streams = str(body["model"]), body.get("stream") is True
    form = form_of(agent_id, body)
    stream = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        | cors(request.headers.get("Origin"))
    )

    async def send(event: Frame) -> None:
        named = f"event: {event['type']}\n" if "type" in event else ""
        await stream.write(f"{named}data: {write(event)}\n\n".encode())

    async def begin() -> None:
        if streams:
            await stream.prepare(request)
            for event in form.start():
                await send(event)

    async def on_text(piece: str) -> None:
        if streams:
            await send(form.piece(piece))

    turn = Turn(gate, token, request.headers.get("Origin"), on_text)
    problem: Problem | None = None
    try:
        await turn.run(agent_id, text, begin=begin, gone=lambda: request.transport is None)
        if turn.failed:
            problem = Problem(502, "The turn failed.", "server_error")
    except Refused as error:
        gate.counts.refusals[error.why] += 1
        problem = _problem(error)
    finally:
        await turn.user.close()
    if not stream.prepared:
        return problem.answer() if problem else _json(form.whole(turn.text, turn.usage))
    if problem:
        await send({"error": {"message": str(problem), "type": problem.kind}})
    else:
        for event in form.end(turn.text, turn.usage):
            await send(event)
    if form_of is Chat:
        await stream.write(b"data: [DONE]\n\n")
    await stream.write_eof()
    return stream


# --- Reading a request --------------------------------------------------------------------------


async def _body(request: web.Request) -> Frame:
    """Return the JSON body. Raises Problem if it is refused."""
    if any(name in request.headers for name in _HEADERS_REFUSED):
        raise Problem(400, "The header X-Letta-Chat-Key is not accepted.")
    if request.content_type != "application/json":
        raise Problem(415, "Send the body as application/json.")
    try:
        body = read_object(await request.read())
    except BadJson as error:
        raise Problem(400, str(error)) from error
    if not isinstance(body.get("stream"), bool | None):
        raise Problem(400, "stream must be true or false.")
    if body.get("n") not in (None, 1):
        raise Problem(400, "n must be 1: an agent gives one answer.")
    for name in _FIELDS_REFUSED:
        if body.get(name) is not None:
            raise Problem(400, f"{name} is not accepted. Send the earlier messages instead.")
    try:
        body["model"] = fields.agent_id(body.get("model"))
    except fields.Invalid:
        raise Problem(404, "model must be the id of an agent, not its name.") from None
    return body


def _transcript(items: Any) -> str:
    """Return one message: the last one, after what was said before in this chat.

    Left out are messages of other roles, such as system and developer, as the App Server does, and
    earlier messages without text: a turn can end without one.
    """
    if not isinstance(items, list) or not items or len(items) > 1000:
        raise Problem(400, "Send a list of 1 to 1,000 messages.")
    lines = [line for item in items if (line := _line(item)) is not None]
    if not lines or lines[-1][0] != "user":
        raise Problem(400, "The last message must be of the role user.")
    *earlier, (_, last) = lines
    if not last:
        raise Problem(400, "The message is empty.")
    earlier = [(role, text) for role, text in earlier if text]
    if not earlier:
        return last
    before = "\n".join(f"{role}: {text}" for role, text in earlier)
    return f"Earlier in this chat:\n{before}\n\nNow:\n{last}"


def _line(item: Any) -> tuple[str, str] | None:
    """Return the role and the text of a message; "" if it has none, None if it is left out."""
    if not isinstance(item, dict) or not isinstance(item.get("role"), str):
        raise Problem(400, "Each message needs a role and a content.")
    role, content = item["role"], item.get("content")
    if role not in ("user", "assistant"):
        return None
    is_blank = isinstance(content, str) and not content.strip()
    if is_blank or content == [] or (role == "assistant" and content is None):
        return role, ""
    try:
        return role, fields.message_text(content)
    except fields.Invalid as error:
        raise Problem(400, str(error)) from error


def _said(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _problem(error: Refused) -> Problem:
    if error.closes:
        return Problem(503, str(error), "server_error")
    return Problem(404, str(error))


def _json(value: Frame, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, text=write(value), content_type="application/json", headers=headers
    )


async def _nowhere(frame: Frame) -> None:
    pass
