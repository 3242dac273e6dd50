"""Request bodies and queries for memory blocks."""

from typing import Annotated, Literal

from ninja import Path
from pydantic import Field

from agents.api.core.common import UUID4, Json, OpenBody, Span
from agents.api.core.field_names import FilterQuery
from agents.core.limits import FILTER_TAGS, PAGE_MOST, SEARCH_LENGTH
from agents.domain.memory.new import BLOCK_EXTRA_DEFAULTS, NewBlock

_Part = Annotated[str, Field(max_length=SEARCH_LENGTH)]
_Number = Annotated[int, Field(ge=0, le=10**9)]
BlockId = Annotated[str, Field(pattern=f"^block-{UUID4}$")]
BlockPath = Annotated[
    str, Path(pattern=f"^block-{UUID4}$", example="block-123e4567-e89b-42d3-8456-426614174000")
]


class BlockExtras(OpenBody):
    """Fields that ADE stores and returns without using them."""

    tags: list[str] | None = Field(
        None, description="The block's own tags. They are separate from agents' tags."
    )
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
        """Return the given fields."""
        values = {name: getattr(self, name) for name in BLOCK_EXTRA_DEFAULTS}
        return {name: value for name, value in values.items() if value is not None}


class NewBlockBody(BlockExtras):
    """A memory block to create."""

    label: str
    value: str = ""
    limit: int | None = Field(None, description="In characters.")
    description: str | None = None
    read_only: bool = False
    metadata: Json | None = None

    def new(self) -> NewBlock:
        """Return the block for the domain to create."""
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
    """Changes to a memory block. Absent or null fields stay as they are."""

    label: str | None = None
    value: str | None = None
    limit: int | None = Field(None, description="In characters.")
    description: str | None = None
    read_only: bool | None = None
    metadata: Json | None = None

    def given(self) -> Json:
        """Return the block's own fields that were given."""
        names = ("label", "value", "limit", "description", "read_only", "metadata")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


class BlocksQuery(Span):
    """Which page of an agent's memory blocks. Without a limit, all of them."""

    limit: int = Field(0, ge=0, le=PAGE_MOST, description="0 means all.")
    order: Literal["asc", "desc"] = "asc"


class WhichBlocks(FilterQuery):
    """Which blocks. A block must match all given parameters."""

    label: str | None = Field(None, description="The exact label.")
    label_search: _Part = Field("", description="Part of the label; case is ignored.")
    description_search: _Part = Field("", description="Part of the description; case is ignored.")
    value_search: _Part = Field("", description="Part of the value; case is ignored.")
    tags: list[str] = Field(
        [],
        max_length=FILTER_TAGS,
        description="The block's own tags. Repeat the parameter for several.",
    )
    match_all_tags: bool = Field(False, description="Match all of `tags`, not any of them.")
    connected_to_agents_count_eq: list[_Number] = Field(
        [], max_length=FILTER_TAGS, description="Any of these numbers of agents."
    )
    connected_to_agents_count_gt: _Number | None = None
    connected_to_agents_count_lt: _Number | None = None
    show_hidden_blocks: bool | None = Field(None, description="Include hidden blocks.")
    show_hidden_agents: bool | None = Field(None, description="Same as `show_hidden_blocks`.")
    # No block in ADE has these, so a filter by any of them finds nothing.
    name: str | None = None
    identity_id: str | None = None
    identifier_keys: list[str] = Field([])
    project_id: str | None = None
    templates_only: bool = False


class BlockListQuery(WhichBlocks, Span):
    """Which blocks, and which page of them."""

    order: Literal["asc", "desc"] = "asc"
    order_by: Literal["created_at"] = "created_at"
