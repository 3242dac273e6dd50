"""A name taken out of a text: plain, a name of someone, a stored JSON value, the query of an address.

Tags and names go where they are the whole of it, so that user_1 does not touch user_12 or user_1-b;
what people wrote is looked through for the name as a word of its own.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from agents.jsontext import dumps, loads

# Whose values in JSON or in a query are words and not tags.
_WORDS = {"q", "name", "words", "refused", "text"}


class Eraser:
    """Puts `token` where `name` stands."""

    def __init__(self, name: str, token: str) -> None:
        self.name, self.token = name, token
        # History keeps some JSON values as text, where a name with a quote in it is written otherwise.
        either = "|".join(re.escape(form) for form in dict.fromkeys((name, dumps(name)[1:-1])))
        self._word = re.compile(rf"(?<!\w)(?:{either})(?!\w)")

    def forms(self, way: "Way") -> set[str]:
        """The texts of which one stands wherever the name does, in a column gone through this way."""
        if way is QUERY:
            name = self.name
            return {name, quote(name), quote_plus(name), quote_plus(name, safe=":")}
        return {self.name, dumps(self.name)[1:-1]}

    def exact(self, text: str) -> str:
        """Of a column that is one name or tag."""
        return self.token if text == self.name else text

    def actor(self, text: str) -> str:
        """Of who acted: a person's name, or that of a key with a name in it."""
        return self.words(text) if text.startswith("API key “") else self.exact(text)

    def words(self, text: str) -> str:
        """Of what people wrote."""
        return self._word.sub(lambda _: self.token, text)

    def stored(self, text: str) -> str:
        """Of a stored JSON value: its tags whole, its words as words."""
        return dumps(self._value(loads(text), ""))

    def query(self, text: str) -> str:
        """Of the query of a list's address."""
        pairs = parse_qsl(text, keep_blank_values=True)
        erased = [(key, self._value(value, key)) for key, value in pairs]
        return text if erased == pairs else urlencode(erased)

    def refused(self, text: str) -> str:
        """Of the lines of a file that were refused: number, text, why."""
        return dumps(self._value(loads(text), "refused"))

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            whole = self.exact(value)
            return self.words(whole) if key in _WORDS else whole
        if isinstance(value, dict):
            return {name: self._value(one, name) for name, one in value.items()}
        if isinstance(value, list):
            if len(value) == 2 and value[0] == "q":  # a pair of a view's address
                return [value[0], self._value(value[1], "q")]
            return [self._value(one, key) for one in value]
        return value


# How a column is gone through.
Way = Callable[[Eraser, str], str]
EXACT: Way = Eraser.exact
ACTOR: Way = Eraser.actor
WORDS: Way = Eraser.words
STORED: Way = Eraser.stored
QUERY: Way = Eraser.query
REFUSED: Way = Eraser.refused
