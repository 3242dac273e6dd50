"""/v1/history: what was done to tags and agents, and undo. Not Letta's."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from agents import tasks
from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.schemas import READ, READ_ONE, WRITE, answers
from agents.domain.bulkresults import skipped_count, skipped_of
from agents.errors import Invalid
from agents.lagging import may_lag
from agents.listing.history import (
    HistoryFilter,
    SetRow,
    changes_of,
    find_set,
    history_page,
    undone_by,
)
from agents.models import BulkPlan, BulkState
from agents.tagnames import text_problem

router = Router(tags=["history"])

_LARGEST = 2**62
_KEPT = 1000  # of what an undo left, so many are told


class HistoryQuery(BaseModel):
    """Which change-sets."""

    limit: int = Field(50, ge=1, le=200)
    before: int | None = Field(None, ge=1, le=_LARGEST, description="Go on before this one.")
    tag: str = Field("", description="Also under the names that it had before.")
    agent: str = Field("", description="The id of an agent, also of a deleted one.")
    by: str = Field("", description="The exact name of who acted.")
    source: str = Field("", description="page, api, import, command or bulk.")
    since: datetime | None = None
    until: datetime | None = None

    def wanted(self) -> HistoryFilter:
        """The same for the listing. Raises Invalid."""
        for name in ("tag", "agent", "by", "source"):
            if why := text_problem(getattr(self, name)):
                raise Invalid(f"{name} {why}.", field=name)
        return HistoryFilter(
            person=self.by,
            tag=self.tag,
            agent=self.agent,
            source=self.source,
            since=_utc(self.since, "since"),
            until=_utc(self.until, "until"),
        )


class SetState(BaseModel):
    """One act, with the first hundred of its changes."""

    id: int
    act: str
    by: str
    source: str
    reason: str
    undoes: int | None
    created_at: datetime
    changes: list[dict[str, Any]]
    has_more: bool = Field(description="There are more changes than these.")


class OneSetQuery(BaseModel):
    """A page of a change-set's changes."""

    limit: int = Field(50, ge=1, le=1000)
    after: int = Field(0, ge=0, le=_LARGEST, description="The `after` of the page before.")


class OneSetState(SetState):
    """One act, with a page of its changes."""

    after: int | None = Field(description="To go on; null at the end.")
    undone_by: list[int] = Field(description="What took it back, or parts of it; newest first.")


class HistoryState(BaseModel):
    """A page of the history, newest first."""

    history: list[SetState]
    before: int | None = Field(description="To go on; null at the end.")


class UndoneState(BaseModel):
    """What an undo did, and what it left as it was."""

    change_set: int | None
    bulk: str | None = Field(
        description="The bulk change that undoes one; look there how far it is."
    )
    agents: int
    kept: list[dict[str, Any]] = Field(description="The first thousand.")
    kept_count: int


@router.get("/", response=answers(HistoryState, READ))
@may_lag(actor_of)
def list_history(request: HttpRequest, query: Query[HistoryQuery]) -> Answer:
    """What was done, newest first. Not for keys that are limited to a tag."""
    page = history_page(
        query.wanted(), actor=actor_of(request), before=query.before, size=query.limit
    )
    return json_answer({"history": [_state(row) for row in page.rows], "before": page.older})


@router.get("/{change_set_id}", response=answers(OneSetState, READ_ONE))
def get_change_set(
    request: HttpRequest, change_set_id: Path[int], query: Query[OneSetQuery]
) -> Answer:
    """One change-set: all that it changed, page by page, and what took it back."""
    row = find_set(_checked(change_set_id), actor=actor_of(request))
    changes, after = changes_of(row.change_set, after=query.after, size=query.limit)
    told = _state(SetRow(row.change_set, changes, cut=after is not None))
    undos = [one.id for one in undone_by(row.change_set)]
    return json_answer(told | {"after": after, "undone_by": undos})


@router.post("/{change_set_id}/undo", response=answers(UndoneState, WRITE) | {202: UndoneState})
def undo(request: HttpRequest, change_set_id: Path[int]) -> Answer:
    """Take back what a change-set did to tags, where it still stands.

    One agent's change takes a key with write scope, all else manage scope. A large bulk change is
    undone by the worker: 202.
    """
    undone = tasks.undo(change_set_id=_checked(change_set_id), actor=actor_of(request))
    if isinstance(undone, BulkPlan):
        return _of_bulk(undone)
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
        raise Invalid("There is no such change.", field="change_set_id")
    return change_set_id


def _of_bulk(plan: BulkPlan) -> Answer:
    left = skipped_of(plan, _KEPT)
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
        raise Invalid(f"{field} is no moment that can be compared.", field=field) from None
