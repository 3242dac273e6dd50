"""Answering htmx and plain requests from one view."""

from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


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


def client_address(request: HttpRequest) -> str:
    """The address that asks; behind a proxy, the one that the proxy names. "" if none is known."""
    try:
        return get_client_ip(request) or ""  # the one that the limits of the sign-in count by
    except ImproperlyConfigured:  # fewer proxies than PROXY_COUNT: a request from beside them
        return str(request.META.get("REMOTE_ADDR", ""))


def see_other(url: str) -> HttpResponse:
    """After a post: go and get that page (303), so that a reload does not post again."""
    return HttpResponseRedirect(url, status=303)
