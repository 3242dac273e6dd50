"""JSON as it is stored: one strict way in, one way out, both bounded."""

import math
from typing import Any

import msgspec

from agents.errors import Invalid
from agents.limits import JSON_DEPTH, JSON_LENGTH
from agents.tagnames import text_problem

_encoder = msgspec.json.Encoder()


def dumps(value: object) -> str:
    """The compact JSON text of a value that `check_value` has passed."""
    return _encoder.encode(value).decode()


def loads(text: str) -> Any:
    """The value of a stored JSON text."""
    return msgspec.json.decode(text)


def stored(value: object, *, field: str) -> str:
    """The JSON text to store for a value from outside. Raises Invalid, naming `field`."""
    check_value(value, field=field)
    try:
        encoded = _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, UnicodeEncodeError) as error:
        raise Invalid(f"{field} is not valid JSON: {error}", field=field) from error
    if len(encoded) > JSON_LENGTH:
        raise Invalid(f"{field} is larger than {JSON_LENGTH:,} bytes as JSON.", field=field)
    return encoded.decode()


def check_value(value: object, *, field: str, depth: int = 0) -> None:
    """Raise Invalid if a text or number in the value cannot be stored, or it is nested too deep."""
    if depth > JSON_DEPTH:
        raise Invalid(f"{field} is nested deeper than {JSON_DEPTH} levels.", field=field)
    if isinstance(value, str):
        bad = text_problem(value)
        # Inside JSON text a NUL is written as an escape, which both databases hold.
        if bad and "NUL" not in bad:
            raise Invalid(f"A text in {field} {bad}.", field=field)
    elif isinstance(value, float) and not math.isfinite(value):
        # Python reads NaN and Infinity in JSON, where they are none; the encoder would write null.
        raise Invalid(f"A number in {field} is not finite.", field=field)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_value(key, field=field, depth=depth + 1)
            check_value(item, field=field, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_value(item, field=field, depth=depth + 1)
