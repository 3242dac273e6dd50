"""Requests to an App Server and their answers, as frames of one WebSocket."""

import uuid
from collections.abc import Mapping
from typing import Any, Self

import httpcore
import msgspec

from agents.core.tag_text import shown
from agents.net.connectors.address import AddressCheck, Networks, headers_for
from agents.net.connectors.answers import BadJson, JsonAnswer, json_bytes, seen_agent
from agents.net.connectors.base import (
    AgentNotThere,
    AnswerLost,
    Denied,
    Rejected,
    SeenAgent,
    SourceError,
    TooLarge,
    Unreachable,
    Unread,
    Unreadable,
)
from agents.net.connectors.web_socket import Closed, NotSwitched, WebSocket
from agents.net.guarded import Call, Guarded, Refused, Unsent, reason_at

_PROTOCOL = 1
_FRAME = 100 * 1024 * 1024  # bytes; the server closes the connection on larger ones
_FAILURES = (NotSwitched, Closed, Unsent)


class Answer:
    """One frame: an object whose fields are decoded when they are asked for."""

    def __init__(self, answer: JsonAnswer, fields: dict[str, msgspec.Raw]) -> None:
        self._answer, self._fields = answer, fields

    @classmethod
    def read(cls, content: bytearray) -> Self | None:
        """None for what is no object."""
        answer = JsonAnswer(content)
        try:
            return cls(answer, answer.split(dict[str, msgspec.Raw]))
        except BadJson:
            return None

    def get(self, name: str) -> Any:
        """A field; None where it is missing or cannot be read."""
        try:
            return self.value(self._fields[name])
        except (KeyError, BadJson):
            return None

    def text(self, name: str) -> str:
        """A text field. Raises Unreachable."""
        text = self.get(name)
        if not isinstance(text, str):
            raise Unreachable(f"The answer has no {name}.")
        return text

    def value(self, raw: msgspec.Raw) -> Any:
        """Decode a part. Raises BadJson."""
        return self._answer.value(raw)

    def part(self, name: str, form: Any) -> Any:
        """A field in raw parts. Raises Unreachable."""
        try:
            return msgspec.json.decode(self._fields[name], type=form)
        except (KeyError, msgspec.DecodeError) as error:
            raise Unreachable(f"The answer has no {name} that can be read.") from error

    def agent(self, raw: msgspec.Raw) -> SeenAgent | Unread:
        """Read an agent."""
        return seen_agent(self._answer, raw, hides_subagents=True)


