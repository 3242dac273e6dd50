"""/v1/users/assign, move, offboard: manage one user's agents. Not part of Letta's API.

A user is a tag. Move and offboard return a plan, and with `apply` carry it out.
"""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from agents.api.bulk.routes import plan_answer
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.common import Body, named_here
from agents.api.core.schemas import READ_ONE, WRITE, answers
from agents.api.directory.changes import BEGUN, Ask, PlanState, plan_state, tag_done
from agents.core.limits import ASSIGNED_AT_ONCE
from agents.domain.offboarding.begin import Plan, make_plan
from agents.domain.offboarding.receipt import check, get_offboarding, receipt
from agents.domain.users import OffboardMode, assign, plan_move
from agents.models import BulkPlan, Offboarding, Op
from agents.tasks import bulk
from agents.tasks.offboarding import offboard

router = Router(tags=["users"])


class AssignBody(Body):
    """A user and the agents to assign to them."""

    name: str = Field(description="The user's exact tag.")
    agent_ids: list[str] = Field(min_length=1, max_length=ASSIGNED_AT_ONCE)
    reason: str = ""


class MoveBody(Ask):
    """The user to move agents from, and the user to move them to."""

    to: str = Field(description="The other user's tag. It does not have to exist yet.")


class OffboardBody(Ask):
    """A user to offboard."""

    how: Literal["tag", "agents", "move"] = Field(
        description="`tag`: remove the tag; the agents stay. `agents`: delete the user's agents for "
        "good, with the memory that only they have. Agents shared with another user only lose the tag. "
        "`move`: give the agents to the user in `to`."
    )
    to: str | None = Field(None, description="The other user's tag, for `move`.")


class AssignedState(BaseModel):
    """How many agents got the tag."""

    assigned: int = Field(
        description="Number of agents that got the tag. The others already had it."
    )
    change_set: int | None = Field(
        description="Its change-set in the history. Null if nothing changed, and for limited keys."
    )


class BelongingsState(BaseModel):
    """The things of one kind that belong to the user."""

    kind: str
    title: str
    action: str = Field(description="What happens to them.")
    count: int
    ids: list[str] = Field(description="The first of them.")


class OffboardState(PlanState):
    """The plan or the result of offboarding a user."""

    how: Literal["tag", "agents", "move"]
    deleted: int = Field(description="Number of agents deleted for good.")
    kept: int = Field(description="Number of agents that stay and lose the tag.")
    parts: list[BelongingsState] = Field(description="Everything that belongs to the user.")
    receipt: str | None = Field(description="ID of the receipt, once the plan was applied.")


class ReceiptItem(BaseModel):
    """One thing of the user, what was to happen to it, and what reading it back found."""

    kind: str
    id: str
    name: str
    place: str
    action: str
    seen: Literal["waiting", "gone", "still there", "not reachable", "kept", "ended"]
    seen_at: str | None


class ReceiptState(BaseModel):
    """The receipt of an offboarding. `sha256` is the digest of its canonical JSON."""

    user: str
    how: str
    moved_to: str | None
    by: str
    reason: str
    begun_at: str
    watched_until: str
    change_set: int | None
    items: list[ReceiptItem]
    complete: bool = Field(description="True if everything was read back.")
    sha256: str


@router.post(
    "/assign", operation_id="assign_agents_to_user", response=answers(AssignedState, WRITE)
)
def assign_agents(request: HttpRequest, body: AssignBody) -> Answer:
    """Add a user's tag to agents, to all of them or to none. Needs write scope."""
    actor = actor_of(request)
    with named_here(agents="agent_ids"):
        done = assign(name=body.name, agent_ids=body.agent_ids, actor=actor, reason=body.reason)
    number = done.changes.filter(op=Op.ADD).count() if done else 0
    # Change-set numbers would show limited callers how much others do.
    told = done is not None and not actor.limited
    return json_answer({"assigned": number, "change_set": done.id if done and told else None})


@router.post(
    "/move", operation_id="move_agents_to_user", response=answers(PlanState, WRITE) | BEGUN
)
def move_agents(request: HttpRequest, body: MoveBody) -> Answer:
    """Move all agents of a user to another user. Needs manage scope.

    This merges the two tags, or renames the tag if no agent has the other one yet.
    """
    if body.apply:
        return tag_done(bulk.move(name=body.name, to=body.to, **body.asked(request)))
    plan = plan_move(name=body.name, to=body.to, actor=actor_of(request))
    return json_answer(plan_state(plan))


@router.post(
    "/offboard", operation_id="offboard_user", response=answers(OffboardState, WRITE) | BEGUN
)
def offboard_user(request: HttpRequest, body: OffboardBody) -> Answer:
    """Offboard a user: remove their tag from all agents and disable keys limited to it, for good.

    Needs manage scope. Afterwards every thing of the user is looked up again, for the receipt
    (`/v1/users/offboardings/{id}`). For a large number of agents a worker does it: the response is 202
    with a bulk change, see `/v1/bulk/{id}`, and the header `X-ADE-Receipt` has the receipt's ID.
    """
    how = OffboardMode(body.how)
    asked: dict[str, Any] = {"name": body.name, "how": how, "to": body.to}
    plan = make_plan(**asked, actor=actor_of(request))
    if not body.apply:
        return json_answer(_offboard_state(plan))
    row = offboard(**asked, **body.asked(request))
    if row.plan_id is not None:
        answer = plan_answer(BulkPlan.objects.get(id=row.plan_id))
        answer["X-ADE-Receipt"] = str(row.id)
        return answer
    return json_answer(_offboard_state(plan, row))


@router.get(
    "/offboardings/{offboarding_id}",
    operation_id="get_offboarding_receipt",
    response=answers(ReceiptState, READ_ONE),
)
def get_receipt(request: HttpRequest, offboarding_id: UUID) -> Answer:
    """Return the receipt of an offboarding. Needs manage scope."""
    row = get_offboarding(offboarding_id, actor=actor_of(request))
    return json_answer(
        receipt(row) | {"complete": row.checked_at is not None, "sha256": row.digest}
    )


@router.post(
    "/offboardings/{offboarding_id}/check",
    operation_id="check_offboarding",
    response=answers(ReceiptState, WRITE),
)
def check_receipt(request: HttpRequest, offboarding_id: UUID) -> Answer:
    """Look up again what is not settled. Needs manage scope."""
    check(offboarding_id=offboarding_id, actor=actor_of(request))
    return get_receipt(request, offboarding_id)


def _offboard_state(plan: Plan, row: Offboarding | None = None) -> dict[str, Any]:
    count = plan.tag_plan.agents
    deleted = plan.offboard.deleted if plan.offboard else 0
    return plan_state(plan.tag_plan, row.change_set_id if row else None) | {
        "kind": "offboard",
        "how": plan.how,
        "deleted": deleted,
        "kept": plan.offboard.shared if plan.offboard else count,
        "is_job": plan.is_job,
        "fingerprint": plan.fingerprint,
        "parts": [
            {
                "kind": part.kind,
                "title": part.title,
                "action": part.action,
                "count": part.count,
                "ids": [thing.public_id for thing in part.first],
            }
            for part in plan.parts
        ],
        "receipt": str(row.id) if row else None,
    }
