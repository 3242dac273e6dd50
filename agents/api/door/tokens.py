"""/v1/client-side-access-tokens: tokens for the pages of an application, as Letta's client asks for them."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from ade.http import show_once
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import RightlessKeyAuth, actor_of
from agents.api.core.common import Body
from agents.api.core.schemas import READ, WRITE, answers
from agents.api.door.access import RightName
from agents.core.agent_rights import Right
from agents.core.errors import Invalid
from agents.core.json_text import loads
from agents.core.tag_text import text_problem
from agents.domain.core.key_tokens import PREFIX
from agents.domain.door import access_tokens
from agents.models import AccessToken

router = Router(tags=["access"], auth=RightlessKeyAuth())


class PolicyItem(Body):
    """The rights on one agent."""

    type: Literal["agent"]
    id: str
    access: list[RightName] = Field(max_length=4)


class TokenBody(Body):
    """A token to create."""

    hostname: str = Field(
        description="The origin of the pages that use it: https://app.example.org."
    )
    policy: list[PolicyItem] = Field(max_length=1000)
    expires_at: str | None = Field(None, description="An ISO time. Default: in 5 minutes.")


class TokensQuery(BaseModel):
    """Which tokens."""

    agent_id: str | None = Field(None, alias="agentId", max_length=100)
    limit: float = Field(10, ge=1, le=1000)
    offset: float = Field(0, ge=0, le=100_000)


class PolicyState(BaseModel):
    """The rights of a token."""

    version: Literal["1"]
    data: list[PolicyItem]


class TokenState(BaseModel):
    """A token. Lists show only the start of `token`."""

    token: str
    expiresAt: str  # noqa: N815  # the name in Letta's JSON
    hostname: str
    policy: PolicyState


class TokensState(BaseModel):
    """A page of tokens, newest first."""

    tokens: list[TokenState]
    hasNextPage: bool  # noqa: N815  # the name in Letta's JSON


@router.post("", operation_id="create_access_token", response=answers(TokenState, WRITE))
def create_access_token(request: HttpRequest, body: TokenBody) -> Answer:
    """Create a token for the pages of one origin. The key must have every right on every agent.

    The `token` is shown only in this response. It ends with the key.
    """
    if len({item.id for item in body.policy}) < len(body.policy):
        raise Invalid("The policy names an agent twice.", field="policy")
    policy = {item.id: [Right(name) for name in item.access] for item in body.policy}
    made = access_tokens.create_access_token(
        hostname=body.hostname,
        policy=policy,
        expires_at=_moment(body.expires_at),
        actor=actor_of(request),
    )
    return show_once(json_answer(_state(made.row, made.token)))


@router.get("", operation_id="list_access_tokens", response=answers(TokensState, READ))
def list_access_tokens(request: HttpRequest, query: Query[TokensQuery]) -> Answer:
    """List the tokens that work and that this key made; with manage scope, all."""
    rows = access_tokens.access_tokens_of(actor_of(request)).order_by("-id")
    if query.agent_id is not None:
        known = not text_problem(query.agent_id)
        rows = rows.filter(policy__contains=f'"{query.agent_id}"') if known else rows.none()
    start, size = int(query.offset), int(query.limit)
    found = list(rows[start : start + size + 1])
    tokens = [_state(row, f"{PREFIX}{row.token_id}_…") for row in found[:size]]
    return json_answer({"tokens": tokens, "hasNextPage": len(found) > size})


@router.delete(
    "/{access_token}", operation_id="delete_access_token", response=answers(dict[str, Any], WRITE)
)
def delete_access_token(request: HttpRequest, access_token: Path[str]) -> Answer:
    """End a token at once. Pass it, or what the list shows of it."""
    access_tokens.delete_access_token(token=access_token, actor=actor_of(request))
    return json_answer({})


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid("The time must be like 2030-01-31T12:00:00Z.", field="expires_at") from error
    if moment.tzinfo is None:
        raise Invalid("The time needs a time zone, such as Z.", field="expires_at")
    return moment


def _state(row: AccessToken, token: str) -> dict[str, Any]:
    data = [
        {"type": "agent", "id": agent_id, "access": access}
        for agent_id, access in loads(row.policy).items()
    ]
    return {
        "token": token,
        "expiresAt": row.expires_at.isoformat(),
        "hostname": row.hostname,
        "policy": {"version": "1", "data": data},
    }
