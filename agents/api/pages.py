"""How answers page through what they list."""

from agents.api.common import Span
from agents.errors import BadRequest


def require_one_end(span: Span) -> None:
    """Raise BadRequest for a page with both ends."""
    if span.after and span.before:
        raise BadRequest("Give after or before, not both.")
