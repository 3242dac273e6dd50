"""Response schemas of the OpenAPI document.

agents.api.agents.json writes the responses without these classes; tests compare the two.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.api.core.common import AGENT_ID, Json

_AgentKey = Annotated[str, Field(pattern=f"^{AGENT_ID}$")]


class Detail(BaseModel):
    """One error in a request, and where it is."""

    model_config = ConfigDict(extra="allow")

    type: str
    loc: list[str | int]
    msg: str


class Problem(BaseModel):
    """Why a request failed: a sentence, or for 422 a list of errors."""

    detail: str | list[Detail]
    code: str = Field(
        description="A code for programs, such as `not_found`, `limit_exceeded` or `tag_too_long`."
    )


class Health(BaseModel):
    """The server's status and versions."""

    version: str = Field(description="The version of Letta's API that ADE implements.")
    status: Literal["ok"]
    ade_version: str


class Done(BaseModel):
    """A confirmation that something was deleted."""

    message: str


class BlockState(BaseModel):
    """A memory block."""

    model_config = ConfigDict(extra="allow")

    id: str
    label: str
    value: str
    limit: int = Field(description="Maximum length of the value, in characters.")
    description: str | None
    read_only: bool
    metadata: Json | None
    tags: list[str] = Field(
        description="The block's own tags. They are separate from agents' tags."
    )
    hidden: bool | None


class MemoryState(BaseModel):
    """An agent's memory."""

    model_config = ConfigDict(extra="allow")

    blocks: list[BlockState]


class IdentityState(BaseModel):
    """A person or organisation that agents belong to."""

    id: str
    identifier_key: str
    name: str
    identity_type: Literal["org", "user", "other"]
    project_id: str | None
    agent_ids: list[str] = Field(
        description="Always empty, as in Letta. List the identity's agents instead."
    )
    block_ids: list[str] = Field(description="Always empty.")
    organization_id: None
    properties: list[Json]


class AgentState(BaseModel):
    """An agent. Fields that Letta's clients expect and ADE does not store are present but empty."""

    model_config = ConfigDict(extra="allow")

    id: _AgentKey
    name: str
    description: str | None
    tags: list[str] = Field(description="Always included, sorted by byte order.")
    model: str = Field(description="provider/name")
    embedding: str | None = Field(description="provider/name")
    created_at: datetime
    updated_at: datetime
    system: str
    llm_config: Json
    embedding_config: Json | None
    metadata: Json | None
    memory: MemoryState
    blocks: list[BlockState]
    identity_ids: list[str]
    identities: list[IdentityState]
    tools: list[Any]
    sources: list[Any]
    agent_type: str
    tool_rules: list[Json]
    timezone: str
    hidden: bool | None
    project_id: str | None
    message_ids: list[str]


class TagsState(BaseModel):
    """All tags of an agent."""

    tags: list[str]


class KeyState(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str
    scope: Literal["read", "write", "manage"]
    limit_tag: str | None
    may_tag: list[str]
    any_label: bool | None = Field(
        description="The key can also write every tag except user tags and protected tags. null for keys "
        "created before this option existed: they can if `may_tag` is empty."
    )
    rights: list[Literal["read_agent", "write_agent", "read_messages", "write_messages"]] = Field(
        description="Its rights on agents: those of its scope, unless it was narrowed."
    )
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    disabled_at: datetime | None
    last_used_at: datetime | None
    is_good: bool


class NewKeyState(KeyState):
    """A new API key, with its secret."""

    token: str


class ModelState(BaseModel):
    """A model that agents can use."""

    model_config = ConfigDict(extra="allow")

    handle: str
    name: str
    provider_name: str
    provider_type: str
    model: str
    context_window: int
    max_context_window: int


class EmbeddingState(BaseModel):
    """An embedding model that agents can use."""

    model_config = ConfigDict(extra="allow")

    handle: str
    name: str
    provider_name: str
    provider_type: str
    embedding_model: str
    embedding_dim: int


class AgentFileState(BaseModel):
    """An agent file: an agent with its tags and memory blocks."""

    model_config = ConfigDict(extra="allow")

    agents: list[Json]
    blocks: list[Json]


class ImportedState(BaseModel):
    """The IDs of the imported agents."""

    agent_ids: list[_AgentKey]


READ = (400, 401, 403, 422)
READ_ONE = (400, 401, 403, 404, 422)
WRITE = (400, 401, 403, 404, 409, 413, 422)
WRITE_IF = (400, 401, 403, 404, 409, 412, 413, 422)

# The views read this header themselves, so ninja does not document it.
IF_MATCH: Json = {
    "parameters": [
        {
            "in": "header",
            "name": "If-Match",
            "schema": {"type": "string"},
            "description": "Only if the agent still has this ETag. Otherwise 412.",
        }
    ]
}


def answers(ok: Any, codes: tuple[int, ...]) -> dict[int, Any]:
    """Return an operation's responses: `ok` for 200, and Problem for each of `codes`."""
    return {200: ok} | dict.fromkeys(codes, Problem)
