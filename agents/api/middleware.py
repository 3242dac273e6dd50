"""The short way to the API: a call needs no session, no CSRF check and no sign-in page."""

import math
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve

from agents.api import errors
from agents.api.app import api
from agents.api.auth import guard_open_api

_PREFIX = "/v1/"


class ApiMiddleware:
    """Answers all of /v1/ by itself; what stands after it in the chain never sees a call."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(_PREFIX):
            return self.get_response(request)
        try:
            response = self._answer(request)
        except Exception as exc:  # noqa: BLE001  # every error has the API's own form
            response = api.on_exception(request, exc)
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


def find(path: str, method: str) -> ResolverMatch | None:
    """The view for a path. Collections end in a slash and answer without it too.

    An item with a stray slash answers GET only: `.../tags/..` of a careless client must not arrive
    as a DELETE of the agent.
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
