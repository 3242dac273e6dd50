"""What a key or a member can access, now or at a moment; and the list of agents as it sees it."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from ade.accounts.access import admins_only
from ade.http import see_other
from ade.models import User
from agents.core.actors import READ, Actor
from agents.core.errors import NotFound
from agents.core.filters import AgentFilter, Sort
from agents.domain.core import key_tokens
from agents.domain.members import note_view_as
from agents.forms.access import WhenForm
from agents.models import ApiKey
from agents.queries import agents
from agents.queries.access.now import complete_since
from agents.queries.access.period import subject_at
from agents.views.core.actors import actor_of, member_actor
from agents.views.core.reaches import reach_context

_PAGE = 50
_SESSION = "view_as"


@require_safe
@admins_only
def actor(request: HttpRequest) -> HttpResponse:
    """Which agents a key or a member can access; with `?at=` which it could access then."""
    subject = request.GET.get("id", "")
    seen = _seen_as(subject)
    form = WhenForm(request.GET, label_suffix="")
    at = form.at_moment
    context = {
        "subject": subject,
        "seen": seen,
        "form": form,
        "at": at,
        "spans": subject_at(subject, at) if at is not None else [],
        "complete_since": complete_since(),
        **reach_context(seen),
        "number": subject.partition(":")[2],
        "nav": "keys" if subject.startswith("key:") else "members",
    }
    return render(request, "access/actor.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def view_as(request: HttpRequest) -> HttpResponse:
    """The list of agents as a key or member sees it, read only. A post records who looks, and begins."""
    if request.method == "POST":
        subject = request.POST.get("id", "")
        seen = _seen_as(subject)
        note_view_as(subject=subject, name=seen.name, actor=actor_of(request))
        request.session[_SESSION] = subject
        return see_other(reverse("access-view-as"))
    subject = str(request.session.get(_SESSION, ""))
    seen = _seen_as(subject)
    after = request.GET.get("after")
    start = None if not after else agents.decode(after, Sort.NEWEST)
    page = agents.page(AgentFilter(visible=True), actor=seen, size=_PAGE, after=start)
    context = {
        "subject": subject,
        "seen": seen,
        "rows": agents.rows(page.seqs),
        "older": page.older and urlencode({"after": page.older}),
        **reach_context(seen),
        "nav": "agents",
    }
    return render(request, "access/view_as.html", context)


def _seen_as(subject: str) -> Actor:
    """The key or member with this actor id, with no right but to read. Raises NotFound."""
    kind, _, number = subject.partition(":")
    found: Actor | None = None
    if kind == "key" and number.isalnum() and number.isascii():
        key = ApiKey.objects.filter(key_id=number).first()
        found = None if key is None else key_tokens.actor_of(key)
    if kind == "person" and number.isascii() and number.isdigit() and len(number) < 19:
        member = User.objects.filter(pk=int(number)).first()
        found = None if member is None else member_actor(member)
    if found is None:
        raise NotFound("There is no such key or member.")
    return replace(found, powers=READ, wrote_at=None)
