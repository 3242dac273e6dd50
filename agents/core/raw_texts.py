"""Lists of any texts as JSON in ASCII: also NUL and lone surrogates, which databases refuse as text."""

import json
from collections.abc import Sequence


def dumps_texts(texts: Sequence[str]) -> str:
    """Return a JSON array of these texts, all but ASCII escaped."""
    return json.dumps(list(texts), separators=(",", ":"))


def loads_texts(text: str) -> list[str]:
    """Parse a stored array."""
    texts: list[str] = json.loads(text)
    return texts
