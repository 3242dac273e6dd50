"""The one normalisation of a request's target: refuse what is ambiguous, decode the rest once.

Proxies and servers read the same bytes differently: `..`, `%2e`, `//`, `%2F`, `;`, `\\`. What two of them
could read as two paths is refused, not repaired. The server gets the path and query that this module
writes, never the client's own bytes.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlencode

TARGET_LENGTH = 8192  # characters of path and query
_QUERY_FIELDS = 200
# What may stand in a path as it was sent: no backslash, no control character, nothing beyond ASCII.
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9_.~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+)+/?")
_QUERY = re.compile(r"(?:[A-Za-z0-9_.~!$&'()*+,=:@/?\[\]-]|%[0-9A-Fa-f]{2})*")
# What a decoded segment may not contain: it could be read again as a separator or an escape.
_AMBIGUOUS = re.compile(r"[/\\%?#;\x00-\x1f\x7f-\x9f\ufffd]")


class Ambiguous(Exception):
    """The target can be read in more than one way, or is not the path of a request."""


@dataclass(frozen=True, slots=True)
class Target:
    """The decoded segments of a path, whether it ends with a slash, and the decoded query."""

    segments: tuple[str, ...]
    slash: bool
    query: tuple[tuple[str, str], ...]

    def text(self, *, slash: bool, query: tuple[tuple[str, str], ...]) -> str:
        """Return the path and this query in their one encoded form."""
        path = "".join(f"/{quote(segment, safe='')}" for segment in self.segments)
        path += "/" if slash else ""
        return f"{path}?{urlencode(query, quote_via=quote, safe='')}" if query else path


def read_target(text: str) -> Target:
    """Read the target of a request, as it stood in the request line. Raises Ambiguous."""
    if len(text) > TARGET_LENGTH:
        raise Ambiguous(f"The address is longer than {TARGET_LENGTH:,} characters.")
    path, mark, query = text.partition("?")
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
        raise Ambiguous("The address contains characters that a path or a query may not contain.")
    segments = tuple(_decoded(part) for part in path.strip("/").split("/"))
    if any(segment in (".", "..") or _AMBIGUOUS.search(segment) for segment in segments):
        raise Ambiguous("The path can be read in more than one way.")
    pairs = [pair for pair in query.split("&") if pair] if mark else []
    if len(pairs) > _QUERY_FIELDS:
        raise Ambiguous(f"The query has more than {_QUERY_FIELDS} parameters.")
    return Target(segments, path.endswith("/"), tuple(map(_pair, pairs)))


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    pair = _decoded(name.replace("+", " ")), _decoded(value.replace("+", " "))
    if "\0" in pair[0] + pair[1]:
        raise Ambiguous("The query contains NUL.")
    return pair


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise Ambiguous("The address is not UTF-8.") from error
