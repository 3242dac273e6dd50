"""List, create, change and delete saved views."""

from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ade.http import see_other
from agents.core.errors import Conflict, Invalid, NotAllowed
from agents.domain.saved_views import (
    change_view,
    delete_view,
    find_view,
    may_change,
    require_change,
    save_view,
    visible_views,
)
from agents.forms import ViewForm
from agents.queries.agents.address import parse, to_query
from agents.queries.core.replica_reads import may_lag
from agents.views.core.actors import actor_of
from agents.views.core.agent_list.address import state_at
from agents.views.core.agent_list.tabs import tabs_context
from agents.views.core.agent_list.words import sentence

_REFUSALS = (Conflict, Invalid, NotAllowed)


@require_safe
def saved_views(request: HttpRequest) -> HttpResponse:
    """All saved views that the actor may see."""
    actor = actor_of(request)
    rows = [(view, may_change(view, actor)) for view in visible_views(actor)]
    return render(request, "saved_views/list.html", {"rows": rows, "nav": "agents"})


@require_safe
@may_lag(actor_of)
def tabs(request: HttpRequest) -> HttpResponse:
    """The views as tabs with their counts, for the list that htmx names as the current page."""
    state = state_at(request.headers.get("HX-Current-URL", ""))
    context = tabs_context(state, actor_of(request), counted=True)
    return render(request, "agents/view_tabs.html#tabs", context)


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
    return render(request, "saved_views/form.html", context, status=422 if form.is_bound else 200)


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
    return render(request, "saved_views/form.html", context, status=422 if form.is_bound else 200)


@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete a view."""
    delete_view(slug=slug, actor=actor_of(request))
    return see_other(reverse("views"))
