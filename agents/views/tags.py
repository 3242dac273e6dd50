"""Changes of an agent's tags: add, remove, undo; and suggestions while one is typed."""

import functools
from collections.abc import Callable

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
from agents.listing.suggestions import suggest as suggestions_for
from agents.views.access import actor_of, change_set_of, find_agent
from agents.views.agent_settings import keep_note, settings_page
from agents.views.tag_editor import Editor, after_add, after_remove, after_undo, editor_of

SUGGESTIONS = 10

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
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    actor.require(Power.WRITE, "change tags")
    typed = typed_tags(request.POST)
    if not typed.names:
        return _refused(request, editor_of(agent, actor), "Type a tag first.", "")
    try:
        instead_of = text_of(request.POST, "instead_of")
        added = add_typed(agent_id=agent_id, names=typed.names, actor=actor, instead_of=instead_of)
    except Invalid as error:
        text = text_of(request.POST, "tag") or text_of(request.POST, "exact") or ""
        return _refused(request, editor_of(agent, actor), error.message, text)
    editor = after_add(added.result.agent, actor, added, tidied=typed.tidied)
    return _answer(request, editor)


@require_POST
@in_editor
def remove(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Take one tag off; one that is gone already is a success, and said so."""
    actor = actor_of(request)
    before = editor_of(find_agent(actor, agent_id), actor)
    actor.require(Power.WRITE, "change tags")
    name = text_of(request.POST, "tag") or ""
    try:
        result = change_tags(agent_id=agent_id, remove=[name], actor=actor)
    except Invalid as error:
        return _refused(request, before, error.message, "")
    editor = after_remove(result.agent, actor, result, name, _next_to(name, before))
    return _answer(request, editor)


@require_POST
@in_editor
def undo_change(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Take back a change of this agent's tags, where it still stands."""
    actor = actor_of(request)
    agent = find_agent(actor, agent_id)
    undone = undo(change_set_id=change_set_of(request), actor=actor, agent_id=agent_id)
    agent.refresh_from_db()
    return _answer(request, after_undo(agent, actor, undone))


@require_GET
def suggest(request: HttpRequest) -> HttpResponse:
    """The options of the add field: tags in use that hold the text."""
    actor = actor_of(request)
    typed = " ".join(request.GET.get("q", "").split())
    found = suggestions_for(typed, actor=actor, limit=SUGGESTIONS)
    agent_id = request.GET.get("agent")
    carried: set[str] = set()
    if agent_id:
        agent = find_agent(actor, agent_id)
        carried = {tag.name for tag in editor_of(agent, actor).tags}
    context = {
        "typed": typed,
        "found": found,
        "carried": carried,
        "prefix": request.GET.get("list", "tag-suggest"),
        "offer_new": bool(typed)
        and "known" not in request.GET
        and all(row.name != typed for row in found.rows),
        "left": found.total - len(found.rows),
    }
    return render(request, "components/suggestions.html", context)


def _next_to(name: str, editor: Editor) -> str:
    """The tag whose button takes the focus of a removed one: the next, else the previous."""
    names = [tag.name for tag in editor.tags]
    if name not in names:
        return ""
    place = names.index(name)
    rest = names[place + 1 : place + 2] or names[max(place - 1, 0) : place]
    return rest[0] if rest else ""


def _answer(request: HttpRequest, editor: Editor, status: int | None = None) -> HttpResponse:
    """The list as it is now; without htmx, back to the page, or the page with what was refused."""
    if status is None:
        status = 422 if editor.refused and not editor.fresh else 200
    if not wants_fragment(request):
        if editor.error:
            return settings_page(request, editor, status=status)
        keep_note(request, editor)
        return see_other(reverse("agent-settings", args=[editor.agent.public_id]) + "#tags")
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
    if isinstance(error, NotAllowed) and actor.can(Power.WRITE):
        editor = editor_of(find_agent(actor, agent_id), actor)
        editor.error = error.message
        return _answer(request, editor, error.status)
    context: dict[str, object] = {"message": error.message}
    if isinstance(error, NotAllowed):
        context["editor"] = editor_of(find_agent(actor, agent_id), actor)
    response = render(
        request, "components/tag_editor.html#tag-closed", context, status=error.status
    )
    response.headers["HX-Retarget"] = "#tags"
    response.headers["HX-Reswap"] = "innerHTML"
    return response
