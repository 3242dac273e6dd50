"""Ids of Letta's server: their exact form, and which names in a path are looked up."""

import re

_UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
# What a look-up finds the agent of. `conversations/default` and `conversations/agent-…` take the agent
# from elsewhere, so only conv-<uuid> is the id of a conversation.
_PREFIXES = {
    "agent": "agent",
    "conversation": "conv",
    "run": "run",
    "step": "step",
    "message": "message",
}
_FORMS = {kind: re.compile(f"{prefix}-{_UUID4}") for kind, prefix in _PREFIXES.items()}
# Names in a path that are ids of these kinds.
PATH_KINDS = {f"{kind}_id": kind for kind in _PREFIXES}
# Names in a path that mean something only within the agent of the same path.
WITHIN_AGENT = frozenset({"tool_name"})


def is_id(kind: str, text: str) -> bool:
    """Return True if the text is an id of this kind, to its last character."""
    return _FORMS[kind].fullmatch(text) is not None
