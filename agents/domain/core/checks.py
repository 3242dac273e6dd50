"""Check values before they are stored: type, length, legal characters."""

from typing import Any

from agents.core.errors import Invalid, LimitExceeded
from agents.core.json_text import checked_json
from agents.core.limits import (
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
)
from agents.core.tag_text import text_problem


def checked_text(text: object, *, field: str, most: int) -> str:
    """Return the text if it is a string, can be stored and is not too long. Raises Invalid."""
    if not isinstance(text, str):
        raise Invalid(f"{field} must be a string.", field=field)
    if len(text) > most:
        raise LimitExceeded(
            f"{field} is {len(text):,} characters; the limit is {most:,}.", field=field
        )
    bad = text_problem(text)
    if bad:
        raise Invalid(f"{field} {bad}.", field=field)
    return text


def checked_name(name: object, *, owner: str = "An agent") -> str:
    """Return the name of an agent or another `owner` if it is legal. Raises Invalid."""
    text = checked_text(name, field="name", most=NAME_LENGTH)
    if not text.strip():
        raise Invalid(f"{owner} needs a name.", field="name")
    return text


def checked_description(text: object) -> str | None:
    """Return a description, or None, if it is legal. Raises Invalid."""
    return (
        None if text is None else checked_text(text, field="description", most=DESCRIPTION_LENGTH)
    )


def checked_extra(extra: dict[str, Any], defaults: dict[str, Any]) -> str:
    """Return JSON with the fields named in `defaults` that differ from their default. Raises Invalid."""
    known = {name: extra[name] for name in defaults if name in extra}
    return checked_json(
        {name: value for name, value in known.items() if value != defaults[name]}, field="extra"
    )
