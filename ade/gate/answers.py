"""What of the App Server's frames a user gets: listed types, listed fields, own agents only."""

from typing import Any

Frame = dict[str, Any]
Scope = tuple[str, str]  # an agent's id and a conversation's

AGENT_FIELDS = ("id", "name", "description", "model", "tags", "last_run_completion")
CONVERSATION_FIELDS = (
    *("id", "agent_id", "summary", "archived", "archived_at"),
    *("created_at", "updated_at", "last_message_at"),
)
# Frames of a running turn. update_device_status is left out: it names folders of the machine and the
# conversations of all agents. So are update_subagent_state and all frames of files and terminals.
STREAM_FIELDS = {
    "stream_delta": ("delta",),
    "update_loop_status": ("loop_status",),
    "update_queue": ("queue", "removed"),
    "turn_finished": ("turn_id", "stop_reason", "run_id", "error", "usage"),
}
_ENVELOPE = ("event_seq", "emitted_at", "idempotency_key")
_HIDDEN_MESSAGES = ("system_message",)  # the agent's system prompt


def stream_frame(frame: Frame, scopes: set[Scope]) -> Frame | None:
    """Return the frame for a user who opened these conversations, or None if it is not for them."""
    fields = STREAM_FIELDS.get(frame["type"]) if isinstance(frame.get("type"), str) else None
    scope = scope_of(frame)
    if fields is None or scope is None or scope not in scopes or "subagent_id" in frame:
        return None
    delta = frame.get("delta")
    if isinstance(delta, dict):
        named = (delta.get("agent_id", scope[0]), delta.get("conversation_id", scope[1]))
        if named != scope or delta.get("message_type") in _HIDDEN_MESSAGES:
            return None
    runtime = {"agent_id": scope[0], "conversation_id": scope[1]}
    return {"type": frame["type"], "runtime": runtime, **_only(frame, (*fields, *_ENVELOPE))}


def scope_of(frame: Frame) -> Scope | None:
    """Return the agent and the conversation that a frame of the App Server names."""
    runtime = frame.get("runtime")
    if not isinstance(runtime, dict):
        return None
    agent, conversation = runtime.get("agent_id"), runtime.get("conversation_id")
    if not isinstance(agent, str) or not isinstance(conversation, str):
        return None
    return agent, conversation


def agent(value: Frame) -> Frame:
    """Return an agent without its system prompt and its settings."""
    return _only(value, AGENT_FIELDS)


def conversation(value: Frame) -> Frame:
    return _only(value, CONVERSATION_FIELDS)


def messages(values: Any) -> list[Frame]:
    """Return the messages of a conversation without the system prompt."""
    return [
        value
        for value in values
        if isinstance(value, dict) and value.get("message_type") not in _HIDDEN_MESSAGES
    ]


def _only(value: Frame, names: tuple[str, ...]) -> Frame:
    return {name: value[name] for name in names if name in value}
