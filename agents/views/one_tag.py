"""One tag: what is said of it, its agents, its history, the tags it appears with."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents import listing
from agents.actors import Actor, Power
from agents.domain.directory import describe_tag
from agents.domain.plans import find_tag, require_manager
from agents.errors import Invalid
from agents.filters import AgentFilter
from agents.forms import TagForm, text_of
from agents.listing.directory import alike, companions
from agents.listing.history import HistoryFilter, history_page
from agents.models import Tag
from agents.views.access import actor_of
from agents.views.history_words import shown_sets
from agents.views.list_rows import shown_rows

# Agents and changes that the page shows; each has a list of its own.
_FEW = 10


@require_http_methods(["GET", "HEAD", "POST"])
def tag(request: HttpRequest) -> HttpResponse:
    """Show a tag; a post says what it means, how it looks and whether it is protected."""
    actor = actor_of(request)
    if request.method == "POST":
        require_manager(actor, "describe tags")
        return _save(request, find_tag(text_of(request.POST, "name") or ""), actor)
    found = find_tag(text_of(request.GET, "name") or "")
    return _page(request, found, actor, TagForm(initial=TagForm.initial_of(found)))


def _save(request: HttpRequest, found: Tag, actor: Actor) -> HttpResponse:
    form = TagForm(request.POST, initial=TagForm.initial_of(found))
    if form.is_valid():
        try:
            describe_tag(name=found.name, actor=actor, **form.facts())
        except Invalid as error:
            form.refuse(error)
        else:
            messages.success(request, "Saved.")
            return see_other(f"{reverse('tag')}?{urlencode({'name': found.name})}")
    return _page(request, found, actor, form, status=409 if form.stale else 422)


def _page(
    request: HttpRequest, found: Tag, actor: Actor, form: TagForm, *, status: int = 200
) -> HttpResponse:
    page = listing.page(AgentFilter(any=(found.name,)), actor=actor, size=_FEW)
    history = history_page(HistoryFilter(tag=found.name), actor=actor, size=_FEW)
    together, looked = companions(found)
    context: dict[str, Any] = {
        "tag": found,
        "form": form,
        "rows": shown_rows(listing.rows(page.seqs), ""),
        "more": page.older,
        "sets": shown_sets(history.rows, actor),
        "older": history.older,
        "together": together,
        "looked": looked,
        "alike": alike(found.name, found.lookalike),
        "may_manage": actor.can(Power.MANAGE),
        "nav": "tags",
    }
    return render(request, "tags/tag.html", context, status=status)
