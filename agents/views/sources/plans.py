"""Resume a source and disconnect one: each shows a plan first."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.accounts.access import admins_only, reauthenticated
from ade.http import see_other
from agents.core.errors import Conflict
from agents.domain.sources import leaving
from agents.domain.sources.leaving import AgentsOf, Side
from agents.domain.sources.rights import get_source
from agents.forms import RemovalForm, ResumeForm, text_of
from agents.views.core.actors import actor_of


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@reauthenticated
def resume(request: HttpRequest, source_id: int) -> HttpResponse:
    """What resuming does; a post does it."""
    actor = actor_of(request)
    row = get_source(source=source_id, actor=actor)
    form = ResumeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        side = form.cleaned_data["waiting"]
        try:
            leaving.resume(
                source=source_id,
                actor=actor,
                waiting=Side(side) if side else None,
                same_server=form.cleaned_data["same_server"],
            )
        except Conflict as error:
            form.refuse(error)
        else:
            messages.success(request, "Resumed.")
            return see_other(reverse("source", args=[source_id]))
    plan = leaving.plan_resume(source=source_id, actor=actor)
    return _plan(request, "sources/resume.html", source=row, form=form, plan=plan)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@reauthenticated
def remove(request: HttpRequest, source_id: int) -> HttpResponse:
    """What disconnecting does; a post does it."""
    actor = actor_of(request)
    row = get_source(source=source_id, actor=actor)
    form = RemovalForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            leaving.remove_source(
                source=source_id,
                agents=AgentsOf(form.cleaned_data["agents"]),
                actor=actor,
                fingerprint=text_of(request.POST, "plan") or "",
            )
        except Conflict as error:
            form.refuse(error)
        else:
            messages.success(request, f"{row.name} is disconnected.")
            return see_other(reverse("sources"))
    plan = leaving.plan_removal(source=source_id, actor=actor)
    return _plan(request, "sources/remove.html", source=row, form=form, plan=plan)


def _plan(request: HttpRequest, template: str, *, form: Any, **context: Any) -> HttpResponse:
    context |= {"form": form, "nav": "sources"}
    return render(request, template, context, status=422 if form.errors else 200)
