"""A bulk change in words: its title, what the plan says, how far it came."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.domain.bulk import undos_of
from agents.domain.bulkdecide import Outcome
from agents.domain.bulkplan import selection_of
from agents.domain.bulkrenew import difference_of, newer_of
from agents.domain.bulkresults import skipped_of
from agents.domain.bulkrun import UNDER_WAY, is_job, is_lost
from agents.filterparse import FLAGS, TAG_PARTS, ListState
from agents.filters import AgentFilter
from agents.jsontext import loads
from agents.models import BulkOp, BulkPlan, BulkState
from agents.tagnames import shown
from agents.templatetags.ade import marked
from agents.views.list_words import sentence

_SKIPPED = 50  # agents skipped that the page lists
_REFUSED = 200  # lines refused that the page lists
# Said of so many agents.
_SAID = {
    Outcome.SAME: "are so already",
    Outcome.REFUSED: "skipped: protected, or not yours to change",
    Outcome.FULL: "skipped: they have as many tags as an agent may have",
    Outcome.GONE: "skipped: deleted meanwhile",
}


def title_of(plan: BulkPlan) -> SafeString:
    """What it does, such as “Add vip”."""
    add, remove = _tags(loads(plan.add)), _tags(loads(plan.remove))
    if plan.op == BulkOp.ADD:
        return format_html("Add {}", add)
    if plan.op == BulkOp.REMOVE:
        return format_html("Remove {}", remove)
    if plan.op == BulkOp.REPLACE:
        return format_html("Replace {} by {}", remove, add)
    return SafeString("Add tags from a file" if plan.op == BulkOp.ROWS else "Undo a bulk change")


def which(plan: BulkPlan) -> SafeString:
    """Which agents it was made for, such as “Agents with vip, of 3 picked one by one”."""
    if plan.wanted == "null":
        return SafeString()
    wanted = selection_of(plan).wanted
    parts = {name: getattr(wanted, name) for name in (*TAG_PARTS, *FLAGS, "models", "q")}
    if wanted == AgentFilter(ids=wanted.ids) and wanted.ids is not None:
        return format_html("{} agent{} picked one by one", *_counted(wanted.ids))
    words = [sentence(ListState(**parts))]
    if wanted.name is not None:
        words.append(format_html("named <strong><bdi>{}</bdi></strong>", shown(wanted.name)))
    if wanted.identities is not None:
        words.append(SafeString("of a given identity"))
    if wanted.ids is not None:
        words.append(format_html("of {} picked one by one", len(wanted.ids)))
    return format_html_join(", ", "{}", ((word,) for word in words))


def _counted(ids: tuple[str, ...]) -> tuple[str, str]:
    return f"{len(ids):,}", "" if len(ids) == 1 else "s"


def _tags(names: list[str]) -> SafeString:
    return format_html_join(", ", "<bdi>{}</bdi>", ((marked(name),) for name in names))


def plan_context(plan: BulkPlan) -> dict[str, Any]:
    """What the page of a plan shows, whatever its state."""
    counts = loads(plan.planned)
    refused = loads(plan.refused)
    ended = plan.state in (BulkState.DONE, BulkState.STOPPED)
    newer = newer_of(plan)
    return {
        "plan": plan,
        "title": title_of(plan),
        "of_list": plan.wanted != "null",
        "sentence": which(plan),
        "excluded": len(loads(plan.excluded)),
        "back": f"{reverse('agents')}?{plan.query}",
        "will_change": counts.get(Outcome.CHANGE, 0),
        "others": [(counts[one], words) for one, words in _SAID.items() if counts.get(one)],
        "sample": loads(plan.sample),
        "difference": None if newer else difference_of(plan),
        "newer": newer,
        "refused": refused[:_REFUSED],
        "refused_count": len(refused),
        "is_planned": plan.state == BulkState.PLANNED,
        "is_planning": plan.state == BulkState.PLANNING,
        "is_half_planned": plan.state == BulkState.STOPPED and plan.planned_to is not None,
        "is_under_way": plan.state in UNDER_WAY,
        "is_running": plan.state == BulkState.RUNNING,
        "is_stopped": plan.state == BulkState.STOPPED,
        "is_lost": is_lost(plan),
        "is_job": is_job(plan),
        "skipped": skipped_of(plan, _SKIPPED) if ended else [],
        **_undo(plan, ended),
    }


def _undo(plan: BulkPlan, ended: bool) -> dict[str, Any]:
    """Its undo, if it was begun, and whether it can be."""
    if plan.change_set_id is None:
        return {"undone_by": None, "may_undo": False}
    undone_by = undos_of([plan]).get(plan.change_set_id)
    return {"undone_by": undone_by, "may_undo": ended and undone_by is None}
