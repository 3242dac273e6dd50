"""Error pages; a fragment request gets the same message as a fragment."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ade.http import render_page, wants_fragment
from ade.models import Role, User
from agents.core.actors import Power
from agents.core.errors import DomainError, OutsideLimit
from agents.core.json_text import loads
from agents.domain.core.tag_rules import names_a_user
from agents.models import Tag
from agents.queries.access.now import may_see_access
from agents.queries.agents.trash import in_trash
from agents.views.core.actors import Deleted, actor_of

_ADMINS = 3  # named on a page that a member may not open
TITLES = {403: "Not allowed", 404: "Not found", 409: "Changed in the meantime", 503: "Busy"}


class DomainErrorMiddleware:
    """Turn errors of the domain that a view did not handle into error pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if isinstance(error, Deleted) and not wants_fragment(request):
            return _tombstone(request, error)
        if isinstance(error, OutsideLimit):
            return _outside_limit(request, error.message)
        return error_page(request, error.status, error.message)


def _tombstone(request: HttpRequest, error: Deleted) -> HttpResponse:
    """The page of a deleted agent."""
    tombstone = error.tombstone
    tags = [Tag(name=n, names_user=names_a_user(n)) for n in loads(tombstone.tags)]
    actor = actor_of(request)
    context = {
        "tombstone": tombstone,
        "tags": tags,
        "message": error.message,
        "trashed": in_trash(tombstone.public_id, actor=actor),
        "may_restore": actor.can(Power.WRITE),
        "may_see_access": may_see_access(actor),
        "nav": "agents",
    }
    return render(request, "agents/tombstone.html", context, status=error.status)


def _outside_limit(request: HttpRequest, message: str) -> HttpResponse:
    """The page that is about all agents, for a member who is limited to some."""
    return error_page(request, 403, message, heading="This page is about all agents", limited=True)


def error_page(request: HttpRequest, status: int, message: str, **more: Any) -> HttpResponse:
    """An error page with a way on; for htmx, a message above the content, which keeps what was typed."""
    context = {
        "status": status,
        "heading": TITLES.get(status, "Not possible"),
        "message": message,
    } | more
    if status == 403 and isinstance(getattr(request, "user", None), User):
        admins = User.objects.filter(role=Role.ADMIN, is_active=True, stored_reach=None)
        context["admins"] = [one.display_name for one in admins.order_by("username")[:_ADMINS]]
    response = render_page(request, "error.html", context, fragment="problem", status=status)
    if wants_fragment(request):
        response.headers["HX-Retarget"] = "#messages"
        response.headers["HX-Reswap"] = "innerHTML show:#main:top"
    return response


def _is_limited(request: HttpRequest) -> bool:
    """True if a member is signed in who is limited to some agents."""
    user = getattr(request, "user", None)  # absent if an early middleware refuses
    return isinstance(user, User) and user.stored_reach is not None


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_limited(request):
        return _outside_limit(request, "A member who is limited to some agents cannot open it.")
    return error_page(request, 403, "You may not do this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 404, "There is no such page.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request, 403, "This page is out of date. Load it again and repeat what you did."
    )
