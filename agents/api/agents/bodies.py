"""Request bodies and queries for agents, tags, models and keys.

These classes check types only; the domain checks texts and limits. Types are strict: "5" is not a
number, 1 is not a boolean. The response header X-ADE-Not-Kept names unknown fields, which Letta
ignores.
"""

from typing import Annotated, Any, ClassVar, Literal, Self

from ninja import Path
from pydantic import BaseModel, Field, create_model, model_validator

from agents.api.core.common import AGENT_ID, Body, Json, Limited, OpenBody, Span
from agents.api.core.field_names import FilterQuery, meant, place_of
from agents.api.identities.bodies import IdentityId
from agents.api.memory.bodies import BlockId, NewBlockBody
from agents.core.errors import Invalid
from agents.core.tag_text import shown
from agents.domain.agents.client_fields import SECRET_FIELDS
from agents.domain.agents.letta_fields import API_TYPES

AgentId = Annotated[
    str, Path(pattern=f"^{AGENT_ID}$", example="agent-123e4567-e89b-42d3-8456-426614174000")
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


# The fields that ADE stores and returns without using them.
_letta_fields: dict[str, Any] = {name: (kind, None) for name, kind in API_TYPES.items()}
_LettaBody = create_model("_LettaBody", __base__=OpenBody, **_letta_fields)


class Own(_LettaBody):
    """An agent's own fields, for creating and editing. Null means "not given"."""

    not_stored: ClassVar[tuple[str, ...]] = SECRET_FIELDS
    name: str | None = None
    description: str | None = None
    model: str | None = Field(None, description="provider/name")
    llm: str | None = Field(None, description="Another name for `model`.")
    embedding: str | None = Field(None, description="provider/name")
    context_window_limit: int | None = Field(None, description="In tokens.")
    system: str | None = None
    llm_config: Json | None = None
    embedding_config: Json | None = None
    metadata: Json | None = None

    def given(self) -> Json:
        """Return the given fields, with `llm` as `model`."""
        names = [name for name in Own.model_fields if name not in API_TYPES]
        values = {name: getattr(self, name) for name in names}
        llm = values.pop("llm")
        if values["model"] is None:
            values["model"] = llm
        return {name: value for name, value in values.items() if value is not None}


class AgentBody(Own):
    """An agent to create. It needs one of `model`, `llm` and `llm_config`."""

    tags: list[str] | None = Field(None, description="Exact strings. Duplicates are ignored.")
    memory_blocks: list[NewBlockBody] | None = None
    block_ids: list[BlockId] | None = None
    identity_ids: list[IdentityId] | None = None
    source: str | None = Field(
        None,
        description="Create the agent at the connected server with this name. Empty: in ADE only. Without "
        "it, `DEFAULT_SOURCE` decides.",
    )


class AgentEditBody(Own):
    """Changes to an agent. Absent or null fields stay as they are."""

    tags: list[str] | None = Field(
        None, description="Replaces all tags; [] removes all. To add or remove some, POST .../tags."
    )
    identity_ids: list[IdentityId] | None = Field(None, description="Replaces all identities.")
    block_ids: list[BlockId] | None = Field(None, description="Replaces all memory blocks.")


class TagsBody(OpenBody):
    """Tags to add and to remove. Adding a tag that the agent already has changes nothing."""

    add: list[str] = Field([])
    remove: list[str] = Field([])
    reason: str = Field("", description="Shown in the history of the agent.")

    @model_validator(mode="after")
    def refuse_others(self) -> Self:
        """Refuse `tags`, which would replace all tags, and a body that says nothing known.

        Raises Invalid.
        """
        unknown = [name for name, value in (self.model_extra or {}).items() if value is not None]
        for name in unknown:
            if meant(name, ("tags",)):
                raise Invalid(
                    "Use `add` and `remove` here. To replace all tags, PATCH the agent.",
                    field=name,
                )
        if unknown and not (self.add or self.remove):
            raise Invalid(
                f"There is no field {shown(unknown[0])}. Use `add` and `remove`.",
                field=place_of(unknown[0]),
            )
        return self


class Which(FilterQuery):
    """Which agents. An agent must match all given parameters."""

    letta_only = frozenset({"ascending", "sort_by"})

    tags: list[str] = Field([], description="Exact tags. Repeat the parameter for several.")
    match_all_tags: bool = Field(False, description="Match all of `tags`, not any of them.")
    exclude_tags: list[str] = Field([], description="Leave out agents with any of these tags.")
    untagged: bool = Field(False, description="Only agents without tags.")
    model: list[str] = Field([], description="Any of these model handles.")
    name: str | None = Field(None, description="The exact name.")
    query_text: str | None = Field(None, description="Part of the name; case is ignored.")
    source: list[str] = Field(
        [], description="Only agents of a connected server with any of these names."
    )
    identity_id: str | None = Field(None, description="Only agents with this identity.")
    identifier_keys: list[str] = Field(
        [], description="Only agents with an identity that has any of these keys."
    )
    show_hidden_agents: bool | None = Field(None, description="Include hidden agents.")
    # ADE does not filter by these, so it finds no agent.
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    created_by_id: str | None = None
    last_stop_reason: str | None = None


class Included(BaseModel):
    """What to return besides an agent's own fields and tags."""

    include: list[Include] = []
    include_relationships: list[str] = Field([], description="The old form of `include`.")


class ListQuery(Which, Included, Span):
    """Which agents, and which page of them."""

    order: Literal["asc", "desc"] = "desc"
    order_by: Literal["created_at", "updated_at", "last_run_completion"] = "created_at"


class OwnAgentsQuery(FilterQuery, Included, Span):
    """Which page of the agents of a memory block or an identity."""

    letta_only = frozenset({"ascending", "sort_by"})

    order: Literal["asc", "desc"] = "desc"
    show_hidden_agents: bool | None = Field(None, description="Include hidden agents.")


class TagsQuery(FilterQuery, Span):
    """Which page of tags."""

    name: str | None = Field(None, description="Part of the tag; case is ignored.")
    query_text: str | None = Field(None, description="Another name for `name`.")
    order: Literal["asc", "desc"] = "asc"
    order_by: Literal["name"] = "name"


class ExportQuery(BaseModel):
    """How to export. ADE stores no messages, so `scrub_messages` has no effect."""

    scrub_messages: bool = False
    use_legacy_format: bool = Field(False, description="Not supported. Must be false.")


class ImportForm(BaseModel):
    """How to import the uploaded `file`."""

    append_copy_suffix: bool = Field(True, description="Add _copy to the agents' names.")
    name: str | None = Field(None, description="Name for the agents, instead of the file's.")
    override_name: str | None = Field(None, description="Another name for `name`.")
    model: str | None = Field(None, description="provider/name, instead of the file's.")
    override_model_handle: str | None = Field(None, description="Another name for `model`.")
    embedding: str | None = Field(None, description="provider/name, instead of the file's.")
    override_embedding_handle: str | None = Field(None, description="Another name for `embedding`.")


class ModelsQuery(BaseModel):
    """Which models."""

    provider_name: str | None = None
    provider_type: str | None = None
    provider_category: list[str] = []


class NewKeyBody(Body):
    """A key to create, limited to one user's agents."""

    name: str = Field(description="What the key is for. The history shows it.")
    limit_tag: str = Field(description="The key can access only agents with this tag.")
    scope: Literal["read", "write"] = "write"
    may_tag: list[str] = Field(
        [],
        description="Patterns of tags that the key can write; * matches any text. If empty, it can "
        "write only `limit_tag`, which it adds to the agents that it creates.",
    )
    any_label: bool = Field(
        False,
        description="The key can also write every tag except user tags (USER_TAG_PATTERNS) and "
        "protected tags (PROTECTED_TAGS). This includes tags that other keys are limited to, "
        "unless they match a user tag pattern.",
    )
    names_user: bool = Field(
        False, description="Mark `limit_tag` as a user tag, if it matches no user tag pattern."
    )
    preset: Literal["", "letta-code"] = Field(
        "",
        description="`letta-code`: the key can also write the tags that Letta Code uses to create and "
        "pin agents.",
    )
    rights: list[Literal["read_agent", "write_agent", "read_messages", "write_messages"]] | None = (
        Field(
            None,
            max_length=4,
            description="Narrows the rights of the scope, in ADE and behind the front door. An empty list leaves "
            "none. To change agents in ADE a key needs `read_agent` and `write_agent`.",
        )
    )
    expires_in: int = Field(3600, ge=1, le=10**9, description="Lifetime in seconds.")


class KeysQuery(FilterQuery, Limited):
    """Which page of keys."""

    after: str | None = Field(None, description="ID of the last key on the previous page.")
    limit_tag: str | None = Field(None, description="Only keys limited to this tag.")
