"""One tag: its description, agents and history, and the tags it appears with."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.core.actors import Actor, Power
from agents.core.errors import Invalid, NotFound
from agents.core.filters import AgentFilter
from agents.core.tag_text import shown
from agents.domain.directory.plans import find_tag, require_manager
from agents.domain.directory.rename import describe_tag
from agents.forms import TagForm, text_of
from agents.models import Tag
from agents.queries import agents
from agents.queries.directory import alike, companions
from agents.queries.history.change_sets import HistoryFilter, history_page
from agents.queries.tags.own import own_with
from agents.views.core.actors import actor_of
from agents.views.core.history_words import shown_sets
from agents.views.core.tag_warnings import warn_of_second_owners
from agents.views.core.watching import watch_context

# Agents and changes on the page; each has its own list.
_FEW = 10


@require_http_methods(["GET", "HEAD", "POST"])
def tag(request: HttpRequest) -> HttpResponse:
    """Show a tag; a post saves its description, colour and protection."""
    actor = actor_of(request)
    if request.method == "POST":
        require_manager(actor, "describe tags")
        return _save(request, find_tag(text_of(request.POST, "name") or ""), actor)
    found = find_tag(text_of(request.GET, "name") or "")
    if actor.limited:
        return _own_page(request, found, actor)
    return _page(request, found, actor, TagForm(initial=TagForm.initial_of(found)))


def _own_page(request: HttpRequest, found: Tag, actor: Actor) -> HttpResponse:
    """The tag as a limited member sees it: of its own agents. Raises NotFound if none carries it."""
    found.n = agents.capped_count(AgentFilter(any=(found.name,)), actor=actor).n
    if not found.n:
        raise NotFound(f"There is no tag {shown(found.name)}.")
    found.last_added_at = None  # it may have been added to an agent of others
    page = agents.page(AgentFilter(any=(found.name,)), actor=actor, size=_FEW)
    together, looked = companions(found, among=own_with(found, actor=actor))
    context = {
        "tag": found,
        "rows": agents.rows(page.seqs),
        "together": together,
        "looked": looked,
        "nav": "tags",
    }
    return render(request, "directory/tag.html", context)


def _save(request: HttpRequest, found: Tag, actor: Actor) -> HttpResponse:
    form = TagForm(request.POST, initial=TagForm.initial_of(found))
    if form.is_valid():
        try:
            with warn_of_second_owners(request):
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
    page = agents.page(AgentFilter(any=(found.name,)), actor=actor, size=_FEW)
    history = history_page(HistoryFilter(tag=found.name), actor=actor, size=_FEW)
    together, looked = companions(found)
    context: dict[str, Any] = {
        "tag": found,
        "form": form,
        "rows": agents.rows(page.seqs),
        "more": page.older,
        "sets": shown_sets(history.rows, actor),
        "older": history.older,
        "together": together,
        "looked": looked,
        "alike": alike(found.name, found.lookalike),
        "may_manage": actor.can(Power.MANAGE),
        "whole": True,
        **watch_context(found.name, actor),
        "nav": "tags",
    }
    return render(request, "directory/tag.html", context, status=status)
