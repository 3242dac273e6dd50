"""What requests carry: types only. Text and limits are the domain's to check.

Unknown fields are ignored, as Letta does. Bodies are strict: "5" is no number, 1 is no truth value.
"""

from typing import Annotated, Any, Literal

from ninja import Path
from pydantic import BaseModel, ConfigDict, Field

from agents.limits import PAGE_DEFAULT, PAGE_MOST

_UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
AgentId = Annotated[
    str, Path(pattern=f"^agent-{_UUID4}$", example="agent-123e4567-e89b-42d3-8456-426614174000")
]
BlockId = Annotated[str, Field(pattern=f"^block-{_UUID4}$")]

Json = dict[str, Any]
Include = Literal[
    "agent.blocks",
    "agent.identities",
    "agent.managed_group",
    "agent.pending_approval",
    "agent.secrets",
    "agent.sources",
    "agent.tags",
    "agent.tools",
]


class Body(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(strict=True, extra="ignore")


class NewBlockBody(Body):
    """A memory block of a new agent."""

    label: str
    value: str = ""
    limit: int | None = None
    description: str | None = None
    read_only: bool = False
    metadata: Json | None = None


class Kept(Body):
    """Fields that ADE keeps and gives back and does not interpret."""

    agent_type: str | None = None
    tool_rules: list[Json] | None = None
    model_settings: Json | None = None
    compaction_settings: Json | None = None
    response_format: Json | None = None
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    message_buffer_autoclear: bool | None = None
    enable_sleeptime: bool | None = None
    timezone: str | None = None
    max_files_open: int | None = None
    per_file_view_window_char_limit: int | None = None
    hidden: bool | None = None

    def extra(self) -> Json:
        """Those of the fields that were given."""
        values = {name: getattr(self, name) for name in Kept.model_fields}
        return {name: value for name, value in values.items() if value is not None}


class Own(Kept):
    """An agent's own fields, the same in a creation and in an edit. Null is as good as absent."""

    name: str | None = None
    description: str | None = None
    model: str | None = Field(None, description="provider/name")
    llm: str | None = Field(None, description="Another name for `model`.")
    embedding: str | None = Field(None, description="provider/name")
    context_window_limit: int | None = Field(None, description="Tokens.")
    system: str | None = None
    llm_config: Json | None = None
    embedding_config: Json | None = None
    metadata: Json | None = None

    def given(self) -> Json:
        """Those of the fields that were given, `llm` as `model`."""
        names = [name for name in Own.model_fields if name not in Kept.model_fields]
        values = {name: getattr(self, name) for name in names}
        llm = values.pop("llm")
        if values["model"] is None:
            values["model"] = llm
        return {name: value for name, value in values.items() if value is not None}


class AgentBody(Own):
    """An agent to be made. One of `model`, `llm` and `llm_config` says what it runs on."""

    tags: list[str] | None = Field(None, description="Exact strings; repeated ones count once.")
    memory_blocks: list[NewBlockBody] | None = None
    block_ids: list[BlockId] | None = None


class AgentEditBody(Own):
    """What of an agent to change: what is absent or null stays."""

    tags: list[str] | None = Field(
        None, description="The whole new set: [] takes all off. To add or remove, POST .../tags."
    )


class TagsBody(Body):
    """Tags to add and to remove; adding one that is there changes nothing."""

    add: list[str] = []
    remove: list[str] = []


class BlockEditBody(Body):
    """What of a memory block to change: what is absent or null stays."""

    value: str | None = None
    limit: int | None = Field(None, description="Characters.")
    description: str | None = None


class Which(BaseModel):
    """Which agents; what is given must all hold."""

    tags: list[str] = Field([], description="Exact tags; repeat it for several.")
    match_all_tags: bool = Field(False, description="All of `tags`, not any of them.")
    exclude_tags: list[str] = Field([], description="None of these tags.")
    untagged: bool = Field(False, description="Only agents without a tag.")
    model: list[str] = Field([], description="Any of these model handles.")
    name: str | None = Field(None, description="The exact name.")
    query_text: str | None = Field(None, description="Part of the name, in any case.")
    # ADE keeps none of these: no agent has one, so none is found.
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    identity_id: str | None = None
    identifier_keys: list[str] = []
    created_by_id: str | None = None


class Included(BaseModel):
    """What an agent's answer carries besides its own fields and tags."""

    include: list[Include] = []
    include_relationships: list[str] = Field([], description="The old form of `include`.")


class Span(BaseModel):
    """Which part of a list."""

    limit: int = Field(PAGE_DEFAULT, ge=0, le=PAGE_MOST, description="0 means the most, 1,000.")
    after: str | None = Field(None, description="Go on after this one.")
    before: str | None = Field(None, description="The ones next before this one.")

    @property
    def size(self) -> int:
        return self.limit or PAGE_MOST


class BlocksQuery(Span):
    """A page of an agent's memory blocks; without a limit, all of them."""

    limit: int = Field(0, ge=0, le=PAGE_MOST, description="0 means all.")
    order: Literal["asc", "desc"] = "asc"


class ListQuery(Which, Included, Span):
    """A page of agents."""

    order: Literal["asc", "desc"] = "desc"
    order_by: Literal["created_at", "updated_at", "last_run_completion"] = "created_at"


class TagsQuery(Span):
    """A page of tags."""

    name: str | None = Field(None, description="Part of the tag, in any case.")
    query_text: str | None = Field(None, description="Another name for `name`.")
    order: Literal["asc", "desc"] = "asc"


class NewKeyBody(Body):
    """A key to be made, which holds one user."""

    name: str = Field(description="What it is for; history shows it.")
    limit_tag: str = Field(description="Only agents with this tag exist for the key.")
    scope: Literal["read", "write"] = "write"
    may_tag: list[str] = Field(
        [],
        description="Patterns of the tags it may write, * for any text. Without one: every tag "
        "that names no user and is not protected.",
    )
    expires_in: int = Field(3600, ge=1, le=10**9, description="Seconds.")


class KeysQuery(BaseModel):
    """A page of keys."""

    limit: int = Field(PAGE_DEFAULT, ge=0, le=PAGE_MOST, description="0 means the most, 1,000.")
    after: str | None = Field(None, description="Go on after this one.")
    limit_tag: str | None = Field(None, description="Those limited to this tag.")

    @property
    def size(self) -> int:
        return self.limit or PAGE_MOST
