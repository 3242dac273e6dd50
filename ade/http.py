"""Answering htmx and plain requests from one view."""

from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

# The word for programs in an error of the API, where it has none of its own.
CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    409: "conflict",
    411: "length_required",
    412: "precondition_failed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal_error",
    501: "not_implemented",
    503: "unavailable",
}


def wants_fragment(request: HttpRequest) -> bool:
    """True if htmx asks for a part of the page; a boosted or restored page needs the whole."""
    htmx = request.htmx  # type: ignore[attr-defined]  # set by django_htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    fragment: str,
    status: int = 200,
) -> HttpResponse:
    """Render the page, or only its named part where htmx asks for that. Of a part that several pages
    include, `fragment` names the template as well: `list_card.html#results`.

    Both vary on HX-Request: otherwise Back shows a cached fragment as a page.
    """
    part = fragment if "#" in fragment else f"{template}#{fragment}"
    name = part if wants_fragment(request) else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def show_once(response: HttpResponse) -> HttpResponse:
    """Mark an answer that shows a secret (a new key, a one-time link): it is never compressed."""
    response.shows_secret = True  # type: ignore[attr-defined]  # added here
    return response


def is_secret(request: HttpRequest, response: HttpResponseBase) -> bool:
    """True if the length of the answer must not depend on a secret in it: those that `show_once`
    marks, and all pages of sign-in, where passwords, second factors and recovery codes are set."""
    return request.path_info.startswith("/accounts/") or hasattr(response, "shows_secret")


def client_address(request: HttpRequest) -> str:
    """The client's address; behind a proxy, the one that ProxyMiddleware set. "" if unknown.

    It is read once per request, and only after ProxyMiddleware.
    """
    known: str | None = getattr(request, "_client_address", None)
    if known is None:
        known = _cleaned(request.META.get("REMOTE_ADDR") or "")
        request._client_address = known  # type: ignore[attr-defined]  # added here
    return known


def parts_of(address: str) -> SplitResult:
    """The parts of an address that a client sent, such as a Referer; empty if it is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


@lru_cache(maxsize=1_000)
def _cleaned(address: str) -> str:
    """The address as the limits of the sign-in count by it."""
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = address
    return get_client_ip(request) or ""


def see_other(url: str) -> HttpResponse:
    """After a post: go and get that page (303), so that a reload does not post again."""
    return HttpResponseRedirect(url, status=303)
