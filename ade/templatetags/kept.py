"""Parts of a page that say the same again and again: rendered once for each set of values."""

from typing import Any

from django import template
from django.template.base import FilterExpression, Node, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.utils.safestring import SafeString

register = template.Library()

_MOST = 200  # renderings that one place in a template keeps
_PLAIN = (str, int, type(None))  # str and int with what is made of them: safe text, True and False


@register.tag
def kept(parser: Parser, token: Token) -> Node:
    """`{% kept nav=nav admin=user.is_admin %}...{% endkept %}`: the body, rendered once for each nav.

    The body sees the values that are named, which are plain text, numbers and truths, and nothing
    else of the page: not who asks, not the request. So what is kept can tell nobody of another.
    What follows from settings and addresses stays as it was first rendered.
    """
    bits = token.split_contents()[1:]
    values = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError(f"{bits[0]!r} in a kept part is not like name=value.")
    body = parser.parse(("endkept",))
    parser.delete_first_token()
    return _KeptNode(values, body)


class _KeptNode(Node):
    child_nodelists = ("body",)

    def __init__(self, values: dict[str, FilterExpression], body: NodeList) -> None:
        self.values, self.body = values, body
        self._kept: dict[tuple[Any, ...], SafeString] = {}

    def render(self, context: Context) -> SafeString:
        values = {name: _plain(name, one, context) for name, one in self.values.items()}
        key = tuple((type(value), value) for value in values.values())  # 1 is equal to True
        found = self._kept.get(key)
        if found is None:
            alone = Context(values, autoescape=context.autoescape)
            assert context.template is not None  # noqa: S101  # it is being rendered
            with alone.bind_template(context.template):
                found = self.body.render(alone)
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = found
        return found


def _plain(name: str, given: FilterExpression, context: Context) -> Any:
    value = given.resolve(context, ignore_failures=True)
    if not isinstance(value, _PLAIN):
        raise TypeError(f"{name} of a kept part is no plain value: {type(value).__name__}.")
    return value
