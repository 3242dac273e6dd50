"""List, create, rotate and disable API keys. For admins who have just signed in again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ade.accounts.access import admins_only, reauthenticated
from ade.http import see_other, show_once
from agents.core.agent_rights import in_order, rights_of
from agents.core.errors import Conflict, Invalid
from agents.core.json_text import loads
from agents.domain.core import key_tokens
from agents.domain.core.permissions import may_any_label
from agents.domain.keys import (
    MadeKey,
    create_key,
    disable_key,
    get_key,
    is_good,
    keys_of,
    rotate_key,
)
from agents.forms import KeyForm, RotateForm
from agents.models import ApiKey, Tag
from agents.queries.door import refusals_of
from agents.queries.overview.keys import ENDS_WITHIN, ending, never_used
from agents.views.core.actors import actor_of
from agents.views.core.reaches import reach_context

# The lists that the overview links to.
_ONLY: dict[str, tuple[str, Callable[[datetime], QuerySet[ApiKey]]]] = {
    "ending": ("Keys that end within 14 days", ending),
    "unused": ("Keys that were never used", never_used),
}
_SHOWN = 200  # keys of each part; an application may create thousands of short-lived ones


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as the page shows it."""

    key: ApiKey
    now: datetime

    @property
    def state(self) -> str:
        if self.key.disabled_at is not None:
            return "Disabled"
        if not is_good(self.key, self.now):
            return "Expired"
        ends = self.key.expires_at
        soon = ends is not None and ends - self.now <= ENDS_WITHIN < ends - self.key.created_at
        return "Ends soon" if soon else "Good"

    @property
    def works(self) -> bool:
        """True if requests with the key are answered."""
        return is_good(self.key, self.now)

    @property
    def may_tag(self) -> list[str]:
        patterns: list[str] = loads(self.key.may_tag)
        return patterns

    @property
    def rights(self) -> list[str]:
        """Its rights on agents."""
        narrowed = None if self.key.rights is None else loads(self.key.rights)
        return in_order(rights_of(self.key.scope, narrowed))

    @property
    def any_label(self) -> bool:
        """True if the key may write any label."""
        return may_any_label(self.may_tag, self.key.any_label)

    @property
    def is_old(self) -> bool:
        """True if the key may write any label only because it is older than that choice."""
        return self.any_label and self.key.any_label is None and self.key.limit_tag is not None


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@reauthenticated
def keys(request: HttpRequest) -> HttpResponse:
    """All keys and a form; a post creates a key and shows its token once."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            made = create_key(**form.wanted(), actor=actor_of(request))
        except Invalid as error:
            form.refuse(error)
        else:
            return _show_token(request, made)
    now, known = timezone.now(), keys_of(actor_of(request)).order_by("-id")
    over = Q(disabled_at__isnull=False) | Q(expires_at__lte=now)
    only = request.GET.get("only", "")
    sorts = [
        ("For all agents", known.exclude(over).filter(limit_tag=None)),
        ("Limited to a tag", known.exclude(over).exclude(limit_tag=None)),
        ("Expired and disabled", known.filter(over)),
    ]
    if only in _ONLY:
        sorts = [(_ONLY[only][0], _ONLY[only][1](now))]
    parts = [(title, [KeyRow(key, now) for key in rows[:_SHOWN]]) for title, rows in sorts]
    context = {
        "form": form,
        "parts": parts,
        "any_key": any(rows for _, rows in parts) or only in _ONLY,
        "only": only in _ONLY,
        "heading": "API keys",
        "most": _SHOWN,
        "nav": "keys",
        "api_open": settings.API_OPEN,
    }
    return render(request, "keys/list.html", context, status=422 if form.errors else 200)


@require_safe
@admins_only
@reauthenticated
def key(request: HttpRequest, key_id: str) -> HttpResponse:
    """One key: its rights, its last use, and forms to rotate and disable it."""
    return _page(request, key_id, RotateForm())


@require_POST
@admins_only
@reauthenticated
def rotate(request: HttpRequest, key_id: str) -> HttpResponse:
    """Create a key with the same rights and show its token once."""
    form = RotateForm(request.POST)
    if not form.is_valid():
        return _page(request, key_id, form, status=422)
    try:
        made = rotate_key(key_id=key_id, overlap=form.span(), actor=actor_of(request))
    except (Conflict, Invalid) as error:
        return _page(request, key_id, form, problem=error.message, status=error.status)
    return _show_token(request, made, old=get_key(key_id=key_id, actor=actor_of(request)))


@require_POST
@admins_only
@reauthenticated
def disable(request: HttpRequest, key_id: str) -> HttpResponse:
    """Disable a key at once."""
    disable_key(key_id=key_id, actor=actor_of(request))
    messages.success(request, "The key is disabled.")
    return see_other(reverse("key", args=[key_id]))


def _page(
    request: HttpRequest, key_id: str, form: RotateForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    row = KeyRow(get_key(key_id=key_id, actor=actor_of(request)), timezone.now())
    context = {"row": row, "key": row.key, "form": form, "problem": problem, "nav": "keys"}
    context |= {"refusals": refusals_of(row.key)}
    context |= reach_context(key_tokens.actor_of(row.key))
    return render(request, "keys/key.html", context, status=status)


def _show_token(request: HttpRequest, made: MadeKey, old: ApiKey | None = None) -> HttpResponse:
    # No redirect: the token would have to be stored until the next request.
    limit = made.key.limit_tag
    unused = limit is not None and not Tag.objects.filter(name=limit, n__gt=0).exists()
    context = {
        "key": made.key,
        "row": KeyRow(made.key, timezone.now()),
        "token": made.token,
        "old": old,
        "unused": unused,
        "nav": "keys",
    }
    return show_once(render(request, "keys/made.html", context))
