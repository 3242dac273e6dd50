"""The requests of users' keys. The gate builds each itself from a short list of fields and drops all others."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from ade.gate import answers, fields
from ade.gate.access import READ_AGENT, READ_MESSAGES, WRITE_MESSAGES
from ade.gate.fields import DEFAULT
from ade.gate.metrics import OTHER, Client, Why
from ade.gate.upstream import Frame
from ade.gate.user import Refused, User

ALL = 10**9
MOST_LISTED = 1000
FAILED = "The App Server refused the request."

# Returns the answer, or None if it has been delivered already.
Handler = Callable[[User, Frame], Awaitable[Frame | None]]


async def agent_list(user: User, frame: Frame) -> Frame:
    """The agents that the key may read: filtered by ADE, then paged."""
    query = fields.part(frame, "query")
    limit = fields.number(query.get("limit", 20), "limit", MOST_LISTED)
    after = fields.agent_id(query["after"]) if "after" in query else None
    wanted: Frame = {"limit": ALL}
    if "tags" in query:
        wanted["tags"] = fields.texts(query["tags"], "tags", count=50, most=512)
    if "query_text" in query:
        wanted["query_text"] = fields.text(query["query_text"], "query_text", 512)
    own = await own_agents(user, wanted)
    if after is not None:
        ids = [agent.get("id") for agent in own]
        if after not in ids:
            text = "after is not in the list. Start again from the first page."
            raise Refused(text, why=Why.REQUEST)
        own = own[ids.index(after) + 1 :]
    return {"success": True, "agents": own[:limit]}


async def own_agents(user: User, query: Frame) -> list[Frame]:
    """Return the agents of the App Server that the key may read."""
    await user.check([])  # an unknown key causes no work
    async with user.gate.listing:
        started = time.monotonic()
        answer = await user.ask({"type": "agent_list", "query": query})
        found = answer.get("agents")
        listed = [answers.agent(agent) for agent in found] if isinstance(found, list) else []
        del answer, found
        # The App Server serves nobody else while it builds the list. Give it as long to rest.
        await asyncio.sleep(time.monotonic() - started)
    ids = [str(agent.get("id")) for agent in listed]
    verdict = await user.check((agent_id, READ_AGENT) for agent_id in ids)
    return [
        agent
        for agent, agent_id in zip(listed, ids, strict=True)
        if (agent_id, READ_AGENT) in verdict.allowed
    ]


async def agent_retrieve(user: User, frame: Frame) -> Frame:
    agent_id = fields.agent_id(frame.get("agent_id"))
    await user.need(agent_id, READ_AGENT)
    answer = await user.ask({"type": "agent_retrieve", "agent_id": agent_id})
    agent = answer.get("agent")
    if not isinstance(agent, dict) or agent.get("id") != agent_id:
        raise Refused(f"Agent {agent_id} not found")
    return {"success": True, "agent": answers.agent(agent)}


async def conversation_list(user: User, frame: Frame) -> Frame:
    query = fields.part(frame, "query")
    agent_id = fields.agent_id(query.get("agent_id"))
    wanted: Frame = {"agent_id": agent_id}
    wanted["limit"] = fields.number(query.get("limit", 20), "limit", MOST_LISTED)
    await user.need(agent_id, READ_MESSAGES)
    if "after" in query:
        wanted["after"] = fields.conversation_id(query["after"], default=False)
        await user.need_conversation(agent_id, wanted["after"])
    answer = await user.ask({"type": "conversation_list", "query": wanted})
    found = answer.get("conversations")
    own = [
        answers.conversation(item)
        for item in (found if isinstance(found, list) else [])
        if isinstance(item, dict) and item.get("agent_id") == agent_id
    ]
    return {"success": True, "conversations": own}


async def conversation_retrieve(user: User, frame: Frame) -> Frame:
    """The default conversation is in no list and cannot be retrieved: its id does not name its agent."""
    conversation_id = fields.conversation_id(frame.get("conversation_id"), default=False)
    await user.check([])
    answer = await user.ask({"type": "conversation_retrieve", "conversation_id": conversation_id})
    found = answer.get("conversation")
    conversation = found if isinstance(found, dict) else {}
    agent_id = conversation.get("agent_id")
    may = isinstance(agent_id, str) and await _may(user, agent_id, READ_MESSAGES)
    if not may:
        raise Refused(f"Conversation {conversation_id} not found")
    return {"success": True, "conversation": answers.conversation(conversation)}


async def conversation_create(user: User, frame: Frame) -> Frame:
    body = fields.part(frame, "body")
    agent_id = fields.agent_id(body.get("agent_id"))
    made: Frame = {"agent_id": agent_id}
    if body.get("summary") is not None:
        made["summary"] = fields.text(body["summary"], "summary", 1000)
    await user.need(agent_id, WRITE_MESSAGES)
    answer = await user.ask({"type": "conversation_create", "body": made})
    conversation = answer.get("conversation")
    if not isinstance(conversation, dict) or conversation.get("agent_id") != agent_id:
        raise Refused(FAILED, why=Why.APP_SERVER)
    return {"success": True, "conversation": answers.conversation(conversation)}


async def conversation_messages_list(user: User, frame: Frame) -> Frame:
    """The default conversation needs query.agent_id; each agent has one."""
    conversation_id = fields.conversation_id(frame.get("conversation_id"))
    query = fields.part(frame, "query")
    wanted: Frame = {"limit": fields.number(query.get("limit", 50), "limit", 200)}
    wanted["order"] = fields.choice(query.get("order", "desc"), "order", ("asc", "desc"))
    for name in ("before", "after"):
        if query.get(name) is not None:
            wanted[name] = fields.text(query[name], name, 200, least=1)
    if conversation_id == DEFAULT or "agent_id" in query:
        agent_id = fields.agent_id(query.get("agent_id"))
        await user.need(agent_id, READ_MESSAGES)
        await user.need_conversation(agent_id, conversation_id)
    else:
        await user.check([])
        found = await user.agent_of(conversation_id)
        if found is None or not await _may(user, found, READ_MESSAGES):
            raise Refused(f"Conversation {conversation_id} not found")
        agent_id = found
    answer = await user.ask(
        {
            "type": "conversation_messages_list",
            "conversation_id": conversation_id,
            "query": wanted | {"agent_id": agent_id},
        }
    )
    if answer.get("success") is not True or not isinstance(answer.get("messages"), list):
        raise Refused(FAILED, why=Why.APP_SERVER)
    return {
        "success": True,
        "messages": answers.messages(answer["messages"]),
        "next_before": answer.get("next_before"),
        "has_more": answer.get("has_more") is True,
    }


async def runtime_start(user: User, frame: Frame) -> None:
    agent_id = fields.agent_id(frame.get("agent_id"))
    conversation_id = fields.conversation_id(frame.get("conversation_id"))
    await user.need(agent_id, READ_MESSAGES, WRITE_MESSAGES)
    await user.need_conversation(agent_id, conversation_id)

    def shape(answer: Frame) -> Frame:
        reply: Frame = {"type": "runtime_start_response", "request_id": frame["request_id"]}
        if answer.get("success") is not True:
            return reply | {"success": False, "error": FAILED}
        runtime = {"agent_id": agent_id, "conversation_id": conversation_id}
        return reply | {"success": True, "runtime": runtime, "mode": "strict"}

    await user.open(agent_id, conversation_id, shape)


async def input_(user: User, frame: Frame) -> None:
    """Only a message of the role user, as text."""
    scope = _scope(frame)
    payload = fields.part(frame, "payload")
    fields.choice(payload.get("kind"), "payload.kind", ("create_message",))
    messages = payload.get("messages")
    if not isinstance(messages, list) or len(messages) != 1 or not isinstance(messages[0], dict):
        raise fields.Invalid("messages must be a list of one message.")
    fields.choice(messages[0].get("role"), "role", ("user",))
    text = fields.message_text(messages[0].get("content"))
    named = messages[0].get("client_message_id", uuid.uuid4().hex)
    named = fields.text(named, "client_message_id", 128, least=1)
    await user.need(scope[0], READ_MESSAGES, WRITE_MESSAGES)

    def shape(answer: Frame) -> Frame:
        reply: Frame = {"type": "input_accepted", "request_id": frame["request_id"]}
        runtime = {"agent_id": scope[0], "conversation_id": scope[1]}
        accepted = answer.get("accepted") is True
        reply |= {"runtime": runtime, "accepted": accepted}
        more = {"disposition": answer.get("disposition")} if accepted else {"error": FAILED}
        return reply | more

    await user.say(scope, text, named, shape)


async def abort_message(user: User, frame: Frame) -> None:
    """It stops what runs in the conversation. A run_id is dropped: it could name another's run."""
    scope = _scope(frame)
    await user.need(scope[0], WRITE_MESSAGES)

    def shape(answer: Frame) -> Frame:
        reply: Frame = {"type": "abort_message_response", "request_id": frame["request_id"]}
        runtime = {"agent_id": scope[0], "conversation_id": scope[1]}
        success = answer.get("success") is True
        return reply | {
            "runtime": runtime,
            "aborted": answer.get("aborted") is True,
            "success": success,
        }

    await user.abort(scope, shape)


