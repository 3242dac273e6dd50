"""Turn pydantic's errors into sentences that say what the value must be."""

import re
from typing import Any

_ID_PATTERN = re.compile(r"\^(?:([a-z]+)-)?(?:\(local-\)\?)?\[0-9a-f\]")
_ARTICLE = {"agent": "An agent's", "block": "A block's", "identity": "An identity's"}
_UUID = "123e4567-e89b-42d3-8456-426614174000"

_SENTENCES = {
    "missing": "This is required.",
    "string_type": "This must be a string.",
    "string_unicode": "This must be a string of valid Unicode.",
    "string_too_long": "This is too long; the limit is {max_length:,} characters.",
    "string_too_short": "This is too short; it needs {min_length:,} characters.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_parsing_size": "This number has too many digits.",
    "int_from_float": "This must be a whole number.",
    "float_type": "This must be a number.",
    "float_parsing": "This must be a number.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be an object.",
    "too_long": "This has too many items; the limit is {max_length:,}.",
    "too_short": "This has too few items; it needs at least {min_length:,}.",
    "greater_than_equal": "This must be {ge:,} or more.",
    "greater_than": "This must be more than {gt:,}.",
    "less_than_equal": "This must be {le:,} or less.",
    "less_than": "This must be less than {lt:,}.",
    "literal_error": "This must be {expected}.",
    "enum": "This must be {expected}.",
}
_DATES = ("date", "datetime", "timezone")
_OTHER = "This value has the wrong type."


def sentence(found: dict[str, Any]) -> str:
    """Return the sentence for a pydantic error."""
    kind, context = str(found["type"]), found.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _of_pattern(str(context["pattern"]))
    if kind.startswith(_DATES):
        return "This must be a date and time with a time zone, such as 2026-01-31T12:00:00Z."
    return _SENTENCES.get(kind, _OTHER).format_map(context)


def _of_pattern(pattern: str) -> str:
    """Return the sentence for a malformed ID. Only IDs have patterns in the API."""
    match = _ID_PATTERN.match(pattern)
    name = match and match.group(1)
    if not name:
        return f"This ID must be a lower-case UUID, such as {_UUID}."
    return f"{_ARTICLE[name]} ID must be “{name}-” plus a lower-case UUID, such as {name}-{_UUID}."
