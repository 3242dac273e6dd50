"""Change an agent's tags from the tag editor: add, remove, undo; and poll for changes by others."""

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from ade.http import see_other, wants_fragment
from agents.core.actors import Actor, Power
from agents.core.errors import DomainError, Invalid, NotAllowed, NotFound, SecondOwner
from agents.domain.history.undo import undo
from agents.domain.tags.add_typed import Refused, add_typed
from agents.domain.tags.edit import change_tags, move_agent
from agents.forms import text_of, typed_tags
from agents.views.core.actors import actor_of, agent_errors, change_set_of, find_agent
from agents.views.core.settings_page import back_to_tags, settings_page
from agents.views.core.tag_editor import (
    Editor,
    EditorPage,
    add_news,
    after_add,
    after_move,
    after_remove,
    after_undo,
    editor_of,
    prefix_of,
)

View = Callable[[HttpRequest, str], HttpResponse]


def in_editor(view: View) -> View:
    """Show NotFound and NotAllowed inside the editor, or as an error page without htmx."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, agent_id: str) -> HttpResponse:
        try:
            return view(request, agent_id)
        except (NotFound, NotAllowed) as error:
            if not wants_fragment(request):
                raise
            return _refused_in_editor(request, agent_id, error)

    return wrapped


@require_POST
@in_editor
def add(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Add the typed tags, separated by commas or new lines."""
    actor = actor_of(request)
    page = EditorPage.of(request.POST, actor)
    _require_write(actor, agent_id)
    try:
        typed = typed_tags(request.POST)
        if not typed.names:
            raise Invalid("Type a tag first.")
        instead_of = text_of(request.POST, "instead_of")
        with agent_errors(actor, agent_id):
            added = add_typed(
                agent_id=agent_id,
                names=typed.names,
                actor=actor,
                instead_of=instead_of,
                reason=text_of(request.POST, "reason") or "",
            )
    except (Invalid, SecondOwner) as error:
        text = text_of(request.POST, "tag") or text_of(request.POST, "exact") or ""
        return _refused(request, agent_id, page, error.message, text)
    return _answer(request, after_add(actor, added, page, tidied=typed.tidied))


@require_POST
@in_editor
def remove(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Remove a tag. If the agent no longer has it, report that as a success."""
    actor = actor_of(request)
    page = EditorPage.of(request.POST, actor)
    _require_write(actor, agent_id)
    name = text_of(request.POST, "tag") or ""
    try:
        with agent_errors(actor, agent_id):
            reason = text_of(request.POST, "reason") or ""
            result = change_tags(agent_id=agent_id, remove=[name], actor=actor, reason=reason)
    except Invalid as error:
        return _refused(request, agent_id, page, error.message, "")
    return _answer(request, after_remove(actor, result, name, page))


@require_POST
@in_editor
def move(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Give the agent to the user of a tag, and remove its other user tags."""
    actor = actor_of(request)
    page = EditorPage.of(request.POST, actor)
    _require_write(actor, agent_id)
    to = text_of(request.POST, "tag") or ""
    try:
        with agent_errors(actor, agent_id):
            reason = text_of(request.POST, "reason") or ""
            result = move_agent(agent_id=agent_id, to=to, actor=actor, reason=reason)
    except Invalid as error:
        return _refused(request, agent_id, page, error.message, "")
    return _answer(request, after_move(actor, result, to, page))


def _require_write(actor: Actor, agent_id: str) -> None:
    """Raise NotAllowed if the actor may not change tags; if it cannot see the agent either, raise NotFound."""
    if not actor.can(Power.WRITE):
        find_agent(actor, agent_id)
    actor.require(Power.WRITE, "change tags")


@require_POST
@in_editor
def undo_change(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Undo a change to this agent's tags, except where a tag was changed again since."""
    actor = actor_of(request)
    page = EditorPage.of(request.POST, actor)
    agent = find_agent(actor, agent_id)
    undone = undo(change_set_id=change_set_of(request), actor=actor, agent_id=agent_id)
    agent.refresh_from_db()
    redo = request.POST.get("redo") == "1"
    return _answer(request, after_undo(agent, actor, undone, page, redo=redo))


@require_GET
@in_editor
def news(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Return what others have changed since the page's last response; 204 if nothing. The page's script polls this."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    if not wants_fragment(request):
        return see_other(reverse("agent-settings", args=[agent_id]) + "#tags")
    actor.require(Power.WRITE, "change tags")
    editor = editor_of(agent, actor, EditorPage.of(request.GET, actor))
    if editor.seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    editor.polled = True
    return _answer(request, editor)


def _answer(request: HttpRequest, editor: Editor, status: int | None = None) -> HttpResponse:
    """Render the editor's list. Without htmx, redirect to the settings page or render it with the error."""
    if status is None:
        status = 422 if editor.refused and not editor.fresh else 200
    if not wants_fragment(request):
        if editor.error:
            return settings_page(request, editor, status=status)
        return back_to_tags(request, editor)
    add_news(editor, actor_of(request))
    response = render(request, "tags/editor.html#tag-answer", {"editor": editor}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    if editor.offer is not None:
        # The card of recent changes listens for this and loads itself again.
        response.headers["HX-Trigger"] = "tags-changed"
    return response


def _refused(
    request: HttpRequest, agent_id: str, page: EditorPage, why: str, text: str
) -> HttpResponse:
    """The editor with the error and the text that was typed; nothing was changed."""
    actor = actor_of(request)
    editor = editor_of(find_agent(actor, agent_id), actor, page)
    editor.error, editor.typed = why, text
    if text:
        editor.refused = [Refused(text, why)]
    return _answer(request, editor, 422)


def _refused_in_editor(request: HttpRequest, agent_id: str, error: DomainError) -> HttpResponse:
    """Render the list with the error. If the agent is gone or the actor may not edit tags, show the error in place of the form."""
    actor = actor_of(request)
    page = EditorPage.of(request.POST if request.method == "POST" else request.GET, actor)
    if isinstance(error, NotFound):
        return _closed(request, {"prefix": prefix_of(agent_id, page)}, error)
    editor = editor_of(find_agent(actor, agent_id), actor, page)
    if not actor.can(Power.WRITE):
        return _closed(request, {"editor": editor, "prefix": editor.prefix}, error)
    editor.error = error.message
    return _answer(request, editor, error.status)


def _closed(request: HttpRequest, context: dict[str, Any], error: DomainError) -> HttpResponse:
    context |= {"message": error.message}
    response = render(request, "tags/editor.html#tag-closed", context, status=error.status)
    response.headers["HX-Retarget"] = f"#{context['prefix']}s"
    response.headers["HX-Reswap"] = "innerHTML"
    return response
