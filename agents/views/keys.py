"""API keys: which there are, a new one, and the end of one. For admins who just proved it."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ade.access import admins_only, reauthenticated
from ade.http import see_other
from agents.domain.keys import (
    MadeKey,
    create_key,
    disable_key,
    get_key,
    is_good,
    keys_of,
    rotate_key,
)
from agents.errors import Conflict, Invalid
from agents.forms import KeyForm, RotateForm
from agents.jsontext import loads
from agents.models import ApiKey, Tag
from agents.views.access import actor_of

# Keys shown of each sort; an application may make thousands of short-lived ones.
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as the page shows it."""

    key: ApiKey
    now: datetime

    @property
    def state(self) -> str:
        if self.key.disabled_at is not None:
            return "Disabled"
        return "Good" if is_good(self.key, self.now) else "Expired"

    @property
    def may_tag(self) -> list[str]:
        patterns: list[str] = loads(self.key.may_tag)
        return patterns


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@reauthenticated
def keys(request: HttpRequest) -> HttpResponse:
    """All keys, and a form; a post makes one and shows its token, once."""
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
    sorts = [
        ("For all agents", known.exclude(over).filter(limit_tag=None)),
        ("Limited to a tag", known.exclude(over).exclude(limit_tag=None)),
        ("Expired and disabled", known.filter(over)),
    ]
    parts = [(title, [KeyRow(key, now) for key in rows[:_SHOWN]]) for title, rows in sorts]
    context = {
        "form": form,
        "parts": parts,
        "most": _SHOWN,
        "nav": "keys",
        "api_open": settings.API_OPEN,
    }
    return render(request, "keys/list.html", context, status=422 if form.errors else 200)


@require_safe
@admins_only
@reauthenticated
def key(request: HttpRequest, key_id: str) -> HttpResponse:
    """One key: what it may do, when it was used; how to rotate and how to disable it."""
    return _page(request, key_id, RotateForm())


@require_POST
@admins_only
@reauthenticated
def rotate(request: HttpRequest, key_id: str) -> HttpResponse:
    """Make a key that may do the same, and show its token, once."""
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
    """End a key at once."""
    disable_key(key_id=key_id, actor=actor_of(request))
    messages.success(request, "The key is disabled.")
    return see_other(reverse("key", args=[key_id]))


def _page(
    request: HttpRequest, key_id: str, form: RotateForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    row = KeyRow(get_key(key_id=key_id, actor=actor_of(request)), timezone.now())
    context = {"row": row, "key": row.key, "form": form, "problem": problem, "nav": "keys"}
    return render(request, "keys/key.html", context, status=status)


def _show_token(request: HttpRequest, made: MadeKey, old: ApiKey | None = None) -> HttpResponse:
    # Not after a redirect: the token would have to be kept somewhere in between.
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
    return render(request, "keys/made.html", context)
