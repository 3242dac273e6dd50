"""What GET /v1/access/ takes and answers."""

from datetime import datetime

from pydantic import BaseModel, Field


class AccessQuery(BaseModel):
    """Exactly one of `agent_id`, `key_id` and `user`, and when; or `at` alone, and tags."""

    agent_id: str | None = Field(None, description="ID of an agent, also of a deleted one.")
    key_id: str | None = Field(None, description="ID of an API key.")
    user: str | None = Field(None, description="A user's tag, or any tag.")
    at: datetime | None = Field(None, description="As of this moment. If absent: now.")
    since: datetime | None = Field(None, alias="from", description="The first moment of a period.")
    until: datetime | None = Field(None, description="The end of the period, not included.")
    tags: list[str] = Field(
        [], description="With `at` alone: tags that the agents had then. Repeat it for several."
    )
    match_all_tags: bool = Field(False, description="Match all of `tags`, not any of them.")
    exclude_tags: list[str] = Field([], description="Leave out agents that had any of these tags.")
    after: str | None = Field(
        None, description="With a list of agents: the `after` of the previous page."
    )


class ActorState(BaseModel):
    """A key, a client-side access token or a member that can or could touch the agents, and why."""

    actor: str = Field(description="`key:` or `token:` and its ID, or `person:` and a member's ID.")
    name: str = Field(description="Of a token the name of its key.")
    rights: str = Field(description="The key's scope, the member's role, or `token`.")
    only: list[str] | None = Field(
        description="The rights on agents that it is narrowed to. null: not narrowed."
    )
    from_key: str | None = Field(description="ID of the key that made the token.")
    because: str = Field(description="`tag`, `agent_id` or `all_agents`.")
    tag: str | None
    since: datetime | None
    until: datetime | None
    change_set: int | None = Field(description="The change-set that added the tag. For now only.")
    last_used_at: datetime | None = Field(description="For now only. Of a token, of its key.")


class TagState(BaseModel):
    """A tag of the agent, and from when to when it had it."""

    tag: str
    since: datetime
    until: datetime | None
    change_set: int


class DidState(BaseModel):
    """An actor who changed the agents in the period."""

    actor: str
    name: str
    changes: int
    first: datetime
    last: datetime


class AccessState(BaseModel):
    """Who may touch the agents. Lists that do not apply to the question are empty."""

    exists: bool | None = Field(
        description="With `agent_id`: whether the agent exists, or existed then."
    )
    tags: list[TagState]
    actors: list[ActorState]
    members: int | None = Field(
        description="For now: the number of members who can access all agents, each with the rights of a role."
    )
    did: list[DidState]
    agents: list[str] = Field(
        description="With `user` and `at`, or `at` alone: the agents that had the tags then, a page."
    )
    agent_count: int | None = Field(
        description="With `key_id`, for now: at most 10,000 are counted."
    )
    after: str | None = Field(description="Pass it as `after` for the next page of `agents`.")
    more: bool = Field(description="True if there are more actors than listed.")
    listed_since: datetime | None = Field(
        description="Lists of `agents` are complete for moments from here on. null: for all."
    )
    is_pending: bool = Field(
        description="True while history of an older version is still being completed for lists."
    )
    protected_tags: list[str] | None = Field(
        description="With `at`: what PROTECTED_TAGS was then. null: not recorded."
    )
    complete_since: datetime | None = Field(
        description="Who could access what is recorded completely from here on. null: always."
    )
