"""Request and response bodies of bulk changes.

Unknown fields are refused here, unlike elsewhere: a misspelt filter would match all agents.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Path
from pydantic import BaseModel, ConfigDict, Field

from agents.api.agents.bodies import Which
from agents.api.core.common import AGENT_ID, UUID4, Json, Limited
from agents.api.core.field_names import FilterQuery
from agents.api.core.schemas import Problem
from agents.core.errors import Invalid
from agents.core.limits import BULK_PICKED, CSV_ROWS
from agents.domain.bulk.decide import Outcome
from agents.domain.bulk.plans import BulkChange
from agents.models import BulkOp, Owners

PlanId = Annotated[str, Path(pattern=f"^{UUID4}$", example="123e4567-e89b-42d3-8456-426614174000")]
_AgentId = Annotated[str, Field(pattern=f"^{AGENT_ID}$")]
_EXACT = ConfigDict(strict=True, extra="forbid")
_LARGEST = 2**62
_Result = Literal["change", "same", "refused", "full", "gone", "kept", "owned", "away", "waiting"]


class BulkFilter(Which):
    """A filter with the parameters of the agent list. An agent must match all of them.

    {} matches all agents that are not hidden. An empty list or text is refused: it would match all too.
    """

    model_config = _EXACT

    def require_filled(self) -> None:
        """Raise Invalid for a condition that is given but empty."""
        for name in self.model_fields_set - {"exclude_tags"}:
            if getattr(self, name) in ([], ""):
                raise Invalid(
                    f"`{name}` is empty. Leave it out, or fill it.", field=f"filter.{name}"
                )


class BulkBody(BaseModel):
    """A bulk change to plan."""

    model_config = _EXACT

    filter: BulkFilter
    agent_ids: list[_AgentId] | None = Field(
        None, max_length=BULK_PICKED, description="Only these agents."
    )
    excluded_agent_ids: list[_AgentId] = Field(
        [], max_length=BULK_PICKED, description="Leave these agents out."
    )
    op: Literal["add", "remove", "replace", "move", "model", "delete"] = Field(
        description="`replace` needs one tag in `remove` and one in `add`. It changes only agents that "
        "have the tag in `remove`. `move` needs one user tag in `add`, and removes all other user tags. `delete` puts the "
        "agents into the trash and takes no tags. `model` sets `model` and takes no tags."
    )
    model: str | None = Field(
        None, description="With `op: model`: the handle, such as openai/gpt-4o-mini."
    )
    add: list[str] = Field([], description="Tags to add.")
    remove: list[str] = Field([], description="Tags to remove.")
    reason: str = Field("", description="Shown in the history of each agent.")
    second_owners: Literal["keep", "move", "skip"] = Field(
        "keep",
        description="What to do with agents that would get a second owner: `keep` both, `move` them by "
        "removing the other user tags, or `skip` them.",
    )

    def change(self) -> BulkChange:
        """Return the change to make to each agent. Raises Invalid."""
        if self.op == "model":
            if self.add or self.remove:
                raise Invalid("A change of the model takes no tags.", field="add")
            models = [] if self.model is None else [self.model]
            return BulkChange(BulkOp.MODEL, models, (), self.reason)
        if self.model is not None:
            raise Invalid("`model` needs `op: model`.", field="model")
        owners = None if self.second_owners == "keep" else Owners(self.second_owners)
        return BulkChange(BulkOp(self.op), self.add, self.remove, self.reason, owners)


class RowBody(BaseModel):
    """An agent and a tag to add to it."""

    model_config = _EXACT

    agent_id: str
    tag: str


class RowsBody(BaseModel):
    """Tags to add, one agent and one tag per row."""

    model_config = _EXACT

    rows: list[RowBody] = Field(min_length=1, max_length=CSV_ROWS)
    reason: str = ""


class PlansQuery(FilterQuery, Limited):
    """Which page of bulk changes."""

    after: str | None = Field(
        None, pattern=f"^{UUID4}$", description="ID of the last bulk change on the previous page."
    )
    state: Literal["planning", "planned", "running", "stopped", "done"] | None = None


class ResultsQuery(FilterQuery, Limited):
    """Which page of a bulk change's results."""

    after: int = Field(0, ge=0, le=_LARGEST, description="The `after` of the previous page.")
    skipped: bool = Field(False, description="Only agents that were skipped.")


class RefusedQuery(Limited):
    """Which page of the refused rows."""

    after: int = Field(0, ge=0, le=_LARGEST, description="The `after` of the previous page.")


class SampleState(BaseModel):
    """An agent that the plan changes."""

    agent_id: str
    name: str
    changes: list[str] = Field(description="For display, such as +vip and -trial.")


class DifferenceState(BaseModel):
    """What has changed since the previous plan."""

    came: int = Field(description="Agents that match now and did not before.")
    went: int = Field(description="Agents that matched before and no longer do.")


