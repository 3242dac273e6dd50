"""/v1/tags/rename, merge, delete: each a plan, and with `apply` the thing itself. Not Letta's."""

from typing import Any

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.common import Body, named_here
from agents.api.schemas import WRITE, answers
from agents.domain.directory import TagResult, rename_tag
from agents.domain.merge import delete_tag, merge_tags
from agents.domain.plans import TagPlan, plan_delete, plan_merge, plan_rename

router = Router(tags=["tags"])


class Ask(Body):
    """What all of them have in common."""

    name: str = Field(description="The tag, exactly.")
    apply: bool = Field(False, description="Do it. Otherwise the answer is the plan.")
    fingerprint: str | None = Field(
        None, description="Of the plan that is to be done: 409 where it no longer holds."
    )
    reason: str = ""

    def asked(self, request: HttpRequest) -> dict[str, Any]:
        """What the domain takes besides names."""
        actor = actor_of(request)
        return {"actor": actor, "fingerprint": self.fingerprint, "reason": self.reason}


class RenameBody(Ask):
    """A tag and its new name."""

    new: str


class MergeBody(Ask):
    """A tag and the one that takes its place."""

    into: str


class DeleteBody(Ask):
    """A tag that is to go."""


class PlanState(BaseModel):
    """What it comes to, or came to."""

    kind: str
    name: str
    target: str | None
    agents: int = Field(description="Agents that carry the tag.")
    overlap: int = Field(description="Of a merge: agents that carry both.")
    keys: int = Field(description="API keys that are limited to the tag.")
    key_ids: list[str] = Field(
        description="API keys that it touches: limited to either name, with the tag in their list, "
        "or able to write it by a pattern from then on."
    )
    views: int = Field(description="Saved views that name the tag.")
    names_user: bool = Field(description="The tag names a user afterwards; deleted: it did.")
    protected: bool = Field(description="A protected tag is touched.")
    needs_admin: bool = Field(description="Keys would come to see more: 403 here, an admin may.")
    seconds: int | None = Field(description="How long others may wait, where that is worth saying.")
    fingerprint: str
    change_set: int | None = Field(description="Where it was done: its place in the history.")


@router.post("/rename", response=answers(PlanState, WRITE))
def rename(request: HttpRequest, body: RenameBody) -> Answer:
    """Give a tag another name, on all agents at once. For keys with manage scope."""
    if body.apply:
        return tag_done(rename_tag(old=body.name, new=body.new, **body.asked(request)))
    plan = plan_rename(old=body.name, new=body.new, actor=actor_of(request))
    return json_answer(plan_state(plan))


@router.post("/merge", response=answers(PlanState, WRITE))
def merge(request: HttpRequest, body: MergeBody) -> Answer:
    """Give all agents of a tag another one instead. For keys with manage scope."""
    with named_here(target="into"):
        if body.apply:
            return tag_done(merge_tags(source=body.name, target=body.into, **body.asked(request)))
        plan = plan_merge(source=body.name, target=body.into, actor=actor_of(request))
    return json_answer(plan_state(plan))


@router.post("/delete", response=answers(PlanState, WRITE))
def delete(request: HttpRequest, body: DeleteBody) -> Answer:
    """Take a tag off all agents; keys limited to it end. For keys with manage scope."""
    if body.apply:
        return tag_done(delete_tag(name=body.name, **body.asked(request)))
    return json_answer(plan_state(plan_delete(name=body.name, actor=actor_of(request))))


def plan_state(plan: TagPlan, change_set: int | None = None) -> dict[str, Any]:
    """The plan as it is answered; with the place in the history once it was done."""
    return {
        "kind": plan.kind.value,
        # The tag as it was planned: after a rename its row has the new name.
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
        "seconds": plan.seconds,
        "fingerprint": plan.fingerprint,
        "change_set": change_set,
    }


def tag_done(result: TagResult) -> Answer:
    """What was done to a tag."""
    return json_answer(plan_state(result.plan, result.change_set.id if result.change_set else None))
