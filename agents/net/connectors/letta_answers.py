"""Read the answers of a Letta server."""

from datetime import UTC, datetime

import msgspec

from agents.net.connectors.answers import BadJson, JsonAnswer, seen_agent, seen_block
from agents.net.connectors.base import (
    AnswerLost,
    Denied,
    SeenAgent,
    SeenBlock,
    Unreachable,
    Unread,
    Unreadable,
)
from agents.net.connectors.http import Reply


def agents_of(reply: Reply, url: str) -> list[SeenAgent | Unread]:
    """Read a list of agents. Raises Denied for what is not one, Unreachable for a broken answer."""
    answer = JsonAnswer(reply.content)
    try:
        raws = answer.split(list[msgspec.Raw])
    except BadJson as error:
        raise _no_api(reply, url, error) from error
    return [seen_agent(answer, raw, hides_subagents=False) for raw in raws]


def one_agent(reply: Reply, url: str, agent_id: str | None) -> SeenAgent:
    """Read an agent, which must have this id if one is given. Raises as `agents_of`."""
    answer = JsonAnswer(reply.content)
    try:
        agent = seen_agent(answer, answer.split(msgspec.Raw), hides_subagents=False)
    except BadJson as error:
        raise _no_api(reply, url, error) from error
    if isinstance(agent, Unread):
        raise Unreadable(f"{url}: {agent.why}")
    if agent_id is not None and agent.id != agent_id:
        raise Denied(f"{url} answered with another agent than {agent_id}.")
    return agent


def blocks_of(reply: Reply, url: str) -> list[SeenBlock]:
    """Read a list of memory blocks; entries that are no blocks are left out. Raises as `agents_of`."""
    answer = JsonAnswer(reply.content)
    try:
        blocks = [answer.value(raw) for raw in answer.split(list[msgspec.Raw])]
    except BadJson as error:
        raise _no_api(reply, url, error) from error
    return [block for block in map(seen_block, blocks) if block is not None]


def written_block(reply: Reply, url: str) -> SeenBlock:
    """Read the block in the answer to a write. Raises AnswerLost, because the write was done."""
    if (block := block_of(reply)) is None:
        raise AnswerLost(f"{url}: the answer is no memory block.")
    return block


def block_of(reply: Reply) -> SeenBlock | None:
    """Read a memory block; None if the answer is none."""
    answer = JsonAnswer(reply.content)
    try:
        return seen_block(answer.value(answer.split(msgspec.Raw)))
    except BadJson:
        return None


def names_agent(reply: Reply, agent_id: str) -> bool:
    """True if the answer is JSON that names the agent, and so not the page of a proxy."""
    return any(isinstance(text, str) and agent_id in text for text in _fields_of(reply).values())


def text_of(reply: Reply, name: str) -> str:
    """Return the first 100 characters of a text of an answer; "" without one."""
    text = _fields_of(reply).get(name)
    return text[:100] if isinstance(text, str) else ""


def moment(text: str | None) -> datetime | None:
    """Read a time; None if it cannot be read."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    # Old servers write UTC without saying so.
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def is_older(agent: SeenAgent | Unread, since: datetime | None) -> bool:
    """True if the agent was last changed before this time."""
    if since is None or isinstance(agent, Unread):
        return False
    moved = moment(agent.moved)
    return moved is not None and moved < since


def _fields_of(reply: Reply) -> dict[str, object]:
    answer = JsonAnswer(reply.content)
    try:
        found = answer.value(answer.split(msgspec.Raw))
    except BadJson:
        return {}
    return found if isinstance(found, dict) else {}


def _no_api(reply: Reply, url: str, error: BadJson) -> Denied | Unreachable:
    """A page or another kind of JSON is a wrong server; broken JSON may be a broken answer."""
    message = f"{url} is no Letta API: the answer is no list of agents: {error}."
    if reply.content.lstrip()[:1] == b"<" or str(error).startswith("Expected"):
        return Denied(message)
    return Unreachable(message)
