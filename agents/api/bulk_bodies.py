"""What requests about bulk changes carry, and what is answered.

Unlike elsewhere unknown fields are refused: a misspelt part of a filter would mean all agents.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Path
from pydantic import BaseModel, ConfigDict, Field

from agents.api.bodies import Which
from agents.api.common import UUID4, Json, Limited
from agents.api.schemas import Problem
from agents.domain.bulk import BulkChange
from agents.domain.bulkdecide import Outcome
from agents.limits import BULK_PICKED, CSV_ROWS
from agents.models import BulkOp

PlanId = Annotated[str, Path(pattern=f"^{UUID4}$", example="123e4567-e89b-42d3-8456-426614174000")]
_AgentId = Annotated[str, Field(pattern=f"^agent-{UUID4}$")]
_EXACT = ConfigDict(strict=True, extra="forbid")
_LARGEST = 2**62
_Result = Literal["change", "same", "refused", "full", "gone", "kept", "waiting"]


class BulkFilter(Which):
    """Which agents, in the words of the list; what is given must all hold. {} is all of them."""

    model_config = _EXACT


class BulkBody(BaseModel):
    """A change of many agents, to be planned."""

    model_config = _EXACT

    filter: BulkFilter
    agent_ids: list[_AgentId] | None = Field(
        None, max_length=BULK_PICKED, description="Only these of them."
    )
    excluded_agent_ids: list[_AgentId] = Field(
        [], max_length=BULK_PICKED, description="All but these of them."
    )
    op: Literal["add", "remove", "replace"] = Field(
        description="Replace has one tag to remove and one to add, for agents that carry the first."
    )
    add: list[str] = Field([], description="Tags to put on.")
    remove: list[str] = Field([], description="Tags to take off.")
    reason: str = Field("", description="Kept in the history of each agent.")

    def change(self) -> BulkChange:
        """What to do to each agent."""
        return BulkChange(BulkOp(self.op), self.add, self.remove, self.reason)


class RowBody(BaseModel):
    """One agent and one tag that it is to carry."""

    model_config = _EXACT

    agent_id: str
    tag: str


class RowsBody(BaseModel):
    """Tags to add, each to an agent of its own."""

    model_config = _EXACT

    rows: list[RowBody] = Field(min_length=1, max_length=CSV_ROWS)
    reason: str = ""


class PlansQuery(Limited):
    """A page of bulk changes."""

    after: str | None = Field(None, pattern=f"^{UUID4}$", description="Go on after this one.")
    state: Literal["planning", "planned", "running", "stopped", "done"] | None = None


class ResultsQuery(Limited):
    """A page of a bulk change's agents."""

    after: int = Field(0, ge=0, le=_LARGEST, description="The `after` of the page before.")
    skipped: bool = Field(False, description="Only those that were left for a reason.")


class RefusedQuery(Limited):
    """A page of the rows that are left out."""

    after: int = Field(0, ge=0, le=_LARGEST, description="The `after` of the page before.")


class SampleState(BaseModel):
    """One agent of a plan."""

    agent_id: str
    name: str
    changes: list[str] = Field(description="Such as +vip and -trial; for reading.")


class DifferenceState(BaseModel):
    """What has changed since the plan before."""

    came: int = Field(description="Agents that match now.")
    went: int = Field(description="Agents that no longer match.")


class RefusedState(BaseModel):
    """A row that is not part of the plan."""

    row: int = Field(description="Counted from 1; of a CSV file its line.")
    text: str
    why: str


class RefusedPage(BaseModel):
    """A page of the rows that are left out, in their order."""

    refused: list[RefusedState]
    after: int | None = Field(description="To go on; null at the end.")


class BulkState(BaseModel):
    """A bulk change: what it will do, how far it is."""

    id: str
    op: Literal["add", "remove", "replace", "rows", "undo"]
    add: list[str]
    remove: list[str]
    filter: Json | None = Field(
        description="Which agents, in the words of the request; null of rows and undo."
    )
    excluded: int = Field(description="Agents taken out by hand.")
    reason: str
    by: str
    state: Literal["planning", "planned", "running", "stopped", "done"]
    matched: int = Field(description="Agents of the plan; while it is being planned, so far.")
    expected: int | None = Field(description="While it is being planned: how many there will be.")
    counts: dict[Outcome, int] = Field(description="The plan's agents by what becomes of each.")
    is_job: bool = Field(description="Too large for one request: the worker does it.")
    seconds: int | None = Field(description="Of a job: about how long what is left of it takes.")
    looked: int = Field(description="Agents done, of `matched`.")
    changed: int = Field(description="Agents changed, of `looked`.")
    is_lost: bool = Field(description="It should run and does not: does the worker?")
    problem: str = Field(description="Why it stopped by itself, or was not begun.")
    change_set: int | None = Field(description="Its place in the history.")
    undoes: int | None = Field(
        description="Of an undo: the place in the history of what it undoes."
    )
    undone_by: str | None = Field(description="The id of the bulk change that undoes it.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class BulkPlanState(BulkState):
    """A bulk change with the first of its agents."""

    difference: DifferenceState | None = Field(
        description="Of a plan that took the place of an older one."
    )
    newer_plan: str | None = Field(
        description="Of one of more than 20,000 agents that was applied and not begun, as other "
        "agents match now: the id of the plan for these."
    )
    sample: list[SampleState] = Field(description="The first that change.")
    refused: list[RefusedState] = Field(description="The first 200 rows that are left out.")
    refused_count: int


class ResultState(BaseModel):
    """One agent of a bulk change."""

    agent_id: str
    name: str
    result: _Result = Field(
        description="`change`: changed. `same`: was so already. `refused`, `full`, `gone`, `kept`: "
        "left, and `why`. `waiting`: its turn is still to come."
    )
    why: str


class ResultsState(BaseModel):
    """A page of what became of each agent, in the plan's order."""

    results: list[ResultState]
    after: int | None = Field(description="To go on; null at the end. A page may be empty before.")


class NewerPlan(Problem):
    """Why it was not applied."""

    plan_id: str = Field(
        "", description="Where other agents match now: the plan for these, to be looked at."
    )


# What a kept filter's parts are called in a request; those left out have the same name.
_WORDS = {
    "any": "tags",
    "none": "exclude_tags",
    "models": "model",
    "q": "query_text",
    "ids": "agent_ids",
    "identities": "identity_ids",
}


def filter_state(wanted: dict[str, Any] | None) -> Json | None:
    """A kept filter in the words of a request, and in its own where a page can say more."""
    if wanted is None:
        return None
    given = {
        _WORDS.get(name, name): value
        for name, value in wanted.items()
        if value not in (None, False, "") and (value != [] or name in ("ids", "identities"))
    }
    if "all" in given and "tags" not in given:
        given |= {"tags": given.pop("all"), "match_all_tags": True}
    return given
