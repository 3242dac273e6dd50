"""Off-board a user: choose what happens to the agents, see the plan, apply it, read the receipt."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ade.http import see_other
from agents.core.actors import Actor
from agents.core.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from agents.core.tag_text import tidy
from agents.domain.directory.notices import plan_notices
from agents.domain.directory.plans import PlanChanged, find_tag, require_manager
from agents.domain.offboarding import receipt
from agents.domain.offboarding.begin import Plan, make_plan
from agents.domain.tags.notices import Notice
from agents.domain.users import OffboardMode
from agents.forms import ReasonForm, text_of
from agents.forms.tags import TagInput
from agents.models import AgentTag, BulkPlan, Offboarding, Seen, Tag
from agents.tasks.offboarding import offboard
from agents.views.core.actors import actor_of

_SHOWN = 500  # things that the page of a receipt lists
_PRINTED = 20_000  # things that it lists to be printed; the JSON file lists all
_VERBS = {
    OffboardMode.TAG: "Remove the tag from",
    OffboardMode.AGENTS: "Delete",
    OffboardMode.MOVE: "Move",
}
_ENDS = {OffboardMode.AGENTS: " for good"}


@require_http_methods(["GET", "HEAD", "POST"])
def off_board(request: HttpRequest) -> HttpResponse:
    """Ask what to do with the agents, show the plan, and apply it after the tag was typed."""
    actor = actor_of(request)
    require_manager(actor, "off-board users")
    data = request.POST if request.method == "POST" else request.GET
    tag = find_tag(text_of(data, "name") or "")
    how, to = _how(text_of(data, "how")), (text_of(data, "to") or "").strip()
    if how is None:
        return _page(request, tag, None, None)
    try:
        plan = make_plan(name=tag.name, how=how, to=to or None, actor=actor)
    except (Conflict, Invalid) as error:
        return _page(request, tag, how, None, error=error.message, status=error.status)
    if request.method != "POST":
        return _page(request, tag, how, plan)
    return _apply(request, tag, plan, actor)


def _apply(request: HttpRequest, tag: Tag, plan: Plan, actor: Actor) -> HttpResponse:
    data = request.POST
    if tidy(text_of(data, "typed") or "") != tidy(tag.name):
        return _page(request, tag, plan.how, plan, problem="Type the tag to confirm.", status=422)
    try:
        row = offboard(
            name=tag.name,
            how=plan.how,
            to=plan.to,
            actor=actor,
            fingerprint=text_of(data, "fingerprint") or "",
            reason=text_of(data, "reason") or "",
        )
    except PlanChanged as error:
        newer = make_plan(name=tag.name, how=plan.how, to=plan.to, actor=actor)
        return _page(request, tag, plan.how, newer, error=error.message, status=409)
    except NotAllowed:
        raise
    except DomainError as error:
        return _page(request, tag, plan.how, plan, error=error.message, status=422)
    return see_other(row.get_absolute_url())


def _how(text: str | None) -> OffboardMode | None:
    return OffboardMode(text) if text in list(OffboardMode) else None


def _notices(request: HttpRequest, plan: Plan) -> list[Notice]:
    """What a merge or deletion of the tag would say; agents that are deleted need no owner."""
    found = plan_notices([plan.tag_plan], actor=actor_of(request))
    return [one for one in found if plan.how is not OffboardMode.AGENTS or one.kind != "ownerless"]


def _warnings(deleted: int) -> list[str]:
    memory = "its memory" if deleted == 1 else "their memory"
    return [f"{_agents(deleted)} will be deleted for good, with {memory}."] if deleted else []


def _agents(number: int) -> str:
    return f"{number:,} agent{'' if number == 1 else 's'}"


def _page(
    request: HttpRequest,
    tag: Tag,
    how: OffboardMode | None,
    plan: Plan | None,
    *,
    error: str = "",
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    data = request.POST if request.method == "POST" else request.GET
    reason = text_of(request.POST, "reason") or ""
    agents = sum(part.count for part in plan.parts if part.kind == "agents") if plan else 0
    deleted = plan.offboard.deleted if plan and plan.offboard else 0
    count = deleted if how is OffboardMode.AGENTS else agents
    context = {
        "tag": tag,
        "notices": _notices(request, plan) if plan else [],
        "warnings": _warnings(deleted),
        "button": f"{_VERBS[how]} {_agents(count)}{_ENDS.get(how, '')}" if how else "",
        "cancel": f"{reverse('user')}?{urlencode({'name': tag.name})}",
        "how": how.value if how else "",
        "to": text_of(data, "to") or "",
        "field": TagInput(users=True).render("to", text_of(data, "to"), {"id": "to"}),
        "plan": plan,
        "for_good": how is OffboardMode.AGENTS,
        "error": error,
        "problem": problem,
        "form": ReasonForm(initial={"reason": reason}),
        "nav": "users",
    }
    return render(request, "users/offboard.html", context, status=status)


@require_safe
def receipt_page(request: HttpRequest, offboarding_id: UUID) -> HttpResponse:
    """The receipt of an off-boarding: what was to happen, and what was seen. `?print=1` lists more of it."""
    whole = request.GET.get("print") == "1"
    most = _PRINTED if whole else _SHOWN
    row = receipt.get_offboarding(offboarding_id, actor=actor_of(request))
    items = row.items.order_by("kind", "public_id", "place")
    seen = {state: items.filter(seen=state).count() for state in Seen}
    came_back = AgentTag.objects.filter(tag__name=row.name).count()
    context = {
        "row": row,
        "job": BulkPlan.objects.filter(id=row.plan_id).first() if row.plan_id else None,
        "done": receipt.is_done(row),
        "whole": whole,
        "file_name": file_name(row),
        "items": items[:most],
        "more": max(sum(seen.values()) - most, 0),
        "counts": [(state.label, number) for state, number in seen.items() if number],
        "open": seen[Seen.STILL_THERE] + seen[Seen.NOT_REACHABLE] + seen[Seen.WAITING],
        "came_back": came_back,
        "watching": row.opened_at is None and row.watched_until > timezone.now(),
        "nav": "users",
    }
    return render(request, "users/receipt.html", context)


@require_safe
def receipt_json(request: HttpRequest, offboarding_id: UUID) -> HttpResponse:
    """The receipt as a JSON file. Its SHA-256 is in the history."""
    row = receipt.get_offboarding(offboarding_id, actor=actor_of(request))
    if row.checked_at is None:
        raise NotFound("This receipt is not complete yet.")
    name = file_name(row)
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return HttpResponse(receipt.canonical(row), content_type="application/json", headers=headers)


def file_name(row: Offboarding) -> str:
    """A name for the receipt's file, in letters that every system takes."""
    tag = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in row.name)
    return f"off-boarding-{tag[:80]}-{row.created_at:%Y-%m-%d}"


@require_POST
def receipt_check(request: HttpRequest, offboarding_id: UUID) -> HttpResponse:
    """Read back what is not settled."""
    row = receipt.check(offboarding_id=offboarding_id, actor=actor_of(request))
    return see_other(row.get_absolute_url())


@require_POST
def receipt_open(request: HttpRequest, offboarding_id: UUID) -> HttpResponse:
    """Open the tag again."""
    row = receipt.open_tag(offboarding_id=offboarding_id, actor=actor_of(request))
    return see_other(row.get_absolute_url())
