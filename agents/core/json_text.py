"""Read and write the JSON that is stored: strict, and limited in size and depth."""

import math
import re
from typing import Any

import msgspec

from agents.core.errors import Invalid, LimitExceeded
from agents.core.limits import JSON_DEPTH, JSON_LENGTH, JSON_VALUES
from agents.core.tag_text import text_problem

_encoder = msgspec.json.Encoder()
# A string (to the end of the data if its closing quote is missing), a bracket, or a comma.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|([\[{])|([\]}])|,', re.DOTALL)
_BEGINS = (b"{", b"[", b",")
# Stored JSON may be JSON_DEPTH deep. Deeper than this, the data is refused without being parsed.
_DEEPEST = 8 * JSON_DEPTH
_COMMA = ord(",")


def size_problem(data: bytes) -> str | None:
    """Return why JSON data is too large to parse, as the end of a sentence, or None.

    The data is counted before it is parsed: `{},` is 3 bytes of text but 90 bytes of memory.
    """
    if sum(map(data.count, _BEGINS)) <= _DEEPEST:
        return None
    values = depth = 0
    for count, token in enumerate(_TOKEN.finditer(data)):
        kind = token.lastindex
        depth += {1: 1, 2: -1, None: 0}[kind]
        values += kind == 1 or data[token.start()] == _COMMA
        if depth > _DEEPEST:
            return "is nested too deep"
        # The second count bounds invalid JSON: valid JSON has at most four tokens for each value.
        if values > JSON_VALUES or count > 4 * JSON_VALUES:
            return f"contains more than {JSON_VALUES:,} values"
    return None


def dumps(value: object) -> str:
    """Return compact JSON for a value that `check_value` accepts."""
    return _encoder.encode(value).decode()


def loads(text: str) -> Any:
    """Parse stored JSON."""
    return msgspec.json.decode(text)


def loads_from_address(text: str) -> Any:
    """Parse JSON that stands in an address, such as a cursor. Raises ValueError, also if it is too deep."""
    try:
        return loads(text)
    except RecursionError as error:
        raise ValueError("The JSON is nested too deep.") from error


def checked_json(value: object, *, field: str) -> str:
    """Check a value from a client and return the JSON to store. Raises Invalid for `field`."""
    check_value(value, field=field)
    try:
        encoded = _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, UnicodeEncodeError) as error:
        raise Invalid(f"{field} is not valid JSON: {error}", field=field) from error
    if len(encoded) > JSON_LENGTH:
        raise LimitExceeded(
            f"{field} is {len(encoded):,} bytes as JSON; the limit is {JSON_LENGTH:,}.", field=field
        )
    return encoded.decode()


def check_value(value: object, *, field: str, depth: int = 0) -> None:
    """Raise Invalid if the value contains text or numbers that cannot be stored, or is too deep."""
    if depth > JSON_DEPTH:
        raise Invalid(f"{field} is nested deeper than {JSON_DEPTH} levels.", field=field)
    if isinstance(value, str):
        bad = text_problem(value)
        # JSON escapes a NUL character, so both databases can store it.
        if bad and "NUL" not in bad:
            raise Invalid(f"A text in {field} {bad}.", field=field)
    elif isinstance(value, float) and not math.isfinite(value):
        # Python accepts NaN and Infinity in JSON, but the encoder would write null.
        raise Invalid(
            f"{field} contains NaN or an infinite number, which JSON cannot store.", field=field
        )
    elif isinstance(value, dict):
        for key, item in value.items():
            check_value(key, field=field, depth=depth + 1)
            check_value(item, field=field, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_value(item, field=field, depth=depth + 1)
