"""What requests carry: types only. Text and limits are the domain's to check.

Unknown fields are ignored, as Letta does. Bodies are strict: "5" is no number, 1 is no truth value.
"""

from typing import Annotated, Literal

from ninja import Path
from pydantic import BaseModel, Field

from agents.api.block_bodies import BlockId, NewBlockBody
from agents.api.common import UUID4, Body, Json, Limited, Span
from agents.api.identity_bodies import IdentityId

AgentId = Annotated[
    str, Path(pattern=f"^agent-{UUID4}$", example="agent-123e4567-e89b-42d3-8456-426614174000")
]
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
    identity_ids: list[IdentityId] | None = None


class AgentEditBody(Own):
    """What of an agent to change: what is absent or null stays."""

    tags: list[str] | None = Field(
        None, description="The whole new set: [] takes all off. To add or remove, POST .../tags."
    )
    identity_ids: list[IdentityId] | None = Field(None, description="The whole new set.")


class TagsBody(Body):
    """Tags to add and to remove; adding one that is there changes nothing."""

    add: list[str] = Field([])
    remove: list[str] = Field([])


class Which(BaseModel):
    """Which agents; what is given must all hold."""

    tags: list[str] = Field([], description="Exact tags; repeat it for several.")
    match_all_tags: bool = Field(False, description="All of `tags`, not any of them.")
    exclude_tags: list[str] = Field([], description="None of these tags.")
    untagged: bool = Field(False, description="Only agents without a tag.")
    model: list[str] = Field([], description="Any of these model handles.")
    name: str | None = Field(None, description="The exact name.")
    query_text: str | None = Field(None, description="Part of the name, in any case.")
    identity_id: str | None = Field(None, description="Only agents of this identity.")
    identifier_keys: list[str] = Field([], description="Of an identity with any of these keys.")
    # ADE keeps none of these: no agent has one, so none is found.
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    created_by_id: str | None = None


class Included(BaseModel):
    """What an agent's answer carries besides its own fields and tags."""

    include: list[Include] = []
    include_relationships: list[str] = Field([], description="The old form of `include`.")


class ListQuery(Which, Included, Span):
    """A page of agents."""

    order: Literal["asc", "desc"] = "desc"
    order_by: Literal["created_at", "updated_at", "last_run_completion"] = "created_at"


class OwnAgentsQuery(Included, Span):
    """A page of the agents of a memory block or an identity."""

    order: Literal["asc", "desc"] = "desc"


class TagsQuery(Span):
    """A page of tags."""

    name: str | None = Field(None, description="Part of the tag, in any case.")
    query_text: str | None = Field(None, description="Another name for `name`.")
    order: Literal["asc", "desc"] = "asc"


class ExportQuery(BaseModel):
    """How to export. ADE keeps no messages, so there are none to leave out."""

    scrub_messages: bool = False
    use_legacy_format: bool = Field(False, description="Refused: the current form only.")


class ImportForm(BaseModel):
    """How to import; the file is sent as `file`."""

    append_copy_suffix: bool = Field(True, description="Add _copy to the names of the agents.")
    name: str | None = Field(None, description="The name of the agents instead.")
    override_name: str | None = Field(None, description="Another name for `name`.")
    model: str | None = Field(None, description="provider/name, instead of the file's.")
    override_model_handle: str | None = Field(None, description="Another name for `model`.")
    embedding: str | None = Field(None, description="provider/name, instead of the file's.")
    override_embedding_handle: str | None = Field(None, description="Another for `embedding`.")


class ModelsQuery(BaseModel):
    """Which models."""

    provider_name: str | None = None
    provider_type: str | None = None
    provider_category: list[str] = []


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


class KeysQuery(Limited):
    """A page of keys."""

    after: str | None = Field(None, description="Go on after this one.")
    limit_tag: str | None = Field(None, description="Those limited to this tag.")
