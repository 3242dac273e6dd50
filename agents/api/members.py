"""/v1/members/: the members who sign in to the pages, their role and limit. Not part of Letta's API."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from ade.models import Role, User
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.common import Body
from agents.api.core.pages import link_next
from agents.api.core.schemas import READ, WRITE, answers
from agents.core.reach import TAGS_MOST
from agents.domain.core.unset import UNSET
from agents.domain.members import change_member, limit_of, require_members

router = Router(tags=["members"])
_PAGE = 100
RoleName = Literal["viewer", "editor", "manager", "admin"]


class MembersQuery(BaseModel):
    """Which page of members."""

    after: int | None = Field(
        None, ge=1, lt=1 << 63, description="ID of the last member on the previous page."
    )


class MemberBody(Body):
    """What to change. Fields that are left out stay as they are."""

    limit: Annotated[list[str], Field(max_length=TAGS_MOST)] | None = Field(
        None,
        description="Up to 10 tags: the member can access only agents with any of them. null: all agents. "
        "An empty list is refused.",
    )
    role: RoleName | None = Field(
        None, description="The new role. A key cannot make an admin or change one."
    )


class MemberState(BaseModel):
    """A member of staff."""

    id: int
    username: str
    name: str
    role: RoleName
    limit: list[str] | None = Field(
        description="The tags that the member is limited to. null: all agents. Empty: no agent, because the "
        "tags were deleted."
    )
    is_active: bool
    last_sign_in: datetime | None


@router.get("/", operation_id="list_members", response=answers(list[MemberState], READ))
def list_members(request: HttpRequest, query: Query[MembersQuery]) -> Answer:
    """List members by id, up to 100. Needs manage scope. For the next page, pass the last ID as `after`."""
    require_members(actor_of(request))
    found = User.objects.filter(pk__gt=query.after or 0).order_by("pk")
    rows = list(found[: _PAGE + 1])
    page, more = rows[:_PAGE], len(rows) > _PAGE
    response = json_answer([_state(member) for member in page])
    return link_next(response, request, page[-1].pk if more else None)


@router.patch("/{member_id}", operation_id="change_member", response=answers(MemberState, WRITE))
def change(request: HttpRequest, member_id: Path[int], body: MemberBody) -> Answer:
    """Change a member's role, or the tags that the member is limited to. Needs manage scope."""
    changed = change_member(
        member_id=member_id,
        role=None if body.role is None else Role(body.role),
        limit=body.limit if "limit" in body.model_fields_set else UNSET,
        actor=actor_of(request),
    )
    return json_answer(_state(changed))


def _state(member: User) -> dict[str, Any]:
    return {
        "id": member.pk,
        "username": member.username,
        "name": member.display_name,
        "role": member.role,
        "limit": None if member.stored_reach is None else list(limit_of(member)),
        "is_active": member.is_active,
        "last_sign_in": member.last_login,
    }