HANDLERS: dict[str, Handler] = {
    "agent_list": agent_list,
    "agent_retrieve": agent_retrieve,
    "conversation_list": conversation_list,
    "conversation_retrieve": conversation_retrieve,
    "conversation_create": conversation_create,
    "conversation_messages_list": conversation_messages_list,
    "runtime_start": runtime_start,
    "input": input_,
    "abort_message": abort_message,
}


async def answer(user: User, frame: Frame) -> Frame | None:
    """Carry out one request of a user. Returns the answer, or None if it has been delivered already.

    Raises Refused if the connection must end.
    """
    kind = frame.get("type")
    handler = HANDLERS.get(kind) if isinstance(kind, str) else None
    counts = user.gate.counts
    counts.requests[Client.USER, str(kind) if handler else OTHER] += 1
    try:
        name = fields.request_id(frame)
        if handler is None:
            counts.refusals[Why.TYPE] += 1
            return _refusal(
                "error", name, "This type of request is not accepted with a user's key."
            )
        found = await handler(user, frame)
    except fields.Invalid as error:
        counts.refusals[Why.REQUEST] += 1
        return _refusal(kind if handler else None, frame.get("request_id"), str(error))
    except Refused as error:
        counts.refusals[error.why] += 1
        if error.closes:
            raise
        return _refusal(kind, name, str(error))
    return None if found is None else {"type": f"{kind}_response", "request_id": name, **found}


def _refusal(kind: Any, name: Any, text: str) -> Frame:
    request_id = {"request_id": name} if isinstance(name, str) else {}
    if kind == "input":
        return {"type": "input_accepted", **request_id, "accepted": False, "error": text}
    answer_type = f"{kind}_response" if kind in HANDLERS else "error"
    return {"type": answer_type, **request_id, "success": False, "error": text}


def _scope(frame: Frame) -> answers.Scope:
    runtime = fields.part(frame, "runtime")
    return (
        fields.agent_id(runtime.get("agent_id")),
        fields.conversation_id(runtime.get("conversation_id")),
    )


async def _may(user: User, agent_id: str, right: str) -> bool:
    return (agent_id, right) in (await user.check([(agent_id, right)])).allowed
