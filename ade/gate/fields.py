"""Reading single fields of a client's frame. Each function returns a checked value or raises Invalid."""

import re
from collections.abc import Iterable
from typing import Any

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_AGENT = re.compile(rf"agent-(?:local-)?{_UUID}")
# Other texts have a meaning of their own for the server, for example an agent's id.
_CONVERSATION = re.compile(r"(?:local-)?conv-[A-Za-z0-9-]{1,64}")
DEFAULT = "default"  # the conversation that each agent has


class Invalid(Exception):
    """A field is missing or not what it must be. The text names it."""


def part(frame: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object within the frame; empty if it is absent."""
    value = frame.get(name, {})
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be an object.")
    return value


def text(value: Any, name: str, most: int, *, least: int = 0) -> str:
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise Invalid(f"{name} must be a text of {least} to {most:,} characters.")
    return value


def number(value: Any, name: str, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise Invalid(f"{name} must be a number from 0 to {most:,}.")
    return value


def boolean(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{name} must be true or false.")
    return value


def texts(value: Any, name: str, *, count: int, most: int) -> list[str]:
    if not isinstance(value, list) or len(value) > count:
        raise Invalid(f"{name} must be a list of at most {count:,} texts.")
    return [text(item, name, most) for item in value]


def choice(value: Any, name: str, choices: Iterable[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise Invalid(f"{name} must be one of: {', '.join(choices)}.")
    return value


def agent_id(value: Any) -> str:
    if not isinstance(value, str) or not _AGENT.fullmatch(value):
        raise Invalid("agent_id must be the id of an agent.")
    return value


def conversation_id(value: Any, *, default: bool = True) -> str:
    """Return the id of a conversation, also `default` if that is allowed here."""
    if default and value == DEFAULT:
        return DEFAULT
    if not isinstance(value, str) or not _CONVERSATION.fullmatch(value):
        raise Invalid("conversation_id must be the id of a conversation.")
    return value


def request_id(frame: dict[str, Any]) -> str:
    return text(frame.get("request_id"), "request_id", 200, least=1)


def message_text(content: Any) -> str:
    """Return the text of a message: a text, or a list of text parts. Images and files are refused."""
    if isinstance(content, str):
        found = content
    elif isinstance(content, list):
        found = "\n".join(_text_of_part(item) for item in content)
    else:
        raise Invalid("content must be a text, or a list of text parts.")
    if not found.strip():
        raise Invalid("The message is empty.")
    return found


def _text_of_part(item: Any) -> str:
    if not isinstance(item, dict) or item.get("type") not in ("text", "input_text", "output_text"):
        raise Invalid("Only parts of the type text are accepted.")
    return text(item.get("text"), "text", 10**6)
