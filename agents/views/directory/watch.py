"""Watch a tag, or stop watching it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from ade.http import see_other
from agents.core.errors import Conflict
from agents.core.tag_text import shown
from agents.domain.directory.watching import unwatch, watch
from agents.forms import text_of
from agents.views.core.actors import actor_of


@require_POST
def watching(request: HttpRequest) -> HttpResponse:
    """Watch the tag of the form, or stop; then back to its page."""
    actor, name = actor_of(request), text_of(request.POST, "name") or ""
    if text_of(request.POST, "to") == "off":
        unwatch(name=name, actor=actor)
        messages.success(request, f"You no longer watch {shown(name)}.")
    else:
        try:
            watch(name=name, actor=actor)
        except Conflict as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"You watch {shown(name)}. The overview shows its changes.")
    page = reverse("user" if text_of(request.POST, "page") == "user" else "tag")
    return see_other(f"{page}?{urlencode({'name': name})}")
