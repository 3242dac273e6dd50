"""Reading JSON that strangers sent: what two parsers could read differently is refused."""

import json
from typing import Any


class BadJson(ValueError):
    """The text is not one JSON object that every parser reads alike."""


def read_object(text: str | bytes) -> dict[str, Any]:
    """Return the object. Raises BadJson for repeated keys, NaN, deep nesting and everything else."""
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadJson(str(error)) from error
    if not isinstance(value, dict):
        raise BadJson("This is not a JSON object.")
    return value


def write(value: dict[str, Any]) -> str:
    """Return the object as text of ASCII characters only."""
    return json.dumps(value, separators=(",", ":"))


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("A key is repeated in a JSON object. Send each key once.")
    if "__proto__" in found:
        raise BadJson("The key __proto__ is not accepted.")
    return found


def _no_constant(name: str) -> None:
    raise BadJson(f"{name} is not JSON.")
