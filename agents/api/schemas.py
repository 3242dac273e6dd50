"""What answers carry, for the OpenAPI document. Answers are written by agents.api.state and not
made from these; tests hold one against the other."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.api.common import UUID4, Json

_AgentKey = Annotated[str, Field(pattern=f"^agent-{UUID4}$")]


class Detail(BaseModel):
    """One thing that is wrong with a request, and where."""

    model_config = ConfigDict(extra="allow")

    type: str
    loc: list[str | int]
    msg: str


class Problem(BaseModel):
    """Why a request was not carried out: a sentence, or for 422 a list."""

    detail: str | list[Detail]


class Health(BaseModel):
    """That the server answers."""

    version: str
    status: Literal["ok"]


class Done(BaseModel):
    """That something was deleted."""

    message: str


class BlockState(BaseModel):
    """A memory block."""

    model_config = ConfigDict(extra="allow")

    id: str
    label: str
    value: str
    limit: int = Field(description="Characters that the value may have.")
    description: str | None
    read_only: bool
    metadata: Json | None
    tags: list[str] = Field(description="The block's own; no agent carries them.")
    hidden: bool | None


class MemoryState(BaseModel):
    """An agent's memory."""

    model_config = ConfigDict(extra="allow")

    blocks: list[BlockState]


class IdentityState(BaseModel):
    """Someone whom agents belong to."""

    id: str
    identifier_key: str
    name: str
    identity_type: Literal["org", "user", "other"]
    project_id: str | None
    agent_ids: list[str] = Field(description="Always empty, as Letta's: list agents instead.")
    block_ids: list[str] = Field(description="Always empty.")
    organization_id: None
    properties: list[Json]


class AgentState(BaseModel):
    """An agent. Fields that Letta's clients know and ADE does not keep are there, and empty."""

    model_config = ConfigDict(extra="allow")

    id: _AgentKey
    name: str
    description: str | None
    tags: list[str] = Field(description="Sorted by their bytes, whatever `include` says.")
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
    """All tags that an agent carries."""

    tags: list[str]


class KeyState(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str
    scope: Literal["read", "write", "manage"]
    limit_tag: str | None
    may_tag: list[str]
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
    """A model that agents name."""

    model_config = ConfigDict(extra="allow")

    handle: str
    name: str
    provider_name: str
    provider_type: str
    model: str
    context_window: int
    max_context_window: int


class EmbeddingState(BaseModel):
    """An embedding that agents name."""

    model_config = ConfigDict(extra="allow")

    handle: str
    name: str
    provider_name: str
    provider_type: str
    embedding_model: str
    embedding_dim: int


class AgentFileState(BaseModel):
    """An agent file: the agent with its tags, and its memory blocks."""

    model_config = ConfigDict(extra="allow")

    agents: list[Json]
    blocks: list[Json]


class ImportedState(BaseModel):
    """The ids of the agents that an import made."""

    agent_ids: list[_AgentKey]


READ = (400, 401, 403, 422)
READ_ONE = (400, 401, 403, 404, 422)
WRITE = (400, 401, 403, 404, 409, 413, 422)
WRITE_IF = (400, 401, 403, 404, 409, 412, 413, 422)

# A header that the views read by themselves.
IF_MATCH: Json = {
    "parameters": [
        {
            "in": "header",
            "name": "If-Match",
            "schema": {"type": "string"},
            "description": "Only if the agent still has this ETag; else 412.",
        }
    ]
}


def answers(ok: Any, codes: tuple[int, ...]) -> dict[int, Any]:
    """What an operation may answer: this, or a problem with one of these statuses."""
    return {200: ok} | dict.fromkeys(codes, Problem)
