"""Sources: which there are, a new one, and all about one. For admins who just proved it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from ade.accounts.access import admins_only, reauthenticated
from ade.http import render_page, see_other
from agents.core.actors import Actor
from agents.core.errors import Conflict, Invalid
from agents.core.filters import AgentFilter
from agents.domain.sources import manage
from agents.domain.sources.rights import get_source, sources_of
from agents.forms import SourceForm, SourceSettingsForm, TokenForm, TrialForm, text_of
from agents.models import AgentSource
from agents.net.connectors.base import About
from agents.queries import agents
from agents.queries.sources import inbox, open_questions, states
from agents.views.core.actors import actor_of
from agents.views.sources.questions import questions_of
from agents.views.sources.words import SourceRow

_FEW = 3  # questions of the inbox that the list shows


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("token")
@admins_only
@reauthenticated
def sources(request: HttpRequest) -> HttpResponse:
    """All sources, and a form; a post tests a server, and connects it unless it says `do=test`."""
    actor = actor_of(request)
    tests = request.method == "POST" and text_of(request.POST, "do") == "test"
    form_class = TrialForm if tests else SourceForm
    form = form_class(request.POST if request.method == "POST" else None)
    found: About | None = None
    if form.is_bound and form.is_valid():
        try:
            if tests:
                found = manage.try_address(**form.trial(), actor=actor)
            else:
                added = manage.add_source(**form.wanted(), actor=actor)
                messages.success(request, f"Connected. {added.about.words}.")
                return see_other(reverse("source", args=[added.source.id]))
        except (Conflict, Invalid) as error:
            form.refuse(error)
    context = _list_context(actor) | {"form": form, "found": found, "tests": tests}
    fragment = "tried" if request.method == "POST" else "rows"
    status = 422 if form.errors else 200
    return render_page(request, "sources/list.html", context, fragment=fragment, status=status)


def _list_context(actor: Actor) -> dict[str, Any]:
    now = timezone.now()
    rows = [SourceRow(state, now) for state in states(list(sources_of(actor).order_by("name")))]
    return {
        "rows": rows,
        "kept_here": agents.capped_count(AgentFilter(kept_here=True), actor=actor),
        "questions": open_questions(),
        "asked": questions_of(inbox(most=_FEW), actor),
        "nav": "sources",
    }


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@reauthenticated
def source(request: HttpRequest, source_id: int) -> HttpResponse:
    """One source: how it is doing, its settings; a post changes them."""
    row = get_source(source=source_id, actor=actor_of(request))
    posted = request.POST if request.method == "POST" else None
    form = SourceSettingsForm(posted, initial=SourceSettingsForm.initial_of(row))
    if form.is_bound and form.is_valid():
        had_token = row.sealed_token is not None
        try:
            row = manage.edit_source(source=source_id, actor=actor_of(request), **form.edit())
        except (Conflict, Invalid) as error:
            form.refuse(error)
        else:
            lost = had_token and row.sealed_token is None
            messages.success(request, "Saved. Enter the token again." if lost else "Saved.")
            return see_other(reverse("source", args=[source_id]))
    status = (409 if form.stale else 422) if form.errors else 200
    return source_page(request, row, form=form, status=status)


def source_page(
    request: HttpRequest, row: AgentSource, *, status: int = 200, **context: Any
) -> HttpResponse:
    """The page of a source; for htmx only how it is doing."""
    page = {
        "row": SourceRow(states([row])[0], timezone.now()),
        "source": row,
        "form": SourceSettingsForm(initial=SourceSettingsForm.initial_of(row)),
        "token_form": TokenForm(),
        "asked": questions_of(inbox(source_id=row.id, most=_FEW), actor_of(request)),
        "nav": "sources",
    }
    return render_page(
        request, "sources/source.html", page | context, fragment="state", status=status
    )


@require_POST
@sensitive_post_parameters("token")
@admins_only
@reauthenticated
def token(request: HttpRequest, source_id: int) -> HttpResponse:
    """Store another token, or none."""
    actor = actor_of(request)
    form = TokenForm(request.POST)
    if form.is_valid():
        try:
            wanted = None if form.cleaned_data["none"] else form.cleaned_data["token"]
            manage.set_token(source=source_id, token=wanted, actor=actor)
        except Invalid as error:
            form.refuse(error)
        else:
            messages.success(request, "The new token is stored." if wanted else "Token removed.")
            return see_other(reverse("source", args=[source_id]))
    row = get_source(source=source_id, actor=actor)
    return source_page(request, row, status=422, token_form=form)


def _act(act: Callable[[HttpRequest, int], str]) -> Callable[[HttpRequest, int], HttpResponse]:
    """A view that posts one act and leads back to the source's page with what it says."""

    @require_POST
    @admins_only
    @reauthenticated
    def view(request: HttpRequest, source_id: int) -> HttpResponse:
        try:
            messages.success(request, act(request, source_id))
        except (Conflict, Invalid) as error:
            messages.error(request, error.message)
        return see_other(reverse("source", args=[source_id]))

    return view


@_act
def test(request: HttpRequest, source_id: int) -> str:
    """Ask the server what it is."""
    about = manage.try_source(source=source_id, actor=actor_of(request))
    return f"It answers: {about.words}."


@_act
def sync(request: HttpRequest, source_id: int) -> str:
    """Ask for a whole listing now."""
    manage.sync_now(source=source_id, actor=actor_of(request))
    return "A sync is asked for. The worker starts it within seconds."


@_act
def pause(request: HttpRequest, source_id: int) -> str:
    """Stop reading and writing the source."""
    reason = text_of(request.POST, "reason") or ""
    manage.pause(source=source_id, actor=actor_of(request), reason=reason)
    return "Paused. Tag edits are accepted and wait."


@_act
def change(request: HttpRequest, source_id: int) -> str:
    """Pause or resume a change of many agents on its way to the source."""
    number = text_of(request.POST, "change_set") or ""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Invalid("There is no such change.", field="change_set")
    paused = text_of(request.POST, "to") != "resume"
    manage.pause_change(
        source=source_id, change_set_id=int(number), actor=actor_of(request), paused=paused
    )
    return "The change is paused." if paused else "The change goes on."
