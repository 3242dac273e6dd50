"""The inbox of sources: what a person must decide. For managers who just proved it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from ade.accounts.access import managers_only, reauthenticated
from ade.http import see_other
from agents.core.errors import BadRequest, Conflict, NotFound
from agents.domain.sources import inbox as domain
from agents.domain.sources.rights import require_manager
from agents.queries.sources import inbox as read
from agents.queries.sources import open_questions
from agents.views.core.actors import actor_of, history_key
from agents.views.sources.questions import questions_of

_SIZE = 50
_DECIDED = 20  # answered questions that the first page shows


@require_safe
@managers_only
@reauthenticated
def inbox(request: HttpRequest) -> HttpResponse:
    """The open questions, newest first, and under them what was decided last."""
    actor = actor_of(request)
    require_manager(actor, "see the inbox")
    before = history_key(request, "before")
    items = read(before=before, most=_SIZE + 1)
    decided = [] if before else read(decided=True, most=_DECIDED)
    context = {
        "questions": questions_of(items[:_SIZE], actor),
        "decided": questions_of(decided, actor),
        "older": items[_SIZE - 1].id if len(items) > _SIZE else None,
        "count": open_questions(),
        "nav": "sources",
    }
    return render(request, "sources/inbox.html", context)


@require_POST
@managers_only
@reauthenticated
def decide(request: HttpRequest, item_id: int) -> HttpResponse:
    """Accept, put back, or open again."""
    acts = {
        "accept": (domain.accept, "Accepted."),
        "put-back": (domain.put_back, "Put back."),
        "reopen": (domain.reopen, "Open again."),
    }
    act, said = acts.get(request.POST.get("do", ""), (None, ""))
    if act is None:
        raise BadRequest("Choose what to do: accept, put back or open again.")
    try:
        act(item_id=item_id, actor=actor_of(request))
    except (Conflict, NotFound) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, said)
    return see_other(reverse("source-inbox"))
