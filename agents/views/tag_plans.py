"""Rename, merge and delete a tag: each a plan with its impact first, then done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.actors import Actor
from agents.domain.directory import TagResult, rename_tag
from agents.domain.merge import delete_tag, merge_tags
from agents.domain.plans import (
    Kind,
    PlanChanged,
    TagPlan,
    find_tag,
    plan_delete,
    plan_merge,
    plan_rename,
    require_manager,
)
from agents.errors import DomainError, NotAllowed
from agents.forms import ReasonForm, text_of
from agents.models import Tag
from agents.tagnames import shown, tidy
from agents.views.access import actor_of

_KEYS = 10  # ids that a plan names


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request is about: the tag, and the other name where there is one."""

    kind: Kind
    tag: Tag
    other: str | None
    actor: Actor
    data: QueryDict

    @property
    def is_whole(self) -> bool:
        return self.kind is Kind.DELETE or self.other is not None

    def plan(self) -> TagPlan:
        name, other = self.tag.name, self.other or ""
        if self.kind is Kind.RENAME:
            return plan_rename(old=name, new=other, actor=self.actor)
        if self.kind is Kind.MERGE:
            return plan_merge(source=name, target=other, actor=self.actor)
        return plan_delete(name=name, actor=self.actor)

    def apply(self) -> TagResult:
        name, other = self.tag.name, self.other or ""
        how: dict[str, Any] = {
            "actor": self.actor,
            "fingerprint": text_of(self.data, "fingerprint") or "",
            "reason": text_of(self.data, "reason") or "",
        }
        if self.kind is Kind.RENAME:
            return rename_tag(old=name, new=other, **how)
        if self.kind is Kind.MERGE:
            return merge_tags(source=name, target=other, **how)
        return delete_tag(name=name, **how)


@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: HttpRequest) -> HttpResponse:
    """Ask for the new name, show what renaming comes to, do it."""
    return _answer(request, Kind.RENAME)


@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: HttpRequest) -> HttpResponse:
    """Ask for the other tag, show what merging comes to, do it."""
    return _answer(request, Kind.MERGE)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    """Show what deleting comes to, do it once the name was typed."""
    return _answer(request, Kind.DELETE)


def _answer(request: HttpRequest, kind: Kind) -> HttpResponse:
    actor = actor_of(request)
    require_manager(actor, f"{kind} tags")
    data = request.POST if request.method == "POST" else request.GET
    tag = find_tag(text_of(data, "name") or "")
    asked = _Asked(kind, tag, text_of(data, "other"), actor, data)
    if not asked.is_whole:
        return _page(request, asked, None)
    try:
        plan = asked.plan()
    except DomainError as error:
        if isinstance(error, NotAllowed):
            raise
        return _page(request, asked, None, error=error, status=_status(error))
    if request.method != "POST":
        return _page(request, asked, plan)
    return _apply(request, asked, plan)


def _apply(request: HttpRequest, asked: _Asked, plan: TagPlan) -> HttpResponse:
    typed = text_of(asked.data, "typed") or ""
    if asked.kind is Kind.DELETE and tidy(typed) != tidy(asked.tag.name):
        return _page(request, asked, plan, problem="Type the name of the tag.", status=422)
    try:
        result = asked.apply()
    except PlanChanged as error:
        return _page(request, asked, error.plan, error=error, status=409)
    except NotAllowed as error:
        return _page(request, asked, plan, error=error, status=403)
    except DomainError as error:
        return _page(request, asked, plan, error=error, status=_status(error))
    messages.success(request, _said(asked, result.plan))
    assert result.change_set is not None  # noqa: S101  # each of the three records what it did
    return see_other(reverse("change-set", args=[result.change_set.id]))


def _said(asked: _Asked, plan: TagPlan) -> str:
    number = f"{plan.agents:,} agent{'' if plan.agents == 1 else 's'}"
    name, other = shown(asked.tag.name), shown(asked.other or "")
    if asked.kind is Kind.RENAME:
        return f"{name} is {other} now, on {number}."
    if asked.kind is Kind.MERGE:
        return f"{name} is merged into {other}: {number}."
    return f"{name} is deleted, from {number}."


def _status(error: DomainError) -> int:
    return 422 if error.status in (400, 404) else error.status


_FORMS: dict[Kind, tuple[str, Callable[[], str]]] = {
    Kind.RENAME: ("New name", lambda: reverse("tag-rename")),
    Kind.MERGE: ("Into the tag", lambda: reverse("tag-merge")),
    Kind.DELETE: ("", lambda: reverse("tag-delete")),
}


# Said before the ids of keys.
_LIMITED = {
    Kind.RENAME: "limited to it, which goes on:",
    Kind.MERGE: "limited to it, from then on to the other, with all its agents:",
    Kind.DELETE: "limited to it, ended for good:",
}


def _keys(plan: TagPlan) -> list[tuple[str, str, str]]:
    """The keys that a plan touches: what happens, the first ids, how many more."""
    follows = plan.follows
    listed = "where it stays" if plan.lists_stay else "where the new name follows"
    said = [
        (_LIMITED[plan.kind], follows.limits),
        ("limited to the new name already, from then on with all its agents:", follows.waiting),
        (f"with it in the list of tags to write, {listed}:", follows.lists),
        ("that can write it from then on, by what their list says:", follows.gains),
    ]
    return [
        (f"{len(ids):,} {words}", ", ".join(ids[:_KEYS]), _more(len(ids) - _KEYS))
        for words, ids in said
        if ids
    ]


def _more(number: int) -> str:
    return f" and {number:,} more" if number > 0 else ""


def _page(
    request: HttpRequest,
    asked: _Asked,
    plan: TagPlan | None,
    *,
    error: DomainError | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    label, address = _FORMS[asked.kind]
    # To merge a user's tag into another is to move the agents.
    moves = asked.kind is Kind.MERGE and asked.tag.names_user
    there = asked.other is not None and Tag.objects.filter(name=asked.other).exists()
    names = urlencode({"name": asked.tag.name, "other": asked.other or ""})
    # Whoever typed a name for the wrong one of the two means the other.
    instead = ""
    if plan is None and error is not None and asked.other and asked.other != asked.tag.name:
        if asked.kind is Kind.RENAME and there:
            instead = f"{reverse('tag-merge')}?{names}"
        elif asked.kind is Kind.MERGE and not there:
            instead = f"{reverse('tag-rename')}?{names}"
    context = {
        "kind": asked.kind.value,
        "tag": asked.tag,
        "keys": _keys(plan) if plan else [],
        "other": asked.other if asked.other is not None else "",
        "plan": plan,
        "error": error,
        "problem": problem,
        "instead": instead,
        "moves": moves,
        "label": "Tag of the other user" if moves else label,
        "address": address(),
        "form": ReasonForm(initial={"reason": text_of(asked.data, "reason") or ""}),
        "nav": "users" if moves else "tags",
    }
    return render(request, "tags/plan.html", context, status=status)
