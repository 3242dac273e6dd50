"""Erase a name from a text: a plain text, an actor's name, a stored JSON value, or a query string.

Tags and names are replaced only as a whole, so user_1 does not change user_12 or user_1-b. In text
that people wrote, the name is replaced where it is a word of its own.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from agents.core.json_text import dumps, loads

# Keys in JSON or in a query whose values are words and not tags.
_WORDS = {"q", "name", "words", "refused", "text"}


class Eraser:
    """Replaces `name` by `token`."""

    def __init__(self, name: str, token: str) -> None:
        self.name, self.token = name, token
        # The history stores some JSON values as text, in which a name with a quote is escaped.
        either = "|".join(re.escape(form) for form in dict.fromkeys((name, dumps(name)[1:-1])))
        self._word = re.compile(rf"(?<!\w)(?:{either})(?!\w)")

    def forms(self, way: "Way") -> set[str]:
        """Return the forms in which a column of this kind may contain the name."""
        if way is QUERY:
            name = self.name
            return {name, quote(name), quote_plus(name), quote_plus(name, safe=":")}
        return {self.name, dumps(self.name)[1:-1]}

    def exact(self, text: str) -> str:
        """Erase from a column that is one name or tag."""
        return self.token if text == self.name else text

    def actor(self, text: str) -> str:
        """Erase from an actor's name: a person's, or that of a key that contains a name."""
        return self.words(text) if text.startswith("API key “") else self.exact(text)

    def words(self, text: str) -> str:
        """Erase from text that people wrote."""
        return self._word.sub(lambda _: self.token, text)

    def stored(self, text: str) -> str:
        """Erase from a stored JSON value: from tags as a whole, from words as words."""
        return dumps(self._value(loads(text), ""))

    def query(self, text: str) -> str:
        """Erase from the query string of a list."""
        pairs = parse_qsl(text, keep_blank_values=True)
        erased = [(key, self._value(value, key)) for key, value in pairs]
        return text if erased == pairs else urlencode(erased)

    def refused(self, text: str) -> str:
        """Erase from the refused lines of a file: number, text, reason."""
        return dumps(self._value(loads(text), "refused"))

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            whole = self.exact(value)
            return self.words(whole) if key in _WORDS else whole
        if isinstance(value, dict):
            return {name: self._value(item, name) for name, item in value.items()}
        if isinstance(value, list):
            if len(value) == 2 and value[0] == "q":  # a pair of a view's address
                return [value[0], self._value(value[1], "q")]
            return [self._value(item, key) for item in value]
        return value


# How to erase from a column.
Way = Callable[[Eraser, str], str]
EXACT: Way = Eraser.exact
ACTOR: Way = Eraser.actor
WORDS: Way = Eraser.words
STORED: Way = Eraser.stored
QUERY: Way = Eraser.query
REFUSED: Way = Eraser.refused
