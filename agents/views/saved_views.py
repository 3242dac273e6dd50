"""Saved views: which there are, a new one, and the change of one."""

from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ade.http import see_other
from agents.domain.views import (
    change_view,
    delete_view,
    find_view,
    may_change,
    require_change,
    save_view,
    visible_views,
)
from agents.errors import Conflict, Invalid, NotAllowed
from agents.filterparse import parse, to_query
from agents.forms import ViewForm
from agents.views.access import actor_of
from agents.views.list_words import sentence

_REFUSALS = (Conflict, Invalid, NotAllowed)


@require_safe
def saved_views(request: HttpRequest) -> HttpResponse:
    """All views that one may see."""
    actor = actor_of(request)
    rows = [(view, may_change(view, actor)) for view in visible_views(actor)]
    return render(request, "views/list.html", {"rows": rows, "nav": "agents"})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Save the list that the address describes."""
    state, _ = parse(request.GET)
    query = to_query(state.changed())
    form = ViewForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            view = save_view(
                **form.cleaned_data,
                pairs=parse_qsl(query, keep_blank_values=True),
                actor=actor_of(request),
            )
            return see_other(view.get_absolute_url())
        except _REFUSALS as error:
            form.refuse(error)
    back = f"{reverse('agents')}?{query}"
    context = {"form": form, "sentence": sentence(state), "back": back, "nav": "agents"}
    return render(request, "views/form.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Rename, share or pin a view."""
    actor = actor_of(request)
    view = find_view(slug, actor=actor)
    require_change(view, actor)
    posted = request.POST if request.method == "POST" else None
    form = ViewForm(posted, initial=ViewForm.initial_of(view))
    if form.is_bound and form.is_valid():
        try:
            change_view(slug=slug, **form.cleaned_data, actor=actor)
            return see_other(reverse("views"))
        except _REFUSALS as error:
            form.refuse(error)
    context = {"form": form, "view": view, "back": reverse("views"), "nav": "agents"}
    return render(request, "views/form.html", context, status=422 if form.is_bound else 200)


@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete a view."""
    delete_view(slug=slug, actor=actor_of(request))
    return see_other(reverse("views"))
