"""Crossings: what agents of two users share. Separate it by a plan, or say that it is meant."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ade.http import see_other
from agents.core.actors import Power
from agents.core.errors import Conflict, Invalid, NotFound, SourceUnavailable
from agents.core.filters import AgentFilter
from agents.domain.crossings import at_source
from agents.domain.crossings.separate import (
    mark_meant,
    plan_separation,
    separate,
    undo_separation,
)
from agents.forms import ReasonForm, text_of
from agents.models import AgentSource, CrossingKind
from agents.queries import agents
from agents.queries.crossings import crossing_page
from agents.tasks.crossings import ask_to_look
from agents.views.core.actors import actor_of, change_set_of

_SIZE = 50


@require_safe
def crossings(request: HttpRequest) -> HttpResponse:
    """Memory blocks and identities that agents of several users share, newest first."""
    return _page(request)


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    actor.require_unlimited("may not see crossings")
    complete = ask_to_look()
    meant = request.GET.get("show") == "meant"
    after = _number(request.GET.get("after", ""))
    page = crossing_page(actor=actor, size=_SIZE, after=after, meant=meant)
    kept: dict[str, str | int] = {"show": "meant"} if meant else {}
    context = {
        "page": page,
        "meant": meant,
        "complete": complete,
        "unfinished": at_source.unfinished(),
        "problem": problem,
        "two_users": agents.capped_count(AgentFilter(two_users=True, visible=True), actor=actor),
        "older": page.after and urlencode({**kept, "after": page.after}),
        "may_manage": actor.can(Power.MANAGE),
        "undo": request.GET.get("separated", "") if not meant else "",
        "nav": "users",
    }
    return render(request, "crossings/list.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def separation(request: HttpRequest, block_id: str) -> HttpResponse:
    """The plan that gives each user a copy of a shared memory block; a post applies it."""
    actor = actor_of(request)
    source_id = _number(request.GET.get("source", ""))
    about: dict[str, Any] = {"block_id": block_id, "actor": actor}
    if source_id is not None:
        about["source_id"] = source_id
    error, status = "", 200
    if request.method == "POST":
        about |= {
            "fingerprint": text_of(request.POST, "fingerprint") or "",
            "reason": text_of(request.POST, "reason") or "",
        }
        try:
            change_set = separate(**about) if source_id is None else at_source.begin(**about)
        except (Conflict, Invalid) as refused:
            error, status = refused.message, refused.status
        else:
            return _go_on(request, change_set.id, "The memory block was separated.")
    named = {name: about[name] for name in ("block_id", "actor", "source_id") if name in about}
    plan = plan_separation(**named) if source_id is None else at_source.plan_separation(**named)
    form = ReasonForm(initial={"reason": text_of(request.POST, "reason") or ""})
    context = {
        "plan": plan,
        "source": AgentSource.objects.filter(id=source_id or 0).first(),
        "copies": [(user, len(some)) for user, some in plan.copies.items()],
        "button": "Separate the memory block",
        "cancel": reverse("crossings"),
        "error": error,
        "form": form,
        "nav": "users",
    }
    return render(request, "crossings/separate.html", context, status=status)


def _go_on(
    request: HttpRequest, change_set_id: int, done: str, *, undo: bool = True
) -> HttpResponse:
    """Do the steps at a source, if it is a separation there, and say how far it is."""
    if at_source.is_at_source(change_set_id):
        progress = at_source.carry_out(change_set_id=change_set_id, actor=actor_of(request))
        if progress.left:
            said = f"{progress.done} of {progress.done + progress.left} agents are done. "
            return _page(request, said + progress.problem, status=503 if progress.problem else 200)
    messages.success(request, done)
    return see_other(reverse("crossings") + (f"?separated={change_set_id}" if undo else ""))


@require_POST
def go_on(request: HttpRequest) -> HttpResponse:
    """Continue a separation at a source, or its undo."""
    actor = actor_of(request)
    actor.require(Power.MANAGE, "separate what users share")
    actor.require_unlimited("may not separate what users share")
    number = change_set_of(request)
    if not at_source.is_at_source(number):
        raise NotFound("There is no such separation.")
    return _go_on(request, number, "Every agent has its own memory block now.")


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Undo a separation."""
    actor = actor_of(request)
    actor.require(Power.MANAGE, "undo a separation")
    actor.require_unlimited("may not undo a separation")
    number = change_set_of(request)
    try:
        if at_source.is_at_source(number):
            number = at_source.begin_undo(change_set_id=number, actor=actor).id
        else:
            undo_separation(change_set_id=number, actor=actor)
    except (Conflict, NotFound, SourceUnavailable) as error:
        return _page(request, error.message, status=error.status)
    return _go_on(request, number, "The memory block is shared again.", undo=False)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@require_POST
def meant(request: HttpRequest) -> HttpResponse:
    """Say that something is meant to be shared, with a reason; or take that back without one."""
    data = request.POST
    back = text_of(data, "act") == "unmark"
    kind = text_of(data, "kind")
    try:
        mark_meant(
            kind=kind if kind in CrossingKind.values else "",
            public_id=text_of(data, "id") or "",
            source_id=_number(text_of(data, "source") or "") or 0,
            reason=None if back else text_of(data, "reason") or "",
            actor=actor_of(request),
        )
    except (Invalid, NotFound) as error:
        return _page(request, error.message, status=error.status)
    messages.success(
        request, "It is listed as a crossing again." if back else "Marked as meant to be shared."
    )
    return see_other(reverse("crossings"))
