"""Limit a member to the agents with some tags: a form on the member's page, for admins."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.accounts.access import admins_only, reauthenticated
from ade.accounts.member_views import find_member
from ade.http import see_other
from agents.core.errors import Conflict, Invalid
from agents.core.filters import AgentFilter
from agents.core.tag_text import shown
from agents.domain.members import change_member, limit_of
from agents.forms import LimitForm
from agents.queries.agents import capped_count
from agents.views.core.actors import actor_of


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@reauthenticated
def limit(request: HttpRequest, pk: int) -> HttpResponse:
    """A form for the tags that the member is limited to; a post sets or ends the limit."""
    member = find_member(pk)
    posted = request.POST if request.method == "POST" else None
    form = LimitForm(posted, initial=LimitForm.initial_of(member))
    if form.is_bound and form.is_valid():
        try:
            changed = change_member(member_id=pk, limit=form.names(), actor=actor_of(request))
        except (Conflict, Invalid) as error:
            form.refuse(error)
        else:
            _say(request, limit_of(changed))
            return see_other(reverse("member", args=[pk]))
    context = {"form": form, "member": member, "nav": "members"}
    status = (409 if form.stale else 422) if form.errors else 200
    return render(request, "members/limit.html", context, status=status)


def _say(request: HttpRequest, names: tuple[str, ...]) -> None:
    if not names:
        messages.success(request, "The member can access all agents.")
        return
    text = " or ".join(shown(name) for name in names)
    messages.success(request, f"The member can access only agents tagged {text}.")
    if not capped_count(AgentFilter(any=names), actor=actor_of(request), most=1).n:
        messages.warning(
            request, f"No agent is tagged {text} yet, so the member can access no agent."
        )
