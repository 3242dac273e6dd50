"""What requests about memory blocks carry."""

from typing import Annotated, Literal

from ninja import Path
from pydantic import BaseModel, Field

from agents.api.common import UUID4, Body, Json, Span
from agents.domain.newagents import BLOCK_EXTRA_DEFAULTS, NewBlock
from agents.limits import FILTER_TAGS, PAGE_MOST, SEARCH_LENGTH

_Part = Annotated[str, Field(max_length=SEARCH_LENGTH)]
_Number = Annotated[int, Field(ge=0, le=10**9)]
BlockId = Annotated[str, Field(pattern=f"^block-{UUID4}$")]
BlockPath = Annotated[
    str, Path(pattern=f"^block-{UUID4}$", example="block-123e4567-e89b-42d3-8456-426614174000")
]


class BlockExtras(Body):
    """Fields that ADE keeps and gives back and does not interpret."""

    tags: list[str] | None = Field(None, description="The block's own; no agent carries them.")
    project_id: str | None = None
    template_name: str | None = None
    is_template: bool | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    deployment_id: str | None = None
    entity_id: str | None = None
    preserve_on_migration: bool | None = None
    hidden: bool | None = None

    def extra(self) -> Json:
        """Those of the fields that were given."""
        values = {name: getattr(self, name) for name in BLOCK_EXTRA_DEFAULTS}
        return {name: value for name, value in values.items() if value is not None}


class NewBlockBody(BlockExtras):
    """A memory block to be made."""

    label: str
    value: str = ""
    limit: int | None = Field(None, description="Characters.")
    description: str | None = None
    read_only: bool = False
    metadata: Json | None = None

    def new(self) -> NewBlock:
        """The block as the domain makes it."""
        return NewBlock(
            label=self.label,
            value=self.value,
            limit=self.limit,
            description=self.description,
            read_only=self.read_only,
            metadata=self.metadata,
            extra=self.extra(),
        )


class BlockEditBody(BlockExtras):
    """What of a memory block to change: what is absent or null stays."""

    label: str | None = None
    value: str | None = None
    limit: int | None = Field(None, description="Characters.")
    description: str | None = None
    read_only: bool | None = None
    metadata: Json | None = None

    def given(self) -> Json:
        """Those of the block's own fields that were given."""
        names = ("label", "value", "limit", "description", "read_only", "metadata")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


class BlocksQuery(Span):
    """A page of an agent's memory blocks; without a limit, all of them."""

    limit: int = Field(0, ge=0, le=PAGE_MOST, description="0 means all.")
    order: Literal["asc", "desc"] = "asc"


class WhichBlocks(BaseModel):
    """Which blocks; what is given must all hold."""

    label: str | None = Field(None, description="The exact label.")
    label_search: _Part = Field("", description="Part of the label, in any case.")
    description_search: _Part = Field("", description="Part of the description, in any case.")
    value_search: _Part = Field("", description="Part of the value, in any case.")
    tags: list[str] = Field(
        [], max_length=FILTER_TAGS, description="The block's own tags; repeat it for several."
    )
    match_all_tags: bool = Field(False, description="All of `tags`, not any of them.")
    connected_to_agents_count_eq: list[_Number] = Field(
        [], max_length=FILTER_TAGS, description="Any of these numbers."
    )
    connected_to_agents_count_gt: _Number | None = None
    connected_to_agents_count_lt: _Number | None = None
    # No block here has one of these, so none is found.
    name: str | None = None
    identity_id: str | None = None
    identifier_keys: list[str] = []
    project_id: str | None = None
    templates_only: bool = False


class BlockListQuery(WhichBlocks, Span):
    """A page of memory blocks."""

    order: Literal["asc", "desc"] = "asc"
    order_by: Literal["created_at"] = "created_at"
