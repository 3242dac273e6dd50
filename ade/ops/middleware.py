"""Middleware for every answer (request id, security headers, probes) and for access to pages."""

import math
import re
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.middleware import (
    AuthenticationMiddleware,
    LoginRequiredMiddleware,
    get_user,
)
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import resolve
from django.utils.functional import SimpleLazyObject

from ade.accounts import session_limits
from ade.accounts.access import send_to
from ade.http import client_address
from ade.models import read_already
from ade.ops import logs, rate_limits
from ade.ops.failure_pages import plain_page, unavailable
from ade.ops.request_log import note_who

Handler = Callable[[HttpRequest], HttpResponse]

# An id from outside is used only if it cannot forge a log line.
_SAFE_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")


class RequestIdMiddleware:
    """Gives each request an id, in `request.request_id` and the X-Request-ID header."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # added here
        # Not reset at the end: a streamed answer is made after this returns.
        logs.request_id.set(request_id)
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response


class SecurityHeadersMiddleware:
    """Sets the content security policy, and keeps pages and answers out of caches."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        # Django's own middleware for this stands too far in for redirects, files and the API.
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        # Static files set their own: they are public and hashed.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class ProbeMiddleware:
    """Answers probes, whatever Host and address they use, without a session.

    Refuses a request that got no worker slot in time: nothing after this works without one.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "ade.no_slot" in request.META:
            message = "ADE is overloaded."
            if request.method not in ("GET", "HEAD"):
                message += " Nothing was saved."
            return unavailable(request, "ADE is busy", f"{message} Try again.")
        if request.path_info not in settings.PROBES:
            return self.get_response(request)
        match = request.resolver_match = resolve(request.path_info)
        answer: HttpResponse = match.func(request)
        return answer


class MemberMiddleware(AuthenticationMiddleware):
    """Django's middleware, which takes the member that was read together with the session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _member_of(request))  # type: ignore[assignment]  # as Django's


def _member_of(request: HttpRequest) -> Any:
    request.session.get(SESSION_KEY)  # reads the session
    token = read_already.set(getattr(request.session, "member", None))
    try:
        return get_user(request)
    finally:
        read_already.reset(token)


class SessionLimitsMiddleware:
    """Ends a session that was idle or has lasted too long, and notes the use of any other.

    A request that a script makes by itself has the header `ADE-Poll: 1` and does not count as use.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            note_who(request, f"person:{request.user.pk}", request.user.username)
            reason = session_limits.end_reason(request.session)
            if reason:
                logout(request)
                messages.info(request, f"{reason} Please sign in again.")
            elif request.headers.get("ADE-Poll") != "1":
                session_limits.note_use(request.session)
        return self.get_response(request)


class RateMiddleware:
    """Counts requests for pages: a member's by the member, others by their address."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            verdict = rate_limits.count_caller(f"person:{request.user.pk}")
        else:
            verdict = rate_limits.count_address(client_address(request))
        if verdict is None or not verdict.wait:
            return self.get_response(request)
        seconds = math.ceil(verdict.wait)
        response = plain_page(
            request,
            429,
            "Too many requests",
            f"Wait {seconds} s, then try again. Nothing was saved. If this happens often, ask an admin.",
        )
        response.headers["Retry-After"] = str(seconds)
        return response


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Django's middleware, which also answers htmx and leads back to the page of a form."""

    def handle_no_permission(  # type: ignore[override]  # 401 to htmx is no redirect
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        ended = settings.SESSION_COOKIE_NAME in request.COOKIES
        return send_to(request, resolve_url(self.get_login_url(view_func)), ended=ended)
