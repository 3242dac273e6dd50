"""Which agent a conversation, run, step or message of a Letta server belongs to.

The server is asked, and the answer never changes. What a caller may access is remembered for this
caller only, so that the time of an answer does not tell what others asked for. A look-up takes at most
SECONDS, and a process makes at most AT_ONCE of them at the same time.
"""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ade.server.worker_slots import NoSlot, current_slot
from agents.core.door.ids import is_id
from agents.domain.door.errors import CannotDecide
from agents.domain.sources import opening
from agents.domain.sources.tokens import token_of
from agents.models import AgentSource
from agents.net.connectors.base import SourceError
from agents.net.connectors.http import HttpServer

SECONDS = 1.0  # for all look-ups of one request
AT_ONCE = 4
REMEMBERED = 20_000  # ids
ANSWER = 4 * 1024 * 1024  # bytes of one answer
LISTED = 1000  # items of a list that are looked through
_CONNECTIONS = 20  # kept open, to all servers together

_PATHS = {"conversation": "conversations", "run": "runs", "step": "steps", "message": "messages"}
_turns = threading.BoundedSemaphore(AT_ONCE)
_lock = threading.Lock()
# The agent of an id, by server, caller and id.
_owners: "OrderedDict[tuple[str, str, str], str]" = OrderedDict()
_idle: list[tuple[tuple[str, str | None], HttpServer]] = []


class Lookups:
    """The look-ups of one request, at one source. They share a deadline."""

    def __init__(self, source: AgentSource, caller: str) -> None:
        self._source, self._caller = source, caller
        self._until = time.monotonic() + SECONDS

    def known_owner(self, value: str) -> str | None:
        """Return the agent of an id that was looked up for this caller before; None if it was not."""
        with _lock:
            return _owners.get((self._source.url, self._caller, value))

    def remember(self, value: str, agent_id: str) -> None:
        """Remember the agent of an id. Only for an agent that the caller may access."""
        with _lock:
            _owners[self._source.url, self._caller, value] = agent_id
            while len(_owners) > REMEMBERED:
                _owners.popitem(last=False)

    def owner(self, kind: str, value: str) -> str | None:
        """Return the id of the agent to which this belongs; None if it is unknown or has no agent.

        Raises CannotDecide if the server does not answer in time.
        """
        if not is_id(kind, value):
            return None
        found = self._get(f"/v1/{_PATHS[kind]}/{value}")
        if kind != "message":
            return _agent_in(found)
        for item in found if isinstance(found, list) else []:
            for part in ("step", "run"):
                named = item.get(f"{part}_id") if isinstance(item, dict) else None
                if isinstance(named, str):
                    return self.owner(part, named)
        return None

    def is_message_of(self, value: str, agent_id: str) -> bool:
        """Return True if a message without run and step, such as a system message, is the agent's own.

        It must be in the context of the agent or of one of its conversations.
        """
        agent = self._get(f"/v1/agents/{agent_id}")
        held = agent.get("message_ids") if isinstance(agent, dict) else None
        return isinstance(held, list) and value in held

    def is_message_in(self, value: str, conversation_id: str) -> bool:
        """The same for a message in the context of a conversation."""
        found = self._get(f"/v1/conversations/{conversation_id}")
        held = found.get("in_context_message_ids") if isinstance(found, dict) else None
        return isinstance(held, list) and value in held

    def is_listed(self, value: str, path: str) -> bool:
        """Return True if an id is among the first LISTED items of a list. Not remembered: lists change."""
        found = self._get(f"{path}?limit={LISTED}")
        items = found.get("files") if isinstance(found, dict) else found
        return isinstance(items, list) and any(
            isinstance(item, dict) and item.get("id") == value for item in items
        )

    def _get(self, path: str) -> Any:
        """Return the JSON of an answer; None for 404 and 422."""
        with _turn(self._until):
            left = self._until - time.monotonic()
            if left <= 0:
                raise CannotDecide("The server of this agent is slow.")
            try:
                with _server_of(self._source) as server:
                    reply = server.get(path, seconds=left)
                if reply.status in (404, 422):
                    return None
                if reply.status == 200:
                    return json.loads(reply.content)
            except (SourceError, ValueError, RecursionError) as error:
                raise CannotDecide("The server of this agent does not answer.") from error
        raise CannotDecide("The server of this agent refuses look-ups.")


def _agent_in(found: Any) -> str | None:
    agent_id = found.get("agent_id") if isinstance(found, dict) else None
    return agent_id if isinstance(agent_id, str) and is_id("agent", agent_id) else None


@contextmanager
def _turn(until: float) -> Iterator[None]:
    """Wait for one of AT_ONCE turns, without a worker slot: others can work meanwhile."""
    slot = current_slot()
    paused = slot is not None and slot.may_pause()
    if slot is not None and paused:
        slot.leave()
    try:
        if not _turns.acquire(timeout=max(0.0, until - time.monotonic())):
            raise CannotDecide("Too many look-ups wait for the server of this agent.")
        try:
            yield
        finally:
            _turns.release()
    finally:
        if slot is not None and paused:
            try:
                slot.enter()
            except NoSlot as error:
                raise CannotDecide("ADE is overloaded.") from error


@contextmanager
def _server_of(source: AgentSource) -> Iterator[HttpServer]:
    """Lend a connection to the server, one that is open if there is one."""
    token = token_of(source)
    key = source.url, token
    with _lock:
        found = next((server for known, server in _idle if known == key), None)
        if found is not None:
            _idle.remove((key, found))
    server = found or HttpServer(
        source.url, token=token, networks=opening.networks(), answer_bytes=ANSWER
    )
    try:
        yield server
    finally:
        with _lock:
            _idle.append((key, server))
            spare = _idle.pop(0)[1] if len(_idle) > _CONNECTIONS else None
        if spare is not None:
            spare.close()


def forget() -> None:
    """Forget all look-ups and close the connections, as after a start."""
    with _lock:
        _owners.clear()
        for _, server in _idle:
            server.close()
        _idle.clear()
