"""The overview: what needs attention, and charts. The first page after sign-in."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from agents.core.actors import Actor, Power
from agents.core.filters import AgentFilter
from agents.core.json_text import dumps
from agents.core.tag_text import shown
from agents.models import Agent
from agents.queries import agents
from agents.queries.history.change_sets import HistoryFilter, history_page
from agents.queries.overview import needs_attention
from agents.queries.overview.days import LONG_TAIL, recent_days
from agents.queries.overview.totals import (
    GROUPS,
    STALE_SECONDS,
    Totals,
    is_small,
    own_models,
    top_tags,
    totals,
)
from agents.queries.overview.watched import watched
from agents.tasks.tally import ask_to_count
from agents.views.core.actors import actor_of
from agents.views.core.history_words import shown_sets
from agents.views.overview.charts import (
    AGENT_DAYS,
    HEIGHT,
    WIDTH,
    Bar,
    agent_chart,
    bars,
    tag_chart,
)

_JUST_NOW = 6  # change sets


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What needs attention among the agents that the member may see, and charts of them."""
    actor = actor_of(request)
    found = None if actor.limited else totals()
    context: dict[str, Any] = {
        "no_agents": not Agent.objects.visible_to(actor).exists(),
        "attention": needs_attention(actor, found),
        "may_write": actor.can(Power.WRITE),
        "tags": _tag_bars(actor),
        "nav": "overview",
        "width": WIDTH,
        "height": HEIGHT,
    }
    context |= _of_own(actor) if actor.limited else _of_all(actor, found)
    return render(request, "overview/overview.html", context)


def _of_own(actor: Actor) -> dict[str, Any]:
    """A limited member sees its own agents only, and no history: that shows what others did."""
    own = agents.capped_count(AgentFilter(visible=True), actor=actor)
    return {"agent_count": own, "models": _model_bars(own_models(actor=actor))}


def _of_all(actor: Actor, found: Totals | None) -> dict[str, Any]:
    days = recent_days(AGENT_DAYS)
    stale = found is None or timezone.now() - found.at > timedelta(seconds=STALE_SECONDS)
    if days.tail > LONG_TAIL or (stale and not is_small()):
        ask_to_count()
    recent = history_page(HistoryFilter(), actor=actor, size=_JUST_NOW)
    watched_tags, changes = watched(actor)
    context: dict[str, Any] = {
        "totals": found,
        "days": days,
        "tag_chart": tag_chart(days),
        "sets": shown_sets(recent.rows, actor),
        "watched_tags": watched_tags,
        "watched_sets": shown_sets(changes, actor),
    }
    if found is not None:
        context |= {
            "agent_chart": agent_chart(days, found.agents),
            "models": _model_bars(found.models),
            "users": _user_bars(found),
        }
    return context


def _tag_bars(actor: Actor) -> list[Bar]:
    url = reverse("agents")
    rows = [
        (shown(t.name), n, f"{url}?{urlencode({'any': t.name})}") for t, n in top_tags(actor=actor)
    ]
    return bars(rows)


def _model_bars(models: list[tuple[str, int]]) -> list[Bar]:
    url = reverse("agents")
    return bars([(shown(name), n, f"{url}?{urlencode({'model': name})}") for name, n in models])


def _user_bars(found: Totals) -> list[Bar]:
    """Users by their number of agents. Each row links to the directory where its users begin."""
    url, rows = reverse("users"), []
    for (least, most), n in zip(GROUPS, found.per_user, strict=True):
        query = {"sort": "use"}
        if most is not None:  # begins after all users with more agents
            query["after"] = dumps([most + 1, "\U0010fffd", 2**63 - 1])
        label = (
            f"{least}" if least == most else f"{least} to {most}" if most else f"over {least - 1}"
        )
        rows.append((label, n, f"{url}?{urlencode(query)}"))
    return bars(rows) if found.users else []
