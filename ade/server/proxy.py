"""The client's address and scheme behind proxies, from `Forwarded` (RFC 7239).

No other header is trusted. WSGI has one name for `X-Forwarded-For`, `X_Forwarded_For` and mixes of the
two, with one of the values. A proxy sets the first, but may pass on a client's second. `Forwarded`
contains no hyphen, so no other header gets its name.
"""

import logging
import re
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ade.ops.failure_pages import refusal

Handler = Callable[[HttpRequest], HttpResponse]

# Headers of proxies that are configured as for ADE 0.2. Such a proxy could pass on a client's own
# `Forwarded`, so ADE refuses every request until the configuration is changed.
_OLD = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")
_ADVICE = (
    "The proxy in front of ADE sends X-Forwarded-For or X-Forwarded-Proto. It must remove them and "
    "set Forwarded: see docs/operate/deploy.md, TLS."
)
# An address is bare, or with a port, or in brackets. nginx does not add brackets to IPv6.
_FOR = re.compile(
    r'for="?(?:\[([^\]"]+)\](?::\d+)?|([^\]":]+)(?::\d+)?|([^\]"]+))"?', re.IGNORECASE
)
log = logging.getLogger(__name__)


class ProxyMiddleware:
    """With BEHIND_PROXY, sets the request's address and scheme to what the outermost proxy saw."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.BEHIND_PROXY:
            if any(name in request.META for name in _OLD):
                _warn()
                return refusal(request, 400, _ADVICE)
            address, scheme = forwarded(
                request.META.get("HTTP_FORWARDED", ""), settings.PROXY_COUNT
            )
            if address:
                request.META["REMOTE_ADDR"] = address
            if scheme:
                request.META["wsgi.url_scheme"] = scheme
        return self.get_response(request)


def forwarded(header: str, proxies: int) -> tuple[str, str]:
    """Return the address and the scheme that the outermost proxy saw, "" if unknown.

    Each proxy appends an element, so elements are counted from the right. Commas inside quotes count
    too: our proxies write none, and the client's text to the left may contain an open quote.
    """
    elements = header.split(",")
    if len(elements) < proxies:
        return "", ""
    address = scheme = ""
    for pair in elements[-proxies].split(";"):
        given = pair.strip()
        if found := _FOR.fullmatch(given):
            address = _address(next(part for part in found.groups() if part))
        elif given.lower().replace('"', "") in ("proto=http", "proto=https"):
            scheme = given.lower().replace('"', "").removeprefix("proto=")
    return address, scheme


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


@cache
def _warn() -> None:
    """Log it once per process: a client could cause the line with every request."""
    log.error(_ADVICE)
