"""The end of a user: what it comes to, then done; the receipt is the history's."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.actors import Actor
from agents.domain.plans import find_tag, require_manager
from agents.domain.users import How, OffboardChanged, OffboardPlan, offboard, plan_offboard
from agents.errors import DomainError, Invalid, NotAllowed
from agents.forms import ReasonForm, text_of
from agents.models import Tag
from agents.tagnames import shown, tidy
from agents.views.access import actor_of


@require_http_methods(["GET", "HEAD", "POST"])
def off_board(request: HttpRequest) -> HttpResponse:
    """Ask what becomes of the agents, show what that comes to, do it once the name was typed."""
    actor = actor_of(request)
    require_manager(actor, "off-board users")
    data = request.POST if request.method == "POST" else request.GET
    tag = find_tag(text_of(data, "name") or "")
    how = _how(text_of(data, "how"))
    if how is None:
        return _page(request, tag, None, None)
    try:
        plan = plan_offboard(name=tag.name, how=how, actor=actor)
    except Invalid as error:
        return _page(request, tag, how, None, error=error.message, status=422)
    if request.method != "POST":
        return _page(request, tag, how, plan)
    return _apply(request, tag, plan, actor)


def _apply(request: HttpRequest, tag: Tag, plan: OffboardPlan, actor: Actor) -> HttpResponse:
    data = request.POST
    if tidy(text_of(data, "typed") or "") != tidy(tag.name):
        return _page(request, tag, plan.how, plan, problem="Type the tag.", status=422)
    try:
        result = offboard(
            name=tag.name,
            how=plan.how,
            actor=actor,
            fingerprint=text_of(data, "fingerprint") or "",
            reason=text_of(data, "reason") or "",
        )
    except OffboardChanged as error:
        return _page(request, tag, plan.how, error.offboard, error=error.message, status=409)
    except NotAllowed:
        raise
    except DomainError as error:
        return _page(request, tag, plan.how, plan, error=error.message, status=422)
    messages.success(request, f"{shown(tag.name)} is off-boarded. The receipt is below.")
    return see_other(reverse("change-set", args=[result.change_set.id]))


def _how(text: str | None) -> How | None:
    return How(text) if text in list(How) else None


def _page(
    request: HttpRequest,
    tag: Tag,
    how: How | None,
    plan: OffboardPlan | None,
    *,
    error: str = "",
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    reason = text_of(request.POST, "reason") or ""
    context = {
        "tag": tag,
        "how": how.value if how else "",
        "plan": plan,
        "error": error,
        "problem": problem,
        "form": ReasonForm(initial={"reason": reason}),
        "nav": "users",
    }
    return render(request, "users/offboard.html", context, status=status)
