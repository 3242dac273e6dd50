"""Rows that differ in their texts only: rendered once, and stamped.

Of a long table Django's templates spend most of their time on nodes that say the same for each row.
"""

from dataclasses import dataclass, fields
from html import escape
from types import SimpleNamespace
from typing import Any

from django import template
from django.template.base import FilterExpression, Node, NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString

register = template.Library()

# Stands around the number of a field; no text that is stored holds it.
_MARK = "\0"


@register.tag
def stamp(parser: Parser, token: Token) -> Node:
    """`{% stamp row in rows %}...{% endstamp %}`: a {% for %} over instances of one dataclass.

    The body is rendered once for each shape of row: which fields are true. So it may ask whether a
    field is true, and place it, and nothing else: no filter, no comparison, nothing of the loop.
    """
    _, name, _, rows = token.split_contents()
    body = parser.parse(("endstamp",))
    parser.delete_first_token()
    return _StampNode(name, parser.compile_filter(rows), body)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """The text up to the first field, then the number of each field and the text after it."""

    start: str
    rest: list[tuple[int, str]]


class _StampNode(Node):
    child_nodelists = ("body",)

    def __init__(self, name: str, rows: FilterExpression, body: NodeList) -> None:
        self.name, self.rows, self.body = name, rows, body

    def render(self, context: Context) -> SafeString:
        rows = self.rows.resolve(context)
        names = [field.name for field in fields(rows[0])] if rows else []
        stamps: dict[tuple[bool, ...], _Stamp] = {}
        written: list[str] = []
        for row in rows:
            values = [getattr(row, name) for name in names]
            shape = tuple(map(bool, values))
            texts = [one if isinstance(one, SafeString) else escape(str(one)) for one in values]
            if shape not in stamps:
                stamps[shape] = self._stamp(context, names, shape)
            stamp = stamps[shape]
            written.append(stamp.start)
            for place, text in stamp.rest:
                written += (texts[place], text)
        return SafeString("".join(written))

    def _stamp(self, context: Context, names: list[str], shape: tuple[bool, ...]) -> _Stamp:
        stand_in: dict[str, Any] = {
            name: SafeString(f"{_MARK}{place}{_MARK}") if there else ""
            for place, (name, there) in enumerate(zip(names, shape, strict=True))
        }
        with context.push(**{self.name: SimpleNamespace(**stand_in)}):
            start, *pieces = self.body.render(context).split(_MARK)
        pairs = zip(pieces[::2], pieces[1::2], strict=True)
        return _Stamp(start, [(int(place), text) for place, text in pairs])
