"""Which pages may read answers besides those that CORS_ALLOWED_ORIGINS lists: those of a token."""

from typing import Any

from corsheaders.signals import check_request_enabled
from django.http import HttpRequest

from agents.api.core.auth import token_of
from agents.domain.door.callers import is_origin_of_a_token

_PATHS = ("/v1/", "/latest/", "/authorize")


def allow_pages_of_tokens() -> None:
    """Let pages use client-side access tokens whose origin is theirs."""
    check_request_enabled.connect(_is_allowed, dispatch_uid="agents.api.door.cors")


def _is_allowed(request: HttpRequest, **_: Any) -> bool:
    origin = request.META.get("HTTP_ORIGIN", "")
    if not origin or len(origin) > 300 or "\0" in origin or "ade.no_slot" in request.META:
        return False
    if not request.path_info.startswith(_PATHS):
        return False
    return is_origin_of_a_token(origin, None if request.method == "OPTIONS" else token_of(request))
