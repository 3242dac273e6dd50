"""What every answer carries (a request id, the security headers), and who is let in to a page."""

import math
import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import resolve

from ade import logs, rates, sessions
from ade.access import send_to
from ade.http import client_address
from ade.requestlog import note_who
from ade.views.failures import plain_page

Handler = Callable[[HttpRequest], HttpResponse]

# An id from outside is taken only if it cannot forge a log line.
_SAFE_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")


class RequestIdMiddleware:
    """Gives each request an id, in `request.request_id` and the X-Request-ID header."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # added here
        # Not taken back at the end: the parts of a streamed answer are made after this returns.
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
    """Answers what watches the server: without a session, by whatever name or address it asks."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in settings.PROBES:
            return self.get_response(request)
        match = request.resolver_match = resolve(request.path_info)
        answer: HttpResponse = match.func(request)
        return answer


class SessionLimitsMiddleware:
    """Ends a session that was idle, or has lasted, too long; notes the use of one that goes on.

    A request that our own script makes by itself says `ADE-Poll: 1` and is no use.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            note_who(request, f"person:{request.user.pk}", request.user.username)
            reason = sessions.why_over(request.session)
            if reason:
                logout(request)
                messages.info(request, f"{reason} Please sign in again.")
            elif request.headers.get("ADE-Poll") != "1":
                sessions.note_use(request.session)
        return self.get_response(request)


class RateMiddleware:
    """Counts requests for pages: a member's by the member, others by their address."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            verdict = rates.count_caller(f"person:{request.user.pk}")
        else:
            verdict = rates.count_address(client_address(request))
        if verdict is None or not verdict.wait:
            return self.get_response(request)
        seconds = math.ceil(verdict.wait)
        response = plain_page(
            request,
            429,
            "Too many requests",
            f"Wait {seconds} s, then try again. Nothing was saved.",
        )
        response.headers["Retry-After"] = str(seconds)
        return response


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Django's, which also answers htmx, and comes back to the page a form stood on."""

    def handle_no_permission(  # type: ignore[override]  # 401 to htmx is no redirect
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        return send_to(request, resolve_url(self.get_login_url(view_func)))
