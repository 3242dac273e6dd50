"""A user of the gate: one key of ADE, one connection to the App Server, the conversations it opened."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

from ade.gate import answers
from ade.gate.access import READ_MESSAGES, WRITE_MESSAGES, Access, Check, NoAnswer, Verdict
from ade.gate.fields import DEFAULT
from ade.gate.metrics import Counts, Why
from ade.gate.settings import Settings
from ade.gate.upstream import Frame, Upstream, UpstreamLost

log = logging.getLogger(__name__)

RECHECK_SECONDS = 5
MOST_OPEN = 32  # conversations of one connection
DENIED = "This turn came through ADE's gate, which runs no tools that need approval."


class Refused(Exception):
    """The request is refused. The text says why, and metrics too; with `closes` the connection ends."""

    def __init__(self, text: str, *, why: Why = Why.AGENT, closes: bool = False) -> None:
        super().__init__(text)
        self.why, self.closes = why, closes


def not_found(agent_id: str) -> Refused:
    """The same for a foreign agent and for one that does not exist."""
    return Refused(f"Agent {agent_id} not found")


@dataclass(frozen=True, slots=True)
class Gate:
    """What all users of one gate share."""

    settings: Settings
    access: Access
    session: aiohttp.ClientSession
    # The list of all agents is large. One at a time bounds what the gate keeps in memory for it.
    listing: asyncio.Semaphore
    counts: Counts


class User:
    """What a key may do on the App Server. Every method asks ADE first."""

    def __init__(
        self,
        gate: Gate,
        token: str,
        origin: str | None,
        deliver: Callable[[Frame], Awaitable[None]],
    ) -> None:
        self.name = "unknown key"
        self.gate = gate
        self._token, self._origin, self._deliver_to = token, origin, deliver
        self._upstream: Upstream | None = None
        self._opened: set[answers.Scope] = set()
        self._over = asyncio.Event()  # nothing may reach the user any more
        self._why = ""
        self._tasks: set[asyncio.Task[None]] = set()

    # --- Rights -------------------------------------------------------------------------------

    async def check(self, checks: Iterable[Check]) -> Verdict:
        """Return ADE's verdict. Raises Refused, and ends the user, if the key is unknown or ADE is silent."""
        try:
            verdict = await self.gate.access.ask(self._token, self._origin, list(checks))
        except NoAnswer:
            self.end("ADE did not answer.")
            raise Refused(
                "ADE did not answer. Try again later.", why=Why.ADE, closes=True
            ) from None
        if verdict.caller is None:
            self.end("The key is not valid.")
            raise Refused("The key is not valid.", why=Why.KEY, closes=True)
        self.name = verdict.caller
        return verdict

    async def need(self, agent_id: str, *rights: str) -> None:
        """Raises Refused if the key does not have all these rights on the agent."""
        checks = [(agent_id, right) for right in rights]
        verdict = await self.check(checks)
        if missing := set(checks) - verdict.allowed:
            is_open = any(agent == agent_id for agent, _ in self._opened)
            if is_open and missing & {(agent_id, READ_MESSAGES), (agent_id, WRITE_MESSAGES)}:
                self.end("A right ended.")
                raise Refused(f"Agent {agent_id} not found", why=Why.ENDED, closes=True)
            raise not_found(agent_id)

    async def _recheck(self) -> None:
        """Ask every five seconds for the agents whose frames the user gets."""
        try:
            while not self._over.is_set():
                await asyncio.sleep(RECHECK_SECONDS)
                agents = {agent for agent, _ in self._opened}
                checks = [(a, right) for a in agents for right in (READ_MESSAGES, WRITE_MESSAGES)]
                with contextlib.suppress(Refused):  # it has ended the user
                    if checks and (await self.check(checks)).allowed < set(checks):
                        self.gate.counts.refusals[Why.ENDED] += 1
                        self.end("A right ended.")
        finally:
            self.end("The checks ended.")  # whatever went wrong, nothing passes unchecked

    # --- The connection -------------------------------------------------------------------------

    def end(self, why: str) -> None:
        """Let nothing through from now on."""
        if not self._over.is_set():
            log.info("%s: ended: %s", self.name, why)
        self._why = self._why or why
        self._over.set()

    async def ended(self) -> str:
        """Wait for the end of the user's connection and return the reason."""
        await self._over.wait()
        return self._why

    async def close(self) -> None:
        self.end("The client left.")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._upstream is not None:
            await self._upstream.close()

    async def _connected(self) -> Upstream:
        if self._upstream is None:
            gate = self.gate
            self._upstream = await Upstream.connect(gate.session, gate.settings, gate.counts)
            self._start(self._run(self._upstream))
            self._start(self._recheck())
        return self._upstream

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

    async def _run(self, upstream: Upstream) -> None:
        try:
            await upstream.run(self._deliver, self._other)
        except (UpstreamLost, ConnectionError, TimeoutError) as error:
            self.end(f"The connection failed: {type(error).__name__}.")
        finally:
            self.end("The App Server closed the connection.")

    async def _deliver(self, frame: Frame) -> None:
        if not self._over.is_set():
            await self._deliver_to(frame)

    async def _other(self, frame: Frame) -> None:
        """Take a frame that answers no request: deny an approval, pass on what is listed, drop the rest."""
        scope = answers.scope_of(frame)
        if frame.get("type") == "control_request" and scope in self._opened:
            await self._deny(frame, scope)
        elif (shaped := answers.stream_frame(frame, self._opened)) is not None:
            await self._deliver(shaped)

    async def _deny(self, frame: Frame, scope: answers.Scope | None) -> None:
        if scope is None or self._upstream is None:
            return
        decision = {"behavior": "deny", "message": DENIED}
        payload = {"kind": "approval_response", "request_id": frame.get("request_id")}
        await self._upstream.send(
            {
                "type": "input",
                "request_id": f"gate-{uuid.uuid4().hex}",
                "runtime": _runtime(*scope),
                "payload": {**payload, "decision": decision},
            }
        )

    async def ask(self, frame: Frame, shape: Any = None, answer_type: str = "") -> Frame:
        """Send one request, made by the gate, and return the answer. Raises Refused without one."""
        try:
            upstream = await self._connected()
            return await upstream.ask(
                frame, answer_type or f"{frame['type']}_response", shape=shape
            )
        except UpstreamLost as error:
            self.end(str(error))
            raise Refused(f"{error} Try again later.", why=Why.APP_SERVER, closes=True) from None

    # --- Conversations --------------------------------------------------------------------------

    async def agent_of(self, conversation_id: str) -> str | None:
        """Return the agent of a conversation, from the App Server; None if there is no conversation.

        Not cached: after a restart the App Server can give the id of a deleted conversation again.
        """
        found = await self.ask(
            {"type": "conversation_retrieve", "conversation_id": conversation_id}
        )
        conversation = found.get("conversation")
        agent = conversation.get("agent_id") if isinstance(conversation, dict) else None
        return agent if isinstance(agent, str) else None

    async def need_conversation(self, agent_id: str, conversation_id: str) -> None:
        """Raises Refused if the conversation is not the agent's."""
        if conversation_id != DEFAULT and await self.agent_of(conversation_id) != agent_id:
            raise Refused(f"Conversation {conversation_id} not found")

    async def open(self, agent_id: str, conversation_id: str, shape: Any = None) -> Frame:
        """Start the strict runtime of a conversation, whose frames the user gets from then on.

        Call it after `need` and `need_conversation`.
        """
        scope = (agent_id, conversation_id)
        if len(self._opened - {scope}) >= MOST_OPEN:
            text = f"At most {MOST_OPEN} conversations can be open on one connection."
            raise Refused(text, why=Why.REQUEST)

        def opened(frame: Frame) -> Frame | None:
            # Before the next frame is read, so that no frame of the conversation is missed.
            if frame.get("success") is True and answers.scope_of(frame) == scope:
                self._opened.add(scope)
            return shape(frame) if shape else None

        started = {
            "type": "runtime_start",
            "agent_id": agent_id,
            "conversation_id": conversation_id,
            "mode": "strict",
            "preserve_skill_sources": True,  # without it, the owner's choice would be reset
            "force_device_status": False,
            "recover_approvals": scope not in self._opened,
        }
        return await self.ask(started, opened)

    async def say(
        self, scope: answers.Scope, text: str, client_message_id: str, shape: Any = None
    ) -> Frame:
        """Start a turn in a conversation that this user opened. Call it after `need`."""
        if scope not in self._opened:
            raise _not_started()
        # Once more: the machine's owner can have changed the mode of the conversation meanwhile.
        if (await self.open(*scope)).get("success") is not True:
            raise Refused("The conversation cannot be used any more.", why=Why.APP_SERVER)
        message = {"role": "user", "content": text, "client_message_id": client_message_id}
        payload = {
            "kind": "create_message",
            "messages": [message],
            "client_tool_allowlist": list(self.gate.settings.tools),
            "exclude_interactive_tools": True,
        }
        turn = {"type": "input", "runtime": _runtime(*scope), "payload": payload}
        return await self.ask(turn, shape, "input_accepted")

    async def abort(self, scope: answers.Scope, shape: Any = None) -> Frame:
        """Stop the turn that runs in an opened conversation. Call it after `need`."""
        if scope not in self._opened:
            raise _not_started()
        return await self.ask({"type": "abort_message", "runtime": _runtime(*scope)}, shape)


def _runtime(agent_id: str, conversation_id: str) -> Frame:
    return {"agent_id": agent_id, "conversation_id": conversation_id}


def _not_started() -> Refused:
    text = "Send runtime_start for this agent and conversation first."
    return Refused(text, why=Why.REQUEST)
