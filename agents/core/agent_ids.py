"""The ids of agents: those of Letta and ADE, and those of App Servers."""

import re

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# `agent-<uuid>`, and `agent-local-<uuid>` for an agent made by an App Server.
AGENT_ID = f"agent-(?:local-)?{UUID}"

_AGENT_ID = re.compile(AGENT_ID)


def is_agent_id(text: str) -> bool:
    """True if the text is an agent's id."""
    return _AGENT_ID.fullmatch(text) is not None
