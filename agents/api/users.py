"""/v1/users/assign, move, offboard: what is done for one user of the application. Not Letta's.

A user is a tag. Move and offboard are plans, and with `apply` the thing itself.
"""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.common import Body, named_here
from agents.api.directory import Ask, PlanState, plan_state, tag_done
from agents.api.schemas import WRITE, answers
from agents.domain.users import (
    How,
    OffboardPlan,
    assign,
    move,
    offboard,
    plan_move,
    plan_offboard,
)
from agents.limits import ASSIGNED_AT_ONCE
from agents.models import Op

router = Router(tags=["users"])


class AssignBody(Body):
    """A user and agents that are to be theirs."""

    name: str = Field(description="The user's tag, exactly.")
    agent_ids: list[str] = Field(min_length=1, max_length=ASSIGNED_AT_ONCE)
    reason: str = ""


class MoveBody(Ask):
    """A user and the one who gets all of their agents."""

    to: str = Field(description="The other user's tag; nobody needs to carry it yet.")


class OffboardBody(Ask):
    """A user who leaves."""

    how: Literal["tag", "agents"] = Field(
        description="`tag`: its agents stay, without the tag. `agents`: they are deleted for good, "
        "but for those of another user as well, which lose the tag."
    )


class AssignedState(BaseModel):
    """How many agents came to carry the tag."""

    assigned: int = Field(description="The others carried it already.")
    change_set: int | None = Field(description="Its place in the history; null if nothing changed.")


class OffboardState(PlanState):
    """What it comes to, or came to."""

    how: Literal["tag", "agents"]
    deleted: int = Field(description="Agents that are deleted for good.")
    kept: int = Field(description="Agents that stay and lose the tag.")


@router.post("/assign", response=answers(AssignedState, WRITE))
def assign_agents(request: HttpRequest, body: AssignBody) -> Answer:
    """Put a user's tag on agents, on all or on none. For keys with write scope."""
    actor = actor_of(request)
    with named_here(agents="agent_ids"):
        done = assign(name=body.name, agent_ids=body.agent_ids, actor=actor, reason=body.reason)
    number = done.changes.filter(op=Op.ADD).count() if done else 0
    return json_answer({"assigned": number, "change_set": done.id if done else None})


@router.post("/move", response=answers(PlanState, WRITE))
def move_agents(request: HttpRequest, body: MoveBody) -> Answer:
    """Give all agents of a user to another: a merge of the tags, or a rename where no agent carries
    the other yet. For keys with manage scope."""
    if body.apply:
        return tag_done(move(name=body.name, to=body.to, **body.asked(request)))
    plan = plan_move(name=body.name, to=body.to, actor=actor_of(request))
    return json_answer(plan_state(plan))


@router.post("/offboard", response=answers(OffboardState, WRITE))
def offboard_user(request: HttpRequest, body: OffboardBody) -> Answer:
    """End a user: no agent carries the tag afterwards, and keys limited to it end for good.

    What happened to each agent is told by the change-set. For keys with manage scope.
    """
    how = How(body.how)
    if body.apply:
        done = offboard(name=body.name, how=how, **body.asked(request))
        return json_answer(_offboard_state(done.plan, done.change_set.id))
    return json_answer(
        _offboard_state(plan_offboard(name=body.name, how=how, actor=actor_of(request)))
    )


def _offboard_state(plan: OffboardPlan, change_set: int | None = None) -> dict[str, Any]:
    return plan_state(plan.plan, change_set) | {
        "kind": "offboard",
        "how": plan.how,
        "deleted": plan.deleted,
        "kept": plan.shared,
        "fingerprint": plan.fingerprint,
    }
