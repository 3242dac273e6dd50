"""Name the request fields that ADE does not store, in a response header."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from agents.api.core.answers import Answer
from agents.api.core.common import OpenBody

HEADER = "X-ADE-Not-Kept"
_MOST = 50  # names in one header
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
# Empty values: clients send them as defaults, and nothing is lost.
_NOTHING: tuple[Any, ...] = (None, False, "", [], {})


def names_not_kept(body: OpenBody) -> list[str]:
    """Return the names of a body's fields that have a value and are not stored, each once.

    Secrets are included, because ADE stores only their names. A name with unusual characters, such as
    spaces, becomes `?`.
    """
    names = dict.fromkeys(_names(body, ""))
    return list(names)[:_MOST]


def name_not_kept(response: Answer, names: Sequence[str]) -> Answer:
    """Add the header to a response if there are names, and return the response."""
    if names:
        response.headers[HEADER] = ", ".join(names)
    return response


def ascii_name(words: str) -> str:
    """Return a text that is safe in a header."""
    return re.sub(r"[^ -~]+", "?", words).replace(",", "")[:80]


def _names(body: OpenBody, before: str) -> Iterator[str]:
    for name, value in (body.model_extra or {}).items():
        if value not in _NOTHING or (value == 0 and value is not False):
            yield f"{before}{name}" if _NAME.fullmatch(name) else "?"
    for name in body.not_stored:
        if getattr(body, name):
            yield f"{before}{name}"
    for name in type(body).model_fields:
        value = getattr(body, name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, OpenBody):
                yield from _names(item, f"{before}{name}.")
