"""Authenticate requests by API key, and guard an API that is open without a key."""

import re
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer

from ade.http import client_address
from ade.ops import rate_limits
from ade.ops.request_log import note_who
from agents.core.actors import MANAGE, Actor, ActorKind, Power, Source
from agents.core.errors import NotAllowed, TooMany
from agents.domain import keys
from agents.domain.core import key_tokens
from agents.domain.core.rights import TO_READ, TO_WRITE
from agents.domain.door.callers import find_good_token, is_client_side

OPEN_ACTOR = Actor(ActorKind.OPEN, "open", "open API", Source.API, MANAGE)

_READING = ("GET", "HEAD", "OPTIONS")
_BEARER = re.compile(r"\s*bearer\s+(\S+)\s*", re.IGNORECASE)
# Headers that proxies add.
_FORWARDED = re.compile(
    r"HTTP_(X_FORWARDED(_.*)?|FORWARDED(_.*)?|VIA|X_REAL_IP|(.*_)?CLIENT_IP|.*_CONNECTING_IP"
    r"|X_ORIGINAL_.*|X_ENVOY_.*|CDN_LOOP|X_PROXYUSER_IP|PROXY_CONNECTION)"
)
# Before 1.29.7, nginx uses HTTP/1.0 to its upstreams by default. Browsers, curl and client libraries
# have not used it for twenty years. Granian reports it as HTTP/1.
_HTTP_1_0 = ("HTTP/1", "HTTP/1.0", "HTTP/0.9")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:\d+)?")


class KeyAuth(HttpBearer):
    """Turns the key of a request into its actor."""

    needs_rights = True

    def __call__(self, request: HttpRequest) -> Actor | None:
        """Return the actor, or None for a 401.

        Raises NotAllowed without the right to read or write, TooMany over a rate limit.
        """
        address, token = client_address(request), token_of(request)
        if wait := rate_limits.over(address, f"key:{key_tokens.id_in(token)}"):
            raise TooMany(wait)
        actor = self.authenticate(request, token)
        if actor is None:
            _count(request, rate_limits.count_address(address))
            return None
        note_who(request, actor.id, actor.name)
        if actor.kind != ActorKind.OPEN:
            _count(request, rate_limits.count_caller(actor.id))
        if self.needs_rights:
            if request.method in _READING:
                actor.require(Power.READ, "read anything")
            else:
                actor.require(Power.WRITE, "change anything")
        return actor

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """Return the actor. In an open API too, a known key keeps its limits, end and expiry.

        Raises NotAllowed for a client-side access token that is used by another page.
        """
        if is_client_side(token):
            return self._client_side(request, token)
        key = key_tokens.find_key(token) if token else None
        if key is None:
            return OPEN_ACTOR if settings.API_OPEN and not _is_foreign(request) else None
        if not keys.is_good(key):
            return None
        key_tokens.note_use(key)
        return key_tokens.actor_of(key)

    def _client_side(self, request: HttpRequest, token: str) -> Actor | None:
        row = find_good_token(token)
        if row is None:
            return None
        if request.META.get("HTTP_ORIGIN", "") != row.hostname:
            raise NotAllowed(f"This token works only in pages of {row.hostname}.")
        key_tokens.note_use(row.key)
        if not self.needs_rights:
            return key_tokens.actor_of_token(row)
        needs = TO_READ if request.method in _READING else TO_WRITE
        return key_tokens.actor_of_token(row, needs)


class RightlessKeyAuth(KeyAuth):
    """For operations that neither show nor change anything of an agent: every key may call them."""

    needs_rights = False


def _count(request: HttpRequest, verdict: rate_limits.Verdict | None) -> None:
    """Store the verdict for the response headers. Raises TooMany over the limit."""
    if verdict is not None:
        request.rate = verdict  # type: ignore[attr-defined]  # read by ApiMiddleware
        if verdict.wait:
            raise TooMany(verdict.wait)


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor that KeyAuth set on the request."""
    actor: Actor = request.auth  # type: ignore[attr-defined]  # set by ninja
    return actor


def guard_open_api(request: HttpRequest) -> None:
    """Raise NotAllowed if the API is open and the request is not from this machine.

    Web pages must not reach an open API, neither from their own origin nor by DNS rebinding. Pages of
    origins in CORS_ALLOWED_ORIGINS pass this check and then need a key. Requests through a proxy are
    refused if the proxy can be detected. Not all can, so `Actor.require_sign_in` guards the most
    harmful operations.
    """
    if not settings.API_OPEN:
        return
    meta = request.META
    if not _is_loopback_host(meta.get("HTTP_HOST", "")):
        raise NotAllowed(
            "This API is open without a key, so the Host header must name a loopback address."
        )
    if _is_foreign(request) and meta.get("HTTP_ORIGIN") not in settings.CORS_ALLOWED_ORIGINS:
        raise NotAllowed(
            "This API is open without a key, so it refuses requests from other origins."
        )
    if _is_forwarded(request):
        raise NotAllowed("This API is open without a key, so it refuses requests through a proxy.")
    if not _is_loopback(meta.get("REMOTE_ADDR", "")):
        raise NotAllowed(
            "This API is open without a key, so it accepts requests from this machine only."
        )


def is_local(request: HttpRequest) -> bool:
    """Return True for a request from this machine, to a loopback host and not through a proxy.

    False for a web page of another origin in a browser on this machine.
    """
    meta = request.META
    return (
        _is_loopback(meta.get("REMOTE_ADDR", ""))
        and _is_loopback_host(meta.get("HTTP_HOST", ""))
        and not _is_forwarded(request)
        and not _is_foreign(request)
    )


def _is_forwarded(request: HttpRequest) -> bool:
    """Return True if a proxy is detected. A proxy with HTTP/1.1 and no headers is not."""
    meta = request.META
    return meta.get("SERVER_PROTOCOL") in _HTTP_1_0 or any(map(_FORWARDED.fullmatch, meta))


def _is_foreign(request: HttpRequest) -> bool:
    """Return True if the browser reports a page of another origin."""
    meta = request.META
    origin, host = meta.get("HTTP_ORIGIN"), meta.get("HTTP_HOST", "")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return True
    return meta.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin")


def token_of(request: HttpRequest) -> str:
    """Return the bearer token of a request, or ""."""
    match = _BEARER.fullmatch(request.META.get("HTTP_AUTHORIZATION", ""))
    return match.group(1) if match else ""


def _is_loopback_host(host: str) -> bool:
    match = _HOST.fullmatch(host)
    if not match:
        return False
    name = match.group(1)
    return name.lower() == "localhost" or _is_loopback(name.strip("[]"))


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback
