"""Changes of an agent's tags: add, remove, undo; and what others changed meanwhile."""

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from ade.http import see_other, wants_fragment
from agents.actors import Power
from agents.domain.tags import change_tags
from agents.domain.typed import Refused, add_typed
from agents.domain.undo import undo
from agents.errors import DomainError, Invalid, NotAllowed, NotFound
from agents.forms import text_of, typed_tags
from agents.views.access import actor_of, change_set_of, find_agent
from agents.views.agent_settings import keep_note, settings_page
from agents.views.tag_editor import (
    Editor,
    Place,
    after_add,
    after_remove,
    after_undo,
    editor_of,
    prefix_of,
    tell_news,
)

View = Callable[[HttpRequest, str], HttpResponse]


def in_editor(view: View) -> View:
    """Answer a refusal in the editor's own place; without htmx it is a page of its own."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, agent_id: str) -> HttpResponse:
        try:
            return view(request, agent_id)
        except (NotFound, NotAllowed) as error:
            if not wants_fragment(request):
                raise
            return _in_place(request, agent_id, error)

    return wrapped


@require_POST
@in_editor
def add(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Add what was typed: one tag or, parted by commas or new lines, several."""
    actor, place = actor_of(request), Place.of(request.POST)
    agent = find_agent(actor, agent_id)
    actor.require(Power.WRITE, "change tags")
    typed = typed_tags(request.POST)
    if not typed.names:
        return _refused(request, editor_of(agent, actor, place), "Type a tag first.", "")
    try:
        instead_of = text_of(request.POST, "instead_of")
        added = add_typed(agent_id=agent_id, names=typed.names, actor=actor, instead_of=instead_of)
    except Invalid as error:
        text = text_of(request.POST, "tag") or text_of(request.POST, "exact") or ""
        return _refused(request, editor_of(agent, actor, place), error.message, text)
    editor = after_add(added.result.agent, actor, added, place, tidied=typed.tidied)
    return _answer(request, editor)


@require_POST
@in_editor
def remove(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Take one tag off; one that is gone already is a success, and said so."""
    actor = actor_of(request)
    before = editor_of(find_agent(actor, agent_id), actor, Place.of(request.POST))
    actor.require(Power.WRITE, "change tags")
    name = text_of(request.POST, "tag") or ""
    try:
        result = change_tags(agent_id=agent_id, remove=[name], actor=actor)
    except Invalid as error:
        return _refused(request, before, error.message, "")
    return _answer(request, after_remove(actor, result, name, before))


@require_POST
@in_editor
def undo_change(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Take back a change of this agent's tags, where it still stands."""
    actor, place = actor_of(request), Place.of(request.POST)
    agent = find_agent(actor, agent_id)
    undone = undo(change_set_id=change_set_of(request), actor=actor, agent_id=agent_id)
    agent.refresh_from_db()
    redo = request.POST.get("redo") == "1"
    return _answer(request, after_undo(agent, actor, undone, place, redo=redo))


@require_GET
@in_editor
def news(request: HttpRequest, agent_id: str) -> HttpResponse:
    """What others changed since the page was answered last, or 204. The page's script asks."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if not wants_fragment(request):
        return see_other(reverse("agent-settings", args=[agent_id]) + "#tags")
    actor.require(Power.WRITE, "change tags")
    editor = editor_of(agent, actor, Place.of(request.GET))
    if editor.seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    editor.asked = True
    return _answer(request, editor)


def _answer(request: HttpRequest, editor: Editor, status: int | None = None) -> HttpResponse:
    """The list as it is now; without htmx, back to the page, or the page with what was refused."""
    if status is None:
        status = 422 if editor.refused and not editor.fresh else 200
    if not wants_fragment(request):
        if editor.error:
            return settings_page(request, editor, status=status)
        keep_note(request, editor)
        return see_other(reverse("agent-settings", args=[editor.agent.public_id]) + "#tags")
    tell_news(editor, actor_of(request))
    response = render(
        request, "components/tag_editor.html#tag-answer", {"editor": editor}, status=status
    )
    patch_vary_headers(response, ["HX-Request"])
    if editor.offer is not None:
        # The card of recent changes hears it and asks for its news.
        response.headers["HX-Trigger"] = "tags-changed"
    return response


def _refused(request: HttpRequest, editor: Editor, why: str, text: str) -> HttpResponse:
    """Nothing was changed: say why, and keep what was typed."""
    editor.error, editor.typed = why, text
    if text:
        editor.refused = [Refused(text, why)]
    return _answer(request, editor, 422)


def _in_place(request: HttpRequest, agent_id: str, error: DomainError) -> HttpResponse:
    """The editor's list with the refusal; where nothing may be edited (any more), in its stead."""
    actor = actor_of(request)
    place = Place.of(request.POST if request.method == "POST" else request.GET)
    if isinstance(error, NotFound):
        return _closed(request, {"prefix": prefix_of(agent_id, place)}, error)
    editor = editor_of(find_agent(actor, agent_id), actor, place)
    if not actor.can(Power.WRITE):
        return _closed(request, {"editor": editor, "prefix": editor.prefix}, error)
    editor.error = error.message
    return _answer(request, editor, error.status)


def _closed(request: HttpRequest, context: dict[str, Any], error: DomainError) -> HttpResponse:
    context |= {"message": error.message}
    response = render(
        request, "components/tag_editor.html#tag-closed", context, status=error.status
    )
    response.headers["HX-Retarget"] = f"#{context['prefix']}s"
    response.headers["HX-Reswap"] = "innerHTML"
    return response
