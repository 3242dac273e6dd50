"""/v1/crossings: memory blocks and identities that agents of several users share. Not part of Letta's API."""

from datetime import UTC

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.field_names import FilterQuery
from agents.api.core.pages import link_next
from agents.api.core.schemas import READ, answers
from agents.core.actors import Power
from agents.queries.crossings import crossing_page
from agents.tasks.crossings import ask_to_look

router = Router(tags=["users"])


class CrossingQuery(FilterQuery):
    """Which crossings, and which page of them."""

    limit: int = Field(50, ge=1, le=100)
    after: int | None = Field(None, ge=1, le=2**62, description="The `after` of the previous page.")
    meant: bool = Field(False, description="Only those that are marked as meant to be shared.")


class CrossingState(BaseModel):
    """One thing that agents of several users share."""

    kind: str
    id: str
    name: str
    source: str | None = Field(description="The source that has the memory block; null for ADE.")
    users: list[str]
    agents: int = Field(description="How many agents have it, up to 1,000.")
    since: str
    change_set: int | None
    meant_reason: str | None


class CrossingsState(BaseModel):
    """A page of crossings. `complete` is false while ADE still looks through the history."""

    crossings: list[CrossingState]
    after: int | None
    complete: bool


@router.get("", operation_id="list_crossings", response=answers(CrossingsState, READ))
def list_crossings(request: HttpRequest, query: Query[CrossingQuery]) -> Answer:
    """List memory blocks and identities that agents of several users share. Needs manage scope."""
    actor = actor_of(request)
    actor.require(Power.MANAGE, "list crossings")
    actor.require_unlimited("may not see crossings")
    complete = ask_to_look()
    page = crossing_page(actor=actor, size=query.limit, after=query.after, meant=query.meant)
    response = json_answer(
        {
            "crossings": [
                {
                    "kind": one.row.kind,
                    "id": one.row.public_id,
                    "name": one.title,
                    "source": one.place or None,
                    "users": one.users,
                    "agents": one.agents,
                    "since": one.row.since.astimezone(UTC).isoformat(),
                    "change_set": one.row.change_set_id,
                    "meant_reason": one.row.meant_reason,
                }
                for one in page.rows
            ],
            "after": page.after,
            "complete": complete,
        }
    )
    return link_next(response, request, page.after)
