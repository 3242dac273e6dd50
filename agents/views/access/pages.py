"""Who could touch an agent, or the agents of a tag: now, at a moment, and in a period."""

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agents.core.errors import BadRequest, NotFound
from agents.core.tag_text import shown, text_problem
from agents.domain.core.tag_rules import names_a_user
from agents.forms.access import TagWhenForm, WhenForm
from agents.models import Agent, Change, Tag
from agents.queries.access.listed import PastFilter, agents_at
from agents.queries.access.now import access_to_agent, access_to_tag, complete_since, require_access
from agents.queries.access.past import TagSpan, agent_at, complete
from agents.queries.access.period import (
    Report,
    agent_could_at,
    agent_report,
    protected_at,
    tag_could_at,
    tag_report,
)
from agents.tasks.tally import ask_to_complete
from agents.views.core.access_csv import report_csv
from agents.views.core.actors import actor_of

_PAGE = 50
F = TypeVar("F", bound=WhenForm)


@require_safe
def agent(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Who may touch an agent; with `?at=` who could then, with `?since=&until=` who could and did."""
    found, form = _agent(request, agent_id), _form(request, WhenForm)
    context: dict[str, Any] = {"agent": found, "agent_id": agent_id, "name": _name(found, agent_id)}
    at, period = form.at_moment, form.period
    if period is not None:
        report = agent_report(agent_id, *period)
        context |= _reported(report, form, {"agent": agent_id}) | _by_kind(report.tags)
    elif at is not None:
        past = agent_at(agent_id, at)
        tags = [
            TagSpan(name, put.since, None, put.change_set_id) for name, put in past.tags.items()
        ]
        could = agent_could_at(agent_id, past.tags, at) if past.exists else []
        context |= {"past": past, "could": could} | _by_kind(tags)
    elif found is not None:
        context["access"] = access_to_agent(found)
    return _page(request, "access/agent.html", form, context)


@require_safe
def agent_csv(request: HttpRequest, agent_id: str) -> HttpResponseBase:
    """The report about an agent in a period, as CSV."""
    about = {"agent_id": agent_id, "name": _name(_agent(request, agent_id), agent_id)}
    return _csv(request, lambda period: agent_report(agent_id, *period), WhenForm, about)


@require_safe
def tag(request: HttpRequest) -> HttpResponse:
    """The agents that existed at a moment, by their tags, and who could touch them; or for a period."""
    require_access(actor_of(request))
    form = _form(request, TagWhenForm)
    name = form.cleaned_data.get("name", "") if form.is_valid() else ""
    context: dict[str, Any] = {"name": name}
    at, period = form.at_moment, form.period
    if at is not None:
        context |= _listed(request, form, name) | {"could": tag_could_at(name, at)}
    elif period is not None:
        context |= _reported(tag_report(name, *period), form, {"tag": name})
    elif (found := Tag.objects.filter(name=name).first()) is not None:
        context |= {"access": access_to_tag(found), "tag": found}
    return _page(request, "access/tag.html", form, context)


def _reported(report: Report, form: WhenForm, about: dict[str, str]) -> dict[str, Any]:
    """A report, and for each actor who did something the address of what it did."""
    days = {name: form.cleaned_data[name].isoformat() for name in ("since", "until")}
    did = [(one, urlencode(about | {"by": one.name} | days)) for one in report.did]
    return {"report": report, "did": did}


def _by_kind(tags: Sequence[TagSpan]) -> dict[str, list[TagSpan]]:
    """The user tags, which say whose the agent was, and the others."""
    names = {span.tag for span in tags}
    marked = Tag.objects.filter(name__in=names, names_user=True).values_list("name", flat=True)
    users = {*marked, *(name for name in names if names_a_user(name))}
    return {
        "owners": [span for span in tags if span.tag in users],
        "labels": [span for span in tags if span.tag not in users],
    }


def _listed(request: HttpRequest, form: TagWhenForm, name: str) -> dict[str, Any]:
    """The page of the agents that existed then and match. Raises BadRequest for a filter but tags."""
    if others := request.GET.keys() - form.fields.keys() - {"after"}:
        raise BadRequest(
            f"The list as of a moment is filtered by tags only. Remove {shown(min(others))}."
        )
    data = form.cleaned_data
    wanted = PastFilter(
        all=[one for one in (name, data["also"]) if one],
        none=[data["without"]] if data["without"] else [],
    )
    page = agents_at(wanted, data["at"], cursor=request.GET.get("after"), size=_PAGE)
    kept = [(key, value) for key, value in request.GET.items() if key != "after"]
    older = page.older and urlencode([*kept, ("after", page.older)])
    known = complete(wanted.sources)
    if known.is_pending:
        ask_to_complete()
    return {"page": page, "older": older, "complete": known}


@require_safe
def tag_csv(request: HttpRequest) -> HttpResponseBase:
    """The report about the agents of a tag in a period, as CSV."""
    require_access(actor_of(request))
    name = request.GET.get("name", "")
    return _csv(request, lambda period: tag_report(name, *period), TagWhenForm, {"tag": name})


def _form(request: HttpRequest, kind: type[F]) -> F:
    return kind(request.GET if request.GET else None, label_suffix="")


def _csv(
    request: HttpRequest, make: Any, kind: type[WhenForm], about: dict[str, str]
) -> HttpResponseBase:
    form = _form(request, kind)
    period = form.period
    if period is None:
        whys = [str(why) for of_field in form.errors.values() for why in of_field]
        raise BadRequest(" ".join(whys) or "Choose the first and the last day of the period.")
    report: Report = make(period)
    return report_csv(request, report, about)


def _agent(request: HttpRequest, agent_id: str) -> Agent | None:
    """The agent, or None if it was deleted. Raises NotFound if it never existed, NotAllowed."""
    require_access(actor_of(request))
    if text_problem(agent_id):
        raise NotFound("This agent does not exist.")
    found: Agent | None = Agent.objects.filter(public_id=agent_id).first()
    if found is None and not Change.objects.filter(agent_id=agent_id).exists():
        raise NotFound("This agent does not exist.")
    return found


def _name(found: Agent | None, agent_id: str) -> str:
    if found is not None:
        return str(found.name)
    return agent_at(agent_id, timezone.now()).name or agent_id


def _page(
    request: HttpRequest, template: str, form: WhenForm, context: dict[str, Any]
) -> HttpResponse:
    context |= {
        "form": form,
        "here": request.GET.urlencode(),
        "complete_since": complete_since(),
        "protected": protected_at(form.at_moment) if form.at_moment is not None else None,
        "may_open": getattr(request.user, "is_admin", False),
        "nav": "agents",
    }
    return render(request, template, context, status=422 if form.is_bound and form.errors else 200)
