"""/v1/history: changes to tags and agents, and undo. Not part of Letta's API."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.field_names import FilterQuery
from agents.api.core.pages import link_next
from agents.api.core.schemas import READ, READ_ONE, WRITE, answers
from agents.core.actors import Actor
from agents.core.errors import Invalid
from agents.core.limits import REASON_LENGTH
from agents.core.tag_text import text_problem
from agents.domain.bulk.results import skipped_count, skipped_of
from agents.models import BulkPlan, BulkState
from agents.queries.core.replica_reads import may_lag
from agents.queries.history.change_sets import (
    HistoryFilter,
    SetRow,
    changes_of,
    find_set,
    history_page,
    undone_by,
)
from agents.tasks import bulk as tasks

router = Router(tags=["history"])

_LARGEST = 2**62
_KEPT = 1000  # skipped changes in the response to an undo


class HistoryQuery(FilterQuery):
    """Which change-sets, and which page of them."""

    limit: int = Field(50, ge=1, le=200)
    before: int | None = Field(
        None, ge=1, le=_LARGEST, description="The `before` of the previous page."
    )
    tag: str = Field("", description="Includes the tag's former names.")
    agent: str = Field("", description="ID of an agent, deleted agents included.")
    by: str = Field("", description="Name of the person or key that made the change, in any case.")
    reason: str = Field("", description="A part of the reason.", max_length=REASON_LENGTH)
    source: str = Field("", description="page, api, import, command or bulk.")
    since: datetime | None = None
    until: datetime | None = None

    def wanted(self) -> HistoryFilter:
        """Return the history filter. Raises Invalid."""
        for name in ("tag", "agent", "by", "reason", "source"):
            if why := text_problem(getattr(self, name)):
                raise Invalid(f"{name} {why}.", field=name)
        return HistoryFilter(
            person=self.by,
            tag=self.tag,
            agent=self.agent,
            reason=self.reason,
            source=self.source,
            since=_utc(self.since, "since"),
            until=_utc(self.until, "until"),
        )


class SetState(BaseModel):
    """A change-set with its first 100 changes."""

    id: int
    act: str
    by: str
    source: str
    reason: str
    undoes: int | None
    created_at: datetime
    changes: list[dict[str, Any]]
    has_more: bool = Field(description="True if there are more changes.")


class OneSetQuery(BaseModel):
    """Which page of a change-set's changes."""

    limit: int = Field(50, ge=1, le=1000)
    after: int = Field(0, ge=0, le=_LARGEST, description="The `after` of the previous page.")


class OneSetState(SetState):
    """A change-set with a page of its changes."""

    after: int | None = Field(description="Pass it as `after` for the next page; null on the last.")
    undone_by: list[int] = Field(
        description="Change-sets that undo all or part of this one, newest first."
    )


class HistoryState(BaseModel):
    """A page of the history, newest first."""

    history: list[SetState]
    before: int | None = Field(
        description="Pass it as `before` for the next page; null on the last."
    )


class UndoneState(BaseModel):
    """What an undo changed, and what it skipped."""

    change_set: int | None
    bulk: str | None = Field(
        description="ID of the bulk change that does the undo. Get it for the progress."
    )
    agents: int
    kept: list[dict[str, Any]] = Field(description="The first 1,000 skipped changes.")
    kept_count: int


@router.get("/", operation_id="list_history", response=answers(HistoryState, READ))
@may_lag(actor_of)
def list_history(request: HttpRequest, query: Query[HistoryQuery]) -> Answer:
    """List change-sets, newest first. Not for keys limited to a tag."""
    page = history_page(
        query.wanted(), actor=actor_of(request), before=query.before, size=query.limit
    )
    response = json_answer({"history": [_state(row) for row in page.rows], "before": page.older})
    return link_next(response, request, page.older, name="before")


@router.get(
    "/{change_set_id}", operation_id="get_change_set", response=answers(OneSetState, READ_ONE)
)
def get_change_set(
    request: HttpRequest, change_set_id: Path[int], query: Query[OneSetQuery]
) -> Answer:
    """Get a change-set with a page of its changes and the change-sets that undo it."""
    row = find_set(_checked(change_set_id), actor=actor_of(request))
    changes, after = changes_of(row.change_set, after=query.after, size=query.limit)
    told = _state(SetRow(row.change_set, changes, cut=after is not None))
    undos = [one.id for one in undone_by(row.change_set)]
    response = json_answer(told | {"after": after, "undone_by": undos})
    return link_next(response, request, after)


@router.post(
    "/{change_set_id}/undo",
    operation_id="undo_change_set",
    response=answers(UndoneState, WRITE) | {202: UndoneState},
)
def undo(request: HttpRequest, change_set_id: Path[int]) -> Answer:
    """Undo a change-set's changes to tags. Tags that changed again since are skipped.

    Needs write scope for a change to one agent, otherwise manage scope. A worker undoes a large bulk
    change: the status is then 202.
    """
    actor = actor_of(request)
    undone = tasks.undo(change_set_id=_checked(change_set_id), actor=actor)
    if isinstance(undone, BulkPlan):
        return _of_bulk(undone, actor)
    return json_answer(
        {
            "change_set": undone.change_set.id if undone.change_set else None,
            "bulk": None,
            "agents": undone.agents,
            "kept": [
                {"agent_id": one.agent_id or None, "tag": one.tag, "why": one.why}
                for one in undone.kept
            ],
            "kept_count": undone.kept_count,
        }
    )


def _checked(change_set_id: int) -> int:
    if not 0 < change_set_id <= _LARGEST:
        raise Invalid("This change-set does not exist.", field="change_set_id")
    return change_set_id


def _of_bulk(plan: BulkPlan, actor: Actor) -> Answer:
    left = skipped_of(plan, _KEPT, actor)
    told = {
        "change_set": plan.change_set_id,
        "bulk": str(plan.id),
        "agents": plan.changed,
        "kept": [{"agent_id": one.public_id or None, "tag": None, "why": one.why} for one in left],
        "kept_count": skipped_count(plan),
    }
    return json_answer(told, status=202 if plan.state == BulkState.RUNNING else 200)


def _state(row: SetRow) -> dict[str, Any]:
    one = row.change_set
    return {
        "id": one.id,
        "act": one.act,
        "by": one.actor_name,
        "source": one.source,
        "reason": one.reason,
        "undoes": one.undoes,
        "created_at": one.created_at,
        "changes": [
            {
                "op": change.op,
                "agent_id": change.agent_id,
                "agent_name": change.agent_name,
                "tag": change.tag,
                "field": change.field or None,
                "old": change.old,
                "new": change.new,
                "at": change.at or one.created_at,
                "added_at": change.added_at,
            }
            for change in row.changes
        ],
        "has_more": row.cut,
    }


def _utc(moment: datetime | None, field: str) -> datetime | None:
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(
            f"{field} is out of range. Use a date between the years 2 and 9998.", field=field
        ) from None
