"""Who asks: the key of a request, or nobody where the API is open; and the guards of the open one."""

import re
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer

from ade import rates
from ade.http import client_address
from ade.requestlog import note_who
from agents.actors import MANAGE, Actor, Kind, Power, Source
from agents.domain import keys
from agents.errors import NotAllowed, TooMany

OPEN_ACTOR = Actor(Kind.OPEN, "open", "open API", Source.API, MANAGE)

_READING = ("GET", "HEAD", "OPTIONS")
_BEARER = re.compile(r"\s*bearer\s+(\S+)\s*", re.IGNORECASE)
_FORWARDED = re.compile(
    r"HTTP_(X_FORWARDED(_.*)?|FORWARDED|X_REAL_IP|X_CLIENT_IP|VIA|.*_CONNECTING_IP)"
)
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:\d+)?")


class KeyAuth(HttpBearer):
    """Makes the actor of a request from its key."""

    def __call__(self, request: HttpRequest) -> Actor | None:
        """The actor, or None for a 401.

        Raises NotAllowed if it may not write and this would; TooMany over a rate limit.
        """
        address, token = client_address(request), _token(request)
        if wait := rates.over(address, f"key:{keys.id_in(token)}"):
            raise TooMany(wait)
        actor = self.authenticate(request, token)
        if actor is None:
            _count(request, rates.count_address(address))
            return None
        note_who(request, actor.id, actor.name)
        if actor.kind != Kind.OPEN:
            _count(request, rates.count_caller(actor.id))
        if request.method not in _READING:
            actor.require(Power.WRITE, "change anything")
        return actor

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """A known key is what it is also where the API is open: limited, disabled or expired."""
        key = keys.find_key(token) if token else None
        if key is None:
            return OPEN_ACTOR if settings.API_OPEN and not _is_foreign(request) else None
        if not keys.is_good(key):
            return None
        keys.note_use(key)
        return keys.actor_of(key)


def _count(request: HttpRequest, verdict: rates.Verdict | None) -> None:
    """Keep the verdict for the answer's headers. Raises TooMany where it is no."""
    if verdict is not None:
        request.rate = verdict  # type: ignore[attr-defined]  # read by ApiMiddleware
        if verdict.wait:
            raise TooMany(verdict.wait)


def actor_of(request: HttpRequest) -> Actor:
    """The actor that KeyAuth made."""
    actor: Actor = request.auth  # type: ignore[attr-defined]  # set by ninja
    return actor


def guard_open_api(request: HttpRequest) -> None:
    """Raise NotAllowed unless an open API is asked by this machine itself.

    A page on the web must not reach it: not by a request from its own origin, not by a name that
    it lets point here, not through a proxy. A page of an origin that CORS_ALLOWED_ORIGINS lists
    gets past here, and then needs a key.
    """
    if not settings.API_OPEN:
        return
    meta = request.META
    if not _is_loopback_host(meta.get("HTTP_HOST", "")):
        raise NotAllowed("This API is open without a key, so it answers to a loopback host only.")
    if _is_foreign(request) and meta.get("HTTP_ORIGIN") not in settings.CORS_ALLOWED_ORIGINS:
        raise NotAllowed("This API is open without a key, so it refuses other origins.")
    if any(_FORWARDED.fullmatch(name) for name in meta):
        raise NotAllowed("This API is open without a key, so it refuses forwarded requests.")
    if not _is_loopback(meta.get("REMOTE_ADDR", "")):
        raise NotAllowed("This API is open without a key, so it answers this machine only.")


def is_local(request: HttpRequest) -> bool:
    """True if a program on this machine asks, by a loopback name and through no proxy.

    A page on the web that a browser here shows is no such program.
    """
    meta = request.META
    return (
        _is_loopback(meta.get("REMOTE_ADDR", ""))
        and _is_loopback_host(meta.get("HTTP_HOST", ""))
        and not any(_FORWARDED.fullmatch(name) for name in meta)
        and not _is_foreign(request)
    )


def _is_foreign(request: HttpRequest) -> bool:
    """True if the browser says that a page of another origin asks."""
    meta = request.META
    origin, host = meta.get("HTTP_ORIGIN"), meta.get("HTTP_HOST", "")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return True
    return meta.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin")


def _token(request: HttpRequest) -> str:
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
