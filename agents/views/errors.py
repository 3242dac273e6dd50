"""Pages for what goes wrong; a fragment request gets the same message as a fragment."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ade.http import render_page, wants_fragment
from agents.domain.tagrows import names_a_user
from agents.errors import DomainError
from agents.jsontext import loads
from agents.models import Tag
from agents.views.access import Deleted

TITLES = {403: "Not allowed", 404: "Not found", 409: "Changed meanwhile", 503: "Busy"}


class DomainErrorMiddleware:
    """Turns what the domain refuses, and a view did not answer itself, into a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if isinstance(error, Deleted) and not wants_fragment(request):
            return _tombstone(request, error)
        return error_page(request, error.status, error.message)


def _tombstone(request: HttpRequest, error: Deleted) -> HttpResponse:
    """What is left of a deleted agent, in its place."""
    grave = error.grave
    tags = [Tag(name=n, names_user=names_a_user(n)) for n in loads(grave.tags)]
    context = {"grave": grave, "tags": tags, "message": error.message, "nav": "agents"}
    return render(request, "agents/tombstone.html", context, status=error.status)


def error_page(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """A page that says what is wrong and leads on; for htmx, a message above all that was typed."""
    context = {"status": status, "heading": TITLES.get(status, "Not possible"), "message": message}
    response = render_page(request, "error.html", context, fragment="problem", status=status)
    if wants_fragment(request):
        response.headers["HX-Retarget"] = "#messages"
        response.headers["HX-Reswap"] = "innerHTML show:#main:top"
    return response


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403, "You may not do this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 404, "There is no such page.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request, 403, "This page is out of date. Load it again and repeat what you did."
    )
