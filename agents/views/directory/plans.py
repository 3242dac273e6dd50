"""Rename, merge and delete a tag: show a plan with its impact first, then apply it."""

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
from agents.core.actors import Actor, Power
from agents.core.errors import DomainError, NotAllowed
from agents.core.tag_text import problem as problem_of
from agents.core.tag_text import shown, tidy
from agents.domain.directory.notices import plan_notices
from agents.domain.directory.plans import (
    PlanChanged,
    TagOperation,
    TagPlan,
    find_tag,
    plan_delete,
    plan_merge,
    plan_rename,
    require_manager,
)
from agents.domain.directory.rename import TagResult, rename_tag
from agents.forms import ReasonForm, text_of
from agents.forms.tags import TagInput
from agents.models import BulkPlan, Tag
from agents.queries.sources import carriers
from agents.tasks import bulk
from agents.views.core.actors import actor_of

_KEYS = 10  # ids that a plan names


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request asks for: the operation, the tag, and the other name if there is one."""

    kind: TagOperation
    tag: Tag
    other: str | None
    actor: Actor
    data: QueryDict

    @property
    def is_whole(self) -> bool:
        return self.kind is TagOperation.DELETE or self.other is not None

    def plan(self) -> TagPlan:
        name, other = self.tag.name, self.other or ""
        if self.kind is TagOperation.RENAME:
            return plan_rename(old=name, new=other, actor=self.actor)
        if self.kind is TagOperation.MERGE:
            return plan_merge(source=name, target=other, actor=self.actor)
        return plan_delete(name=name, actor=self.actor)

    def apply(self) -> TagResult | BulkPlan:
        name, other = self.tag.name, self.other or ""
        how: dict[str, Any] = {
            "actor": self.actor,
            "fingerprint": text_of(self.data, "fingerprint") or "",
            "reason": text_of(self.data, "reason") or "",
        }
        if self.kind is TagOperation.RENAME:
            return rename_tag(old=name, new=other, **how)
        if self.kind is TagOperation.MERGE:
            return bulk.merge_tags(source=name, target=other, **how)
        return bulk.delete_tag(name=name, **how)


@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: HttpRequest) -> HttpResponse:
    """Ask for the new name, show the plan, and rename the tag."""
    return _answer(request, TagOperation.RENAME)


@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: HttpRequest) -> HttpResponse:
    """Ask for the other tag, show the plan, and merge."""
    return _answer(request, TagOperation.MERGE)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    """Show the plan, and delete the tag after its name was typed."""
    return _answer(request, TagOperation.DELETE)


def _answer(request: HttpRequest, kind: TagOperation) -> HttpResponse:
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
    if asked.kind is TagOperation.DELETE and tidy(typed) != tidy(asked.tag.name):
        return _page(request, asked, plan, problem="Type the name of the tag.", status=422)
    try:
        result = asked.apply()
    except PlanChanged as error:
        return _page(request, asked, error.plan, error=error, status=409)
    except NotAllowed as error:
        return _page(request, asked, plan, error=error, status=403)
    except DomainError as error:
        return _page(request, asked, plan, error=error, status=_status(error))
    if isinstance(result, BulkPlan):
        return see_other(result.get_absolute_url())
    messages.success(request, _said(asked, result.plan))
    assert result.change_set is not None  # noqa: S101  # each of the three records what it did
    return see_other(reverse("change-set", args=[result.change_set.id]))


def _attributes(plan: TagPlan | None, error: DomainError | None) -> dict[str, Any]:
    """Of the field for the other name: it has the focus while it is all there is to do."""
    attributes: dict[str, Any] = {"id": "other", "required": True, "autofocus": plan is None}
    if error and not plan:
        attributes |= {"aria-invalid": "true", "aria-describedby": "other-error"}
    return attributes


def _said(asked: _Asked, plan: TagPlan) -> str:
    number = _counted(plan.agents, "agent")
    name, other = shown(asked.tag.name), shown(asked.other or "")
    if asked.kind is TagOperation.RENAME:
        return f"{name} was renamed to {other} on {number}."
    if asked.kind is TagOperation.MERGE:
        return f"{name} was merged into {other} on {number}."
    return f"{name} was deleted from {number}."


def _status(error: DomainError) -> int:
    return 422 if error.status in (400, 404) else error.status


_FORMS: dict[TagOperation, tuple[str, Callable[[], str]]] = {
    TagOperation.RENAME: ("New name", lambda: reverse("tag-rename")),
    TagOperation.MERGE: ("Into the tag", lambda: reverse("tag-merge")),
    TagOperation.DELETE: ("", lambda: reverse("tag-delete")),
}


# Shown before the ids of keys.
_LIMITED = {
    TagOperation.RENAME: "limited to it; they stay limited to the new name:",
    TagOperation.MERGE: "limited to it; they will be limited to the other tag, with all its agents:",
    TagOperation.DELETE: "limited to it; they will be disabled for good:",
}


def _keys(plan: TagPlan) -> list[tuple[str, str, str]]:
    """The keys that a plan touches: what happens, the first ids, how many more."""
    follows = plan.follows
    listed = "where it stays" if plan.lists_stay else "where the new name replaces it"
    said = [
        (_LIMITED[plan.kind], follows.limits),
        ("already limited to the new name; they will access all its agents:", follows.waiting),
        (f"with it in the list of tags to write, {listed}:", follows.lists),
        ("whose list of tags will include it:", follows.gains),
    ]
    return [
        (f"{len(ids):,} {words}", ", ".join(ids[:_KEYS]), _more(len(ids) - _KEYS))
        for words, ids in said
        if ids
    ]


def warnings_of(plan: TagPlan, actor: Actor) -> list[str]:
    """What stops a plan, and what it ends for good, in words."""
    found = []
    if plan.needs_admin:
        wider = len(plan.follows.wider)
        gain = f"limited keys or members would access more agents ({wider:,})."
        may = actor.can(Power.ADMIN)
        found.append(gain.capitalize() if may else f"Only an admin may do this: {gain}")
    if plan.kind is TagOperation.DELETE:
        ends = (("API key", plan.follows.limits), ("member", plan.follows.members))
        found += [
            f"{_counted(len(ids), what)} limited to {shown(plan.name)} will be disabled."
            for what, ids in ends
            if ids
        ]
    return found


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _button(plan: TagPlan, moves: bool) -> str:
    agents = _counted(plan.agents, "agent")
    if moves:
        return f"Move {agents} to {shown(plan.target or '')}"
    if plan.kind is TagOperation.DELETE:
        return "Delete the tag from " + agents
    return f"{plan.kind.value.capitalize()} the tag on {agents}"


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
    moves = asked.kind is TagOperation.MERGE and asked.tag.names_user
    legal = asked.other is not None and not problem_of(asked.other)
    there = legal and Tag.objects.filter(name=asked.other).exists()
    names = urlencode({"name": asked.tag.name, "other": asked.other or ""})
    # A rename to an existing tag is a merge, and a merge into a missing tag is a rename.
    instead = ""
    if plan is None and error is not None and asked.other and asked.other != asked.tag.name:
        if asked.kind is TagOperation.RENAME and there:
            instead = f"{reverse('tag-merge')}?{names}"
        elif asked.kind is TagOperation.MERGE and not there:
            instead = f"{reverse('tag-rename')}?{names}"
    name = urlencode({"name": asked.tag.name})
    context = {
        "kind": asked.kind.value,
        "warnings": warnings_of(plan, asked.actor) if plan else [],
        "type": asked.tag.name if asked.kind is TagOperation.DELETE else "",
        "button": _button(plan, moves) if plan else "",
        "cancel": f"{reverse('user' if moves else 'tag')}?{name}",
        "tag": asked.tag,
        "keys": _keys(plan) if plan else [],
        "other": asked.other if asked.other is not None else "",
        "plan": plan,
        "notices": plan_notices([plan], actor=asked.actor) if plan else [],
        "field": TagInput(known=asked.kind is TagOperation.MERGE, users=moves).render(
            "other", asked.other, _attributes(plan, error)
        ),
        "carriers": carriers(asked.tag) if plan else [],
        "error": error,
        "problem": problem,
        "instead": instead,
        "moves": moves,
        "label": "Tag of the other user" if moves else label,
        "address": address(),
        "form": ReasonForm(initial={"reason": text_of(asked.data, "reason") or ""}),
        "nav": "users" if moves else "tags",
    }
    return render(request, "directory/plan.html", context, status=status)
