"""What requests about identities carry."""

from typing import Annotated, Any, Literal

from ninja import Path
from pydantic import BaseModel, Field

from agents.api.common import UUID4, Body, Json, Span
from agents.limits import AGENTS_PER_IDENTITY_CALL, SEARCH_LENGTH

IdentityId = Annotated[str, Field(pattern=f"^identity-{UUID4}$")]
IdentityPath = Annotated[
    str,
    Path(pattern=f"^identity-{UUID4}$", example="identity-123e4567-e89b-42d3-8456-426614174000"),
]
IdentityType = Literal["org", "user", "other"]


class PropertyBody(Body):
    """One property of an identity."""

    key: str
    value: Any
    type: Literal["string", "number", "boolean", "json"]


class IdentityBody(Body):
    """An identity to be made."""

    identifier_key: str = Field(description="The key the application knows it by; unique.")
    name: str
    identity_type: IdentityType
    project_id: str | None = None
    properties: list[PropertyBody] | None = None
    agent_ids: list[str] | None = Field(
        None, max_length=AGENTS_PER_IDENTITY_CALL, description="Agents that get this identity."
    )

    def given(self) -> Json:
        """The fields as the domain takes them."""
        return given_of(self)


class IdentityEditBody(Body):
    """What of an identity to change: what is absent or null stays."""

    identifier_key: str | None = None
    name: str | None = None
    identity_type: IdentityType | None = None
    properties: list[PropertyBody] | None = None
    agent_ids: list[str] | None = Field(
        None, max_length=AGENTS_PER_IDENTITY_CALL, description="The whole new set of its agents."
    )

    def given(self) -> Json:
        """The fields as the domain takes them."""
        return given_of(self)


def given_of(body: BaseModel) -> Json:
    """The fields that are not null, as plain values."""
    return {name: value for name, value in body.model_dump().items() if value is not None}


class WhichIdentities(BaseModel):
    """Which identities; what is given must all hold."""

    identifier_key: str | None = Field(None, description="The exact key.")
    name: str = Field("", max_length=SEARCH_LENGTH, description="Part of the name, in any case.")
    identity_type: IdentityType | None = None
    project_id: str | None = None


class IdentityListQuery(WhichIdentities, Span):
    """A page of identities."""

    order: Literal["asc", "desc"] = "desc"
    order_by: Literal["created_at"] = "created_at"