class RefusedState(BaseModel):
    """A row that was left out of the plan, and why."""

    row: int = Field(description="The row's number, counted from 1. For a CSV file, its line.")
    text: str
    why: str


class RefusedPage(BaseModel):
    """A page of refused rows, in order."""

    refused: list[RefusedState]
    after: int | None = Field(description="Pass it as `after` for the next page; null on the last.")


class BulkState(BaseModel):
    """A bulk change: what it does, and its progress."""

    id: str
    op: Literal[
        "add",
        "remove",
        "replace",
        "move",
        "model",
        "rows",
        "rows-remove",
        "rows-set",
        "undo",
        "merge",
        "tag-delete",
        "offboard",
        "offboard-agents",
        "delete",
    ]
    add: list[str]
    remove: list[str]
    filter: Json | None = Field(
        description="The request's filter. Null unless `op` is add, remove, replace or move."
    )
    excluded: int = Field(description="Number of agents left out by `excluded_agent_ids`.")
    reason: str
    by: str
    state: Literal["planning", "planned", "running", "stopped", "done"]
    matched: int = Field(description="Agents in the plan. Still growing while `planning`.")
    expected: int | None = Field(description="While `planning`: how many agents to expect.")
    counts: dict[Outcome, int] = Field(description="Agents in the plan, by result.")
    second_owners: int = Field(description="Agents in the plan that get a second owner.")
    is_job: bool = Field(description="Too large for one request: a worker runs it.")
    seconds: int | None = Field(description="For a job: estimated seconds left.")
    looked: int = Field(description="Agents processed, out of `matched`.")
    changed: int = Field(description="Agents changed, out of `looked`.")
    is_lost: bool = Field(description="It should be running and is not. Check the worker.")
    problem: str = Field(description="Why it failed or did not start.")
    change_set: int | None = Field(
        description="Its change-set in the history. Null for limited keys."
    )
    undoes: int | None = Field(description="For an undo: the change-set that it undoes.")
    undone_by: str | None = Field(description="ID of the bulk change that undoes it.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class TagNumbers(BaseModel):
    """What a bulk change does to one tag, in numbers of agents."""

    tag: str
    add: int = Field(description="Agents that get it.")
    remove: int = Field(description="Agents that lose it.")
    same: int = Field(description="Agents that need no change.")
    skip: int = Field(description="Agents that are skipped.")
    second: int = Field(description="Agents that get it as a second owner.")
    ownerless: int = Field(description="Agents that lose it and have no owner afterwards.")
    notices: list[str] = Field(
        description="What to check before applying, such as a new tag or a look-alike, in words."
    )


class BulkPlanState(BulkState):
    """A bulk change with a sample of its agents and refused rows."""

    difference: DifferenceState | None = Field(
        description="For a plan that replaces an older plan: what has changed since."
    )
    newer_plan: str | None = Field(
        description="ID of the plan that replaces this one. Set when a change of more than 20,000 agents "
        "was applied but did not start, because other agents match now."
    )
    tags: list[TagNumbers] = Field(
        description="The first 100 tags of the plan, second owners first."
    )
    sample: list[SampleState] = Field(description="The first agents that change.")
    refused: list[RefusedState] = Field(description="The first 200 refused rows.")
    refused_count: int


class ResultState(BaseModel):
    """The result for one agent."""

    agent_id: str
    name: str
    result: _Result = Field(
        description="`change`: changed. `same`: nothing to change. `refused`, `full`, `gone`, `kept`, `owned`: "
        "skipped; `why` has the reason. `waiting`: pending."
    )
    why: str


class ResultsState(BaseModel):
    """A page of results, in the plan's order."""

    results: list[ResultState]
    after: int | None = Field(
        description="Pass it as `after` for the next page; null on the last. A page before the last can "
        "be empty."
    )


class NewerPlan(Problem):
    """Why the plan was not applied."""

    plan_id: str = Field(
        "", description="If other agents match now: ID of the new plan. Review and apply that one."
    )


# Stored filter names that differ from the request's names.
_WORDS = {
    "any": "tags",
    "none": "exclude_tags",
    "models": "model",
    "sources": "source",
    "q": "query_text",
    "ids": "agent_ids",
    "identities": "identity_ids",
}


def filter_state(wanted: dict[str, Any] | None) -> Json | None:
    """Return a stored filter with the request's names: sent again, it matches the same agents.

    Parts that only pages can set keep their stored names.
    """
    if wanted is None:
        return None
    # Plans of earlier versions do not store `visible`, and include hidden agents.
    hidden = not wanted.get("visible", False) and wanted.get("ids") is None
    wanted = {name: value for name, value in wanted.items() if name != "visible"}
    given = {
        _WORDS.get(name, name): value
        for name, value in wanted.items()
        if value not in (None, False, "") and (value != [] or name in ("ids", "identities"))
    }
    if "all" in given and "tags" not in given:
        given |= {"tags": given.pop("all"), "match_all_tags": True}
    return given | ({"show_hidden_agents": True} if hidden else {})
