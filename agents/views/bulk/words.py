"""A bulk change in words: its title, plan and progress."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.core.actors import Actor
from agents.core.filters import AgentFilter
from agents.core.json_text import loads
from agents.core.tag_text import shown
from agents.domain.bulk.decide import Outcome
from agents.domain.bulk.notices import plan_notices, tag_numbers
from agents.domain.bulk.planning import selection_of
from agents.domain.bulk.plans import undos_of
from agents.domain.bulk.refresh import difference_of, newer_of
from agents.domain.bulk.results import skipped_of
from agents.domain.bulk.retries import UNDER_WAY, is_lost
from agents.domain.bulk.run import is_job
from agents.models import Agent, BulkOp, BulkPlan, BulkState
from agents.queries.agents.address import FLAGS, TAG_PARTS, ListState
from agents.queries.agents.owners import owners_of_many
from agents.templatetags.ade import marked
from agents.views.core.agent_list.words import sentence

_SKIPPED = 50  # agents skipped that the page lists
_REFUSED = 200  # lines refused, and lines with a note, that the page lists
# What the page says after the number of agents with each outcome.
_SAID = {
    Outcome.SAME: "need no change",
    Outcome.REFUSED: "skipped: protected, or you may not change them",
    Outcome.FULL: "skipped: they have the maximum number of tags",
    Outcome.GONE: "skipped: deleted in the meantime",
    Outcome.OWNED: "left out: they belong to another user",
    Outcome.AWAY: "not done at their source",
}


def title_of(plan: BulkPlan) -> SafeString:
    """What it does, such as “Add vip”."""
    add, remove = _tags(loads(plan.add)), _tags(loads(plan.remove))
    if plan.op == BulkOp.ADD:
        return format_html("Add {}", add)
    if plan.op == BulkOp.REMOVE:
        return format_html("Remove {}", remove)
    if plan.op == BulkOp.MOVE:
        return format_html("Move to {}", add)
    if plan.op == BulkOp.MERGE:
        return format_html("Merge {} into {}", remove, add)
    if plan.op == BulkOp.TAG_DELETE:
        return format_html("Delete {}", remove)
    if plan.op == BulkOp.OFFBOARD:
        return format_html("Off-board {}", remove)
    if plan.op == BulkOp.REPLACE:
        return format_html("Replace {} with {}", remove, add)
    if plan.op == BulkOp.MODEL:
        return format_html("Change the model to {}", add)
    if plan.op == BulkOp.DELETE:
        return SafeString("Delete agents")
    if plan.op == BulkOp.OFFBOARD_AGENTS:
        return format_html("Off-board {} and delete the agents", remove)
    return SafeString("Undo a bulk change" if plan.op == BulkOp.UNDO else plan.get_op_display())


def which(plan: BulkPlan) -> SafeString:
    """Which agents it was made for, such as “Agents with vip, of 3 picked one by one”."""
    if plan.wanted == "null":
        return SafeString()
    wanted = selection_of(plan).wanted
    names = (
        name for name in (*TAG_PARTS, *FLAGS, "models", "sources", "q") if name != "show_hidden"
    )
    parts = {name: getattr(wanted, name) for name in names}
    # Agents picked by ID are never left out as hidden, which goes without saying.
    parts["show_hidden"] = not wanted.visible and wanted.ids is None
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


def plan_context(plan: BulkPlan, actor: Actor) -> dict[str, Any]:
    """What the page of a plan shows, whatever its state."""
    counts = loads(plan.planned)
    refused, noted = loads(plan.refused), loads(plan.noted)
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
        "button": _button(plan, counts.get(Outcome.CHANGE, 0)),
        "deletes": plan.op == BulkOp.DELETE,
        "others": [(counts[one], words) for one, words in _SAID.items() if counts.get(one)],
        "sample": _with_owners(loads(plan.sample), actor)
        if plan.state == BulkState.PLANNED
        else [],
        "second": plan.second_owners or 0,
        "warn": settings.SECOND_OWNER != "allow",
        "tags": tag_numbers(plan, actor),
        "notices": plan_notices(plan, actor=actor) if plan.state == BulkState.PLANNED else [],
        "difference": None if newer else difference_of(plan),
        "newer": newer,
        "refused": refused[:_REFUSED],
        "refused_count": len(refused),
        "noted": noted[:_REFUSED],
        "noted_count": len(noted),
        "is_planned": plan.state == BulkState.PLANNED,
        "is_planning": plan.state == BulkState.PLANNING,
        "is_half_planned": plan.state == BulkState.STOPPED and plan.planned_to is not None,
        "is_under_way": plan.state in UNDER_WAY,
        "is_running": plan.state == BulkState.RUNNING,
        "is_stopped": plan.state == BulkState.STOPPED,
        "is_lost": is_lost(plan),
        "is_job": is_job(plan),
        "skipped": skipped_of(plan, _SKIPPED, actor) if ended else [],
        **_undo(plan, ended),
    }


def _button(plan: BulkPlan, number: int) -> str:
    verb = "Delete" if plan.op == BulkOp.DELETE else "Apply to"
    return f"{verb} {number:,} agent{'' if number == 1 else 's'}"


def _with_owners(sample: list[dict[str, Any]], actor: Actor) -> list[dict[str, Any]]:
    """The agents that a plan shows, with their user tags now; for a limited actor only its own agents."""
    ids = [row["id"] for row in sample]
    seen = Agent.objects.visible_to(actor).filter(public_id__in=ids)
    seqs = dict(seen.values_list("public_id", "seq"))
    owners = owners_of_many(seqs.values()) if seqs else {}
    return [
        row | {"owners": owners.get(seqs.get(row["id"], 0), [])}
        for row in sample
        if not actor.limited or row["id"] in seqs
    ]


def _undo(plan: BulkPlan, ended: bool) -> dict[str, Any]:
    """Its undo, if it was begun, and whether it can be."""
    if plan.change_set_id is None:
        return {"undone_by": None, "may_undo": False}
    undone_by = undos_of([plan]).get(plan.change_set_id)
    return {
        "undone_by": undone_by,
        "may_undo": ended and undone_by is None,
    }
