"""Closed tags, those of users who were off-boarded some days ago, and the agents that carry one again."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ade.db.statements import fetch, moment
from agents.models import Offboarding

# Finds a closed tag of the agent whose key is `column`. Its parameter is the time.
CARRIES_CLOSED = (
    "SELECT 1 FROM agents_agenttag cx JOIN agents_tag ct ON ct.id = cx.tag_id"
    " WHERE cx.agent_id = {column} AND ct.closed_until > %s"
)
_ANY = "SELECT 1 FROM agents_tag WHERE closed_until > %s LIMIT 1"


def watched(names: Iterable[str] | QuerySet[Any]) -> dict[str, Offboarding]:
    """The newest off-boardings of these user tags for which ADE still watches, by name."""
    wanted = names if isinstance(names, QuerySet) else set(names)
    watching = Offboarding.objects.filter(watched_until__gt=timezone.now(), opened_at=None)
    return {str(row.name): row for row in watching.filter(name__in=wanted).order_by("created_at")}


def any_closed() -> bool:
    """True if agents carry closed tags. Usually none does, and lists then check nothing."""
    return bool(fetch(_ANY, [moment(timezone.now())]))


def carries_none(column: str) -> tuple[str, list[Any]]:
    """Return SQL that is true if the agent with this key carries no closed tag, and its parameters."""
    return f"({CARRIES_CLOSED.format(column=column)} LIMIT 1) IS NULL", [moment(timezone.now())]
