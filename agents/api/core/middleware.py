"""Middleware that serves the API without sessions, CSRF checks or sign-in pages."""

import math
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve

from agents.api.core import errors
from agents.api.core.app import api
from agents.api.core.auth import guard_open_api
from agents.core.etag import etag_of_list
from agents.domain.tags import crossing, second_owner

_PREFIX = "/v1/"


class ApiMiddleware:
    """Serves all of /v1/. Later middleware does not see API requests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(_PREFIX):
            return self.get_response(request)
        try:
            with second_owner.counting() as counted, crossing.counting() as crossings:
                response = self._answer(request)
            if counted.number and response.status_code < 400:
                response.headers["X-ADE-Second-Owner"] = str(counted.number)
            if crossings and response.status_code < 400:
                response.headers["X-ADE-Crossing"] = str(len(crossings))
        except Exception as exc:  # noqa: BLE001  # every error gets the API's format
            response = api.on_exception(request, exc)
        if _is_list(request, response):
            link = response.headers.get("Link", "")
            response.headers.setdefault("ETag", etag_of_list(response.content, link))  # type: ignore[attr-defined]  # untyped base
        if verdict := getattr(request, "rate", None):
            response.headers["X-RateLimit-Limit"] = str(verdict.limit)
            response.headers["X-RateLimit-Remaining"] = str(verdict.remaining)
            response.headers["X-RateLimit-Reset"] = str(math.ceil(verdict.reset))
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        guard_open_api(request)
        request.get_host()  # CommonMiddleware, which checks the host, comes later
        match = find(request.path_info, request.method or "")
        if match is None:
            return errors.not_found()
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        if response.status_code == 405:
            return errors.not_allowed(response.headers["Allow"])
        return response


def _is_list(request: HttpRequest, response: HttpResponseBase) -> bool:
    if request.method != "GET" or response.status_code != 200 or response.streaming:
        return False
    return bool(response.content.startswith(b"["))  # type: ignore[attr-defined]  # untyped base


def find(path: str, method: str) -> ResolverMatch | None:
    """Return the view for a path. Collections work with and without the final slash.

    An item with an extra slash works for GET only: a client's `.../tags/..` must not become a DELETE
    of the agent.
    """
    try:
        return resolve(path)
    except Resolver404:
        pass
    if path.endswith("/") and method != "GET":
        return None
    try:
        return resolve(path[:-1] if path.endswith("/") else f"{path}/")
    except Resolver404:
        return None
