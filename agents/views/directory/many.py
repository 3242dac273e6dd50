"""Rename, merge or delete many tags at once: the plan of each, then one change after the other."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ade.http import see_other
from agents.core.actors import Actor
from agents.core.errors import DomainError, Invalid, LimitExceeded
from agents.core.limits import BULK_TAGS, TAG_LENGTH
from agents.core.tag_text import shown, text_problem, tidy
from agents.domain.directory.notices import plan_notices
from agents.domain.directory.plans import (
    TagOperation,
    TagPlan,
    plan_delete,
    plan_merge,
    plan_rename,
    require_manager,
)
from agents.domain.directory.rename import rename_tag
from agents.forms import ReasonForm, length_problem, text_of, texts_of
from agents.forms.tags import TagInput
from agents.tasks import bulk
from agents.views.core.actors import actor_of
from agents.views.directory.plans import warnings_of


@dataclass(frozen=True, slots=True)
class _Item:
    """A tag, what becomes of it, and the plan or why there is none."""

    name: str
    target: str | None
    plan: TagPlan | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What to do with which tags. A rename replaces `find` by `put` in each name."""

    kind: TagOperation
    names: list[str]
    other: str
    find: str
    put: str
    actor: Actor

    def items(self) -> list[_Item]:
        """The plan of each tag. Nothing is changed."""
        return [self._item(name, self._target(name)) for name in self.names]

    def _target(self, name: str) -> str | None:
        if self.kind is TagOperation.MERGE:
            return self.other
        return name.replace(self.find, self.put) if self.kind is TagOperation.RENAME else None

    def _item(self, name: str, target: str | None) -> _Item:
        if target == name:
            what = (
                "It is the tag that stays." if self.other else "The name does not contain the text."
            )
            return _Item(name, target, None, what)
        try:
            return _Item(name, target, self._plan(name, target))
        except DomainError as error:
            return _Item(name, target, None, error.message)

    def _plan(self, name: str, target: str | None) -> TagPlan:
        if self.kind is TagOperation.MERGE:
            return plan_merge(source=name, target=str(target), actor=self.actor)
        if self.kind is TagOperation.RENAME:
            return plan_rename(old=name, new=str(target), actor=self.actor)
        return plan_delete(name=name, actor=self.actor)

    def apply(self, item: _Item, fingerprint: str, reason: str) -> None:
        """Carry out one plan. Raises DomainError."""
        how: dict[str, Any] = {"actor": self.actor, "fingerprint": fingerprint, "reason": reason}
        if self.kind is TagOperation.MERGE:
            bulk.merge_tags(source=item.name, target=str(item.target), **how)
        elif self.kind is TagOperation.RENAME:
            rename_tag(old=item.name, new=str(item.target), **how)
        else:
            bulk.delete_tag(name=item.name, **how)


@require_http_methods(["GET", "HEAD", "POST"])
def many(request: HttpRequest) -> HttpResponse:
    """Ask what to do with the tags of the address, and show each plan; a post carries them out."""
    actor = actor_of(request)
    require_manager(actor, "change tags")
    data = request.POST if request.method == "POST" else request.GET
    try:
        asked = _asked(data, actor)
    except Invalid as error:
        return _page(request, None, [], error=error.message, status=422)
    whole = asked.kind is TagOperation.DELETE or bool(asked.other or asked.find)
    items = asked.items() if whole else []
    if request.method != "POST":
        return _page(request, asked, items)
    if asked.kind is TagOperation.DELETE and tidy(text_of(data, "typed") or "") != "delete":
        return _page(request, asked, items, problem="Type delete to confirm.", status=422)
    return _apply(request, asked, items)


def _asked(data: QueryDict, actor: Actor) -> _Asked:
    names = list(dict.fromkeys(texts_of(data, "tag")))
    if not names:
        raise Invalid("No tags are picked. Go back to the tags and pick some.")
    if len(names) > BULK_TAGS:
        raise LimitExceeded(f"Pick at most {BULK_TAGS} tags.")
    texts = {name: text_of(data, name) or "" for name in ("other", "find", "put")}
    # Before `put` is put into the names, maybe hundreds of times.
    for text in (*names, *texts.values()):
        if why := length_problem(text, TAG_LENGTH):
            raise LimitExceeded(f"{shown(text)}: {why}")
        if why := text_problem(text):
            raise Invalid(f"{shown(text)} {why}.")
    act = data.get("act", "")
    kind = TagOperation(act) if act in list(TagOperation) else TagOperation.MERGE
    if kind is not TagOperation.MERGE:
        texts["other"] = ""
    return _Asked(kind, names, tidy(texts["other"]), texts["find"], texts["put"], actor)


def _apply(request: HttpRequest, asked: _Asked, items: list[_Item]) -> HttpResponse:
    """Carry out the plans that were shown, each as a change of its own."""
    prints = dict(
        zip(texts_of(request.POST, "planned"), texts_of(request.POST, "print"), strict=False)
    )
    reason = text_of(request.POST, "reason") or ""
    done, left = 0, []
    for item in items:
        if item.plan is None or item.name not in prints:
            left.append(f"{shown(item.name)}: {item.why or 'it was not in the plan.'}")
            continue
        try:
            asked.apply(item, prints[item.name], reason)
            done += 1
        except DomainError as error:
            left.append(f"{shown(item.name)}: {error.message}")
    verb = {"merge": "merged", "rename": "renamed", "delete": "deleted"}[asked.kind.value]
    messages.success(request, f"{done:,} tag{'' if done == 1 else 's'} {verb}.")
    for why in left:
        messages.warning(request, f"Left unchanged: {why}")
    return see_other(reverse("tags"))


def _warnings(items: list[_Item], actor: Actor) -> list[str]:
    """What cannot be done, and what ends for good, before all else."""
    stuck = sum(item.plan is None for item in items)
    found = (
        [f"{stuck:,} of {len(items):,} tags cannot be changed. The notes say why."] if stuck else []
    )
    return found + [words for item in items if item.plan for words in warnings_of(item.plan, actor)]


def _button(kind: TagOperation, tags: int, agents: int) -> str:
    of = f"{tags:,} tag{'' if tags == 1 else 's'} on {agents:,} agent{'' if agents == 1 else 's'}"
    return f"{kind.value.capitalize()} {of}"


def _page(
    request: HttpRequest,
    asked: _Asked | None,
    items: list[_Item],
    *,
    error: str = "",
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    other = asked.other if asked else ""
    planned = [item for item in items if item.plan is not None]
    agents = sum(item.plan.agents for item in planned if item.plan)
    context = {
        "asked": asked,
        "items": items,
        "planned": planned,
        "agents": agents,
        "warnings": _warnings(items, asked.actor) if asked else [],
        "type": "delete" if asked and asked.kind is TagOperation.DELETE else "",
        "button": _button(asked.kind, len(planned), agents) if asked else "",
        "cancel": reverse("tags"),
        "form": ReasonForm(initial={"reason": text_of(request.POST, "reason") or ""}),
        "notices": plan_notices([item.plan for item in planned if item.plan], actor=asked.actor)
        if asked
        else [],
        "field": TagInput(known=True).render(
            "other", other, {"id": "other", "required": True, "autofocus": not items}
        ),
        "problem": problem,
        "error": error,
        "nav": "tags",
    }
    return render(request, "directory/many.html", context, status=status)
