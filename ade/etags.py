"""ETags as clients and proxies send them back."""

import re

from django.utils.http import parse_etags

# What a coding adds to an ETag: ours, and those of proxies that compress (nginx weakens, Caddy and
# Apache append).
_CODED = re.compile(r'-(gzip|br|zstd|deflate)"$')


def names(header: str, etag: str) -> bool:
    """True if a list of ETags (If-Match, If-None-Match) names this one; `*` names every one.

    A coding's suffix and a leading `W/` make no difference: both say how the answer was sent.
    """
    wanted = plain(etag)
    return any(given == "*" or plain(given) == wanted for given in parse_etags(header))


def plain(etag: str) -> str:
    """The ETag without `W/` and without a coding's suffix."""
    return _CODED.sub('"', etag.removeprefix("W/"))


def coded(etag: str, coding: str) -> str:
    """The ETag of the same answer, sent with this coding."""
    return f'{etag[:-1]}-{coding}"'
