"""/v1/tags/rename, merge, delete: return a plan, or carry it out with `apply`.

Not part of Letta's API.
"""

from typing import Any

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from agents.api.bulk.bodies import BulkPlanState
from agents.api.bulk.routes import plan_answer
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.common import Body, named_here
from agents.api.core.schemas import WRITE, answers
from agents.domain.directory.plans import TagPlan, plan_delete, plan_merge, plan_rename
from agents.domain.directory.rename import TagResult, rename_tag
from agents.models import BulkPlan
from agents.tasks import bulk

router = Router(tags=["tags"])

BEGUN = {202: BulkPlanState}


class Ask(Body):
    """The fields that all these requests share."""

    name: str = Field(description="The exact tag.")
    apply: bool = Field(False, description="Make the change. If false, only return the plan.")
    fingerprint: str | None = Field(
        None, description="Fingerprint of the plan you reviewed. 409 if the plan is out of date."
    )
    reason: str = ""

    def asked(self, request: HttpRequest) -> dict[str, Any]:
        """Return the domain function's arguments, except names."""
        actor = actor_of(request)
        return {"actor": actor, "fingerprint": self.fingerprint, "reason": self.reason}


class RenameBody(Ask):
    """A tag and its new name."""

    new: str


class MergeBody(Ask):
    """A tag and the tag that replaces it."""

    into: str


class DeleteBody(Ask):
    """A tag to delete."""


class PlanState(BaseModel):
    """The plan or the result of a change to a tag."""

    kind: str
    name: str
    target: str | None
    agents: int = Field(description="Number of agents that have the tag.")
    overlap: int = Field(description="For a merge: number of agents that have both tags.")
    keys: int = Field(description="Number of API keys limited to the tag.")
    key_ids: list[str] = Field(
        description="API keys that this affects: keys limited to either name, keys that list the tag, "
        "and keys that can write the new name through a pattern."
    )
    views: int = Field(description="Number of saved views that use the tag.")
    names_user: bool = Field(description="The resulting tag is a user tag. For a delete: it was.")
    protected: bool = Field(description="The change affects a protected tag.")
    needs_admin: bool = Field(
        description="Keys would access more agents: 403 here; an admin can do it."
    )
    second_owners: int = Field(description="Number of agents that get a second owner.")
    ownerless: int = Field(description="Number of agents that have no owner afterwards.")
    is_job: bool = Field(description="The worker makes the change in batches, in the background.")
    seconds: int | None = Field(
        description="Estimated seconds that the worker needs or that other writes wait. Null if short."
    )
    fingerprint: str
    change_set: int | None = Field(description="After applying: its change-set in the history.")


@router.post("/rename", operation_id="rename_tag", response=answers(PlanState, WRITE))
def rename(request: HttpRequest, body: RenameBody) -> Answer:
    """Rename a tag on all agents at once. Needs manage scope."""
    if body.apply:
        return tag_done(rename_tag(old=body.name, new=body.new, **body.asked(request)))
    plan = plan_rename(old=body.name, new=body.new, actor=actor_of(request))
    return json_answer(plan_state(plan))


@router.post("/merge", operation_id="merge_tags", response=answers(PlanState, WRITE) | BEGUN)
def merge(request: HttpRequest, body: MergeBody) -> Answer:
    """Replace a tag with another tag on all its agents. Needs manage scope.

    For many agents (`is_job` in the plan) the worker does it: the response is 202 with a bulk change.
    Use `/v1/bulk/{id}` to follow, stop, resume and undo it.
    """
    with named_here(target="into"):
        if body.apply:
            return tag_done(
                bulk.merge_tags(source=body.name, target=body.into, **body.asked(request))
            )
        plan = plan_merge(source=body.name, target=body.into, actor=actor_of(request))
    return json_answer(plan_state(plan))


@router.post("/delete", operation_id="delete_tag", response=answers(PlanState, WRITE) | BEGUN)
def delete(request: HttpRequest, body: DeleteBody) -> Answer:
    """Remove a tag from all agents and disable keys limited to it. Needs manage scope.

    For many agents the worker does it: the response is 202 with a bulk change, as for a merge.
    """
    if body.apply:
        return tag_done(bulk.delete_tag(name=body.name, **body.asked(request)))
    return json_answer(plan_state(plan_delete(name=body.name, actor=actor_of(request))))


def plan_state(plan: TagPlan, change_set: int | None = None) -> dict[str, Any]:
    """Return the response for a plan. `change_set` is set once the plan was applied."""
    return {
        "kind": plan.kind.value,
        # The name in the plan: after a rename, the tag's row has the new name.
        "name": plan.name,
        "target": plan.target,
        "agents": plan.agents,
        "overlap": plan.overlap,
        "keys": len(plan.follows.limits),
        "key_ids": sorted(plan.follows.keys),
        "views": plan.follows.views,
        "names_user": plan.names_user,
        "protected": plan.protected,
        "needs_admin": plan.needs_admin,
        "second_owners": plan.second_owners,
        "ownerless": plan.ownerless,
        "is_job": plan.is_job,
        "seconds": plan.seconds,
        "fingerprint": plan.fingerprint,
        "change_set": change_set,
    }


def tag_done(result: TagResult | BulkPlan) -> Answer:
    """Return the response for an applied change, or for the worker's bulk change."""
    if isinstance(result, BulkPlan):
        return plan_answer(result)
    return json_answer(plan_state(result.plan, result.change_set.id if result.change_set else None))
