"""Request bodies and queries for identities."""

from typing import Annotated, Any, Literal

from ninja import Path
from pydantic import BaseModel, Field

from agents.api.core.common import UUID4, Body, Json, OpenBody, Span
from agents.api.core.field_names import FilterQuery
from agents.core.limits import AGENTS_PER_IDENTITY_CALL, SEARCH_LENGTH

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


class IdentityBody(OpenBody):
    """An identity to create."""

    identifier_key: str = Field(
        description="Your application's key for this identity. Must be unique."
    )
    name: str
    identity_type: IdentityType
    project_id: str | None = None
    properties: list[PropertyBody] | None = None
    agent_ids: list[str] | None = Field(
        None, max_length=AGENTS_PER_IDENTITY_CALL, description="Agents to attach this identity to."
    )

    def given(self) -> Json:
        """The fields as the domain takes them."""
        return given_of(self)


class IdentityEditBody(OpenBody):
    """Changes to an identity. Absent or null fields stay as they are."""

    identifier_key: str | None = None
    name: str | None = None
    identity_type: IdentityType | None = None
    properties: list[PropertyBody] | None = None
    agent_ids: list[str] | None = Field(
        None,
        max_length=AGENTS_PER_IDENTITY_CALL,
        description="Replaces all agents of this identity.",
    )

    def given(self) -> Json:
        """The fields as the domain takes them."""
        return given_of(self)


def given_of(body: BaseModel) -> Json:
    """Return the declared fields that are not null, as plain values."""
    values = body.model_dump(include=set(type(body).model_fields))
    return {name: value for name, value in values.items() if value is not None}


class WhichIdentities(FilterQuery):
    """Which identities. An identity must match all given parameters."""

    identifier_key: str | None = Field(None, description="The exact key.")
    name: str = Field(
        "", max_length=SEARCH_LENGTH, description="Part of the name; case is ignored."
    )
    identity_type: IdentityType | None = None
    project_id: str | None = None


class IdentityListQuery(WhichIdentities, Span):
    """Which identities, and which page of them."""

    order: Literal["asc", "desc"] = "desc"
    order_by: Literal["created_at"] = "created_at"
