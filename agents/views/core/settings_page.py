"""The Advanced Settings page of an agent around its tag editor."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ade.http import render_page, see_other
from agents.queries.history.agent import recent_tag_changes
from agents.queries.tags.suggestions import suggest
from agents.views.core.actors import actor_of
from agents.views.core.tag_editor import Editor

TEMPLATE = "agents/settings.html"
_KNOWN_TAGS = 50  # tags that the add field offers without JavaScript


def settings_page(
    request: HttpRequest, editor: Editor, *, status: int = 200, **context: Any
) -> HttpResponse:
    """The whole page around an editor."""
    page = {
        "agent": editor.agent,
        "editor": editor,
        "may_write": editor.may_write,
        "recent": recent_tag_changes(editor.agent),
        "known": suggest("", actor=actor_of(request), limit=_KNOWN_TAGS).rows,
        "nav": "agents",
        "tab": "settings",
    }
    return render_page(request, TEMPLATE, page | context, fragment="model", status=status)


def back_to_tags(request: HttpRequest, editor: Editor) -> HttpResponse:
    """Redirect a plain form's post to the page, which reports the change and offers to undo it."""
    if editor.status:
        messages.success(request, editor.status)
    query = ""
    if editor.offer is not None:
        query = f"?{editor.offer.label.lower()}={editor.offered}"
    return see_other(f"{reverse('agent-settings', args=[editor.agent.public_id])}{query}#tags")