class AppServer:
    """The server at `url`. The connection is opened when it is first needed, and when it was lost."""

    def __init__(
        self, url: str, *, token: str | None, networks: Networks, answer_bytes: int
    ) -> None:
        self.url = url
        self.version = ""
        self._headers = headers_for(token)
        self._with_token = token is not None
        self._most = answer_bytes
        self._call = Call()
        self._network = Guarded(AddressCheck(url, token, networks), self._call)
        self._socket: WebSocket | None = None

    def begin(self, seconds: float) -> None:
        """Start the clock of a call, for all its requests together."""
        self._call.begin(seconds)

    def ask(self, kind: str, fields: Mapping[str, Any], *, writes: bool = False) -> Answer:
        """Send one request and return its answer, within the deadline of the call.

        A request whose connection broke is sent again only if that cannot do it twice.
        """
        request_id = uuid.uuid4().hex
        frame = json_bytes({"type": kind, "request_id": request_id, **fields})
        if len(frame) > _FRAME:
            raise Rejected(f"The request is larger than {_FRAME:,} bytes.")
        sent = False
        try:
            while True:
                socket, is_new = self._connected()
                try:
                    socket.send(frame)
                    answer = self._answer(socket, request_id)
                    break
                except (httpcore.NetworkError, Closed):
                    if is_new or (writes and self._call.sent):
                        sent = self._call.sent
                        raise
                    self.close()
                except (httpcore.TimeoutException, TooLarge):
                    sent = self._call.sent
                    raise
        except (httpcore.NetworkError, httpcore.TimeoutException, SourceError, *_FAILURES) as error:
            self.close()
            failure = self._meaning(error)
            if writes and sent:
                failure = AnswerLost(str(failure))
            raise failure from error
        self._check(answer, kind, fields, writes=writes)
        return answer

    def _answer(self, socket: WebSocket, request_id: str) -> Answer:
        """Read frames until the answer; those of other requests are skipped."""
        read = 0
        while read <= self._most:
            content = socket.receive()
            read += len(content)
            answer = Answer.read(content)
            if answer is not None and answer.get("request_id") == request_id:
                return answer
        raise TooLarge(f"{self.url} sent more than {self._most:,} bytes besides the answer.")

    def _connected(self) -> tuple[WebSocket, bool]:
        """The open connection, or a new one to a server that is known to be the right kind."""
        if self._socket is not None:
            if self._socket.usable:
                return self._socket, False
            self.close()
        socket = WebSocket(
            self.url,
            headers=self._headers,
            network=self._network,
            call=self._call,
            answer_bytes=self._most,
        )
        self._socket = socket
        request_id = uuid.uuid4().hex
        socket.send(json_bytes({"type": "app_server_info", "request_id": request_id}))
        info = self._answer(socket, request_id)
        self._call.sent = False
        self._require_known(info)
        return socket, True

    def _require_known(self, info: Answer) -> None:
        backend, protocol = info.get("backend"), info.get("protocol_version")
        capabilities = info.get("capabilities")
        version = info.get("letta_code_version")
        self.version = version[:100] if isinstance(version, str) else ""
        if backend == "api":
            raise Denied(
                "This App Server is a front of Letta Cloud (backend “api”) and has no agents of its "
                "own. Start it with --backend local, or connect Letta Cloud itself."
            )
        if protocol != _PROTOCOL:
            raise Denied(
                f"This App Server speaks protocol {shown(str(protocol), 20)}; ADE knows protocol "
                f"{_PROTOCOL}."
            )
        if not isinstance(capabilities, dict) or not capabilities.get("agent_management"):
            raise Denied("This App Server does not let clients manage agents.")

    def _check(self, answer: Answer, kind: str, fields: Mapping[str, Any], *, writes: bool) -> None:
        """Raise what `success: false` means."""
        if answer.get("success") is not False:
            return
        error = answer.get("error")
        said = error if isinstance(error, str) else "no reason"
        agent_id = fields.get("agent_id")
        if agent_id and f"Agent {agent_id} not found" in said:
            raise AgentNotThere(f"{self.url} has no agent {agent_id}.")
        message = f"{self.url} refused {kind}: {shown(said, 300)}"
        if "LETTA_API_KEY" in said:
            raise Denied(message)
        if writes:
            raise Rejected(message)
        raise Unreadable(message) if agent_id else Unreachable(message)

    def _meaning(self, error: Exception) -> SourceError:
        """The failure of a connection as callers know it."""
        if isinstance(error, SourceError):
            return error
        if isinstance(error, NotSwitched):
            return self._refusal(error)
        if isinstance(error, Refused):
            return Denied(str(error))
        if isinstance(error, Unsent):
            return Unreachable(str(error))
        if isinstance(error, httpcore.TimeoutException):
            return Unreachable(f"{self.url} did not answer in time.")
        return Unreachable(reason_at(self.url, error))

    def _refusal(self, answer: NotSwitched) -> SourceError:
        """What the HTTP answer to the handshake means."""
        status, said = answer.status, f"{answer.status} {shown(answer.phrase, 100)}"
        if status in (401, 403):
            what = "refuses the token" if self._with_token else "wants a token"
            return Denied(f"{self.url} {what} ({said}).")
        if 300 <= status < 400:
            return Denied(
                f"{self.url} redirects. ADE does not follow; give the address it leads to."
            )
        if status in (408, 425, 429) or (status >= 500 and status != 501):
            after = answer.headers.get("retry-after", "")
            seconds = (
                int(after) if after.isascii() and after.isdigit() and len(after) < 10 else None
            )
            return Unreachable(f"{self.url} answered {said}.", seconds)
        return Denied(
            f"There is no App Server at {self.url} ({said}). Check the address and its path."
        )

    def close(self) -> None:
        """Close the connection. The next request opens another."""
        if self._socket is not None:
            socket, self._socket = self._socket, None
            socket.close()
