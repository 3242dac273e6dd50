"""/v1/sources/: the connected servers where agents run. Needs manage scope. Not part of Letta's API."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.common import Body, Json
from agents.api.core.field_names import FilterQuery
from agents.api.core.pages import link_next
from agents.api.core.schemas import READ, READ_ONE, WRITE, Done, answers
from agents.core.errors import Invalid
from agents.core.json_text import loads
from agents.domain.sources import inbox as domain_inbox
from agents.domain.sources import leaving, manage
from agents.domain.sources.leaving import AgentsOf, Side
from agents.domain.sources.rights import get_source as found
from agents.domain.sources.rights import require_manager, sources_of
from agents.models import AgentSource, InboxItem
from agents.net.connectors.base import About
from agents.queries import sources as queries
from agents.queries.sources import SourceState

router = Router(tags=["sources"])

SourceId = Annotated[int, Path(example=1)]
Kind = Literal["letta", "app-server"]


class AddressBody(Body):
    """A server to test."""

    url: str = Field(
        description="Such as wss://agents.example.org/ws or https://letta.example.org."
    )
    kind: Kind | None = Field(None, description="Without it, the address decides.")
    token: str | None = Field(None, description="Stored encrypted. No answer contains it.")


class NewSourceBody(AddressBody):
    """A server to connect. ADE tests it first."""

    name: str
    only_tag: str | None = Field(
        None, description="Take in only agents with this tag. Without it, all agents."
    )
    owners_given_here: bool = Field(
        False, description="Put user tags and protected tags back if they change at the server."
    )


class SourceEditBody(Body):
    """Changes to a source. Absent or null fields stay as they are."""

    name: str | None = None
    url: str | None = Field(None, description="Another scheme, host or port drops the token.")
    kind: Kind | None = Field(None, description="Another kind drops the token.")
    token: str | None = Field(None, description="Replaces the stored token. `` removes it.")
    only_tag: str | None = Field(None, description="Take in only agents with this tag.")
    all_agents: bool = Field(False, description="Take in all agents. Ends `only_tag`.")
    owners_given_here: bool | None = None


class PauseBody(Body):
    """Why a source is paused."""

    reason: str = Field("", description="Shown on the page of sources.")


class ResumeBody(Body):
    """How to resume a source."""

    waiting: Literal["here", "there"] | None = Field(
        None, description="Which side counts for what waited before a restore from a backup."
    )
    same_server: bool = Field(False, description="Apply what changed there, however much it is.")


class ChangeBody(Body):
    """Whether a change of many agents is paused on its way to the source."""

    paused: bool


class RemovalQuery(BaseModel):
    """What becomes of the agents of a source."""

    agents: Literal["keep", "delete"] = Field(
        "keep",
        description="Keep its agents in ADE as copies, or delete them in ADE. The server is not touched.",
    )
    plan: str | None = Field(None, description="The plan's `plan`. 409 if it is out of date.")


class InboxQuery(FilterQuery):
    """Which questions."""

    limit: int = Field(50, ge=1, le=200)
    before: int | None = Field(
        None, ge=1, lt=1 << 63, description="ID of the last question on the previous page."
    )
    source: int | None = Field(
        None, ge=1, lt=1 << 63, description="Only questions about this source."
    )
    decided: bool = Field(False, description="The answered questions, not the open ones.")


class FoundState(BaseModel):
    """What a test of the connection found."""

    kind: Kind
    version: str
    words: str = Field(description="Such as “App Server 0.34.12, local backend, 12 agents”.")
    agents: int | None


class WholeChangeState(BaseModel):
    """A change of many agents on its way to the source."""

    change_set: int
    agents: int
    left: int = Field(description="Agents that it has not reached yet.")
    paused_at: datetime | None


class SourceInfo(BaseModel):
    """A source and how it is doing, without its token."""

    id: int
    name: str
    kind: Kind
    url: str
    server: str = Field(description="What the server said it is.")
    has_token: bool
    only_tag: str | None
    owners_given_here: bool
    state: Literal["in_step", "new", "paused", "failing"]
    problem: str = Field(description="The error that stands.")
    paused_at: datetime | None
    pause_reason: str
    synced_at: datetime | None = Field(description="Time of the last successful request.")
    lag: float | None = Field(description="Seconds since then.")
    next_try_at: datetime | None
    agents: int
    waiting: int = Field(description="Agents whose tags have not reached the source.")
    waiting_since: datetime | None
    refused: int = Field(description="How many of them met an error.")
    set_aside: int = Field(description="Agents with tags that ADE cannot store.")
    lost_updates: int = Field(description="Tags that other programs wrote over, as far as noticed.")
    open_questions: int
    changes: list[WholeChangeState]
    created_at: datetime
    created_by: str


class NewSourceState(SourceInfo):
    """A new source, and what the test found."""

    found: FoundState


class RemovalState(BaseModel):
    """What removing a source concerns."""

    agents: int
    waiting: int = Field(
        description="Agents whose tags have not reached the server, and never will."
    )
    plan: str = Field(description="Pass it with DELETE.")


class QuestionState(BaseModel):
    """A question of the inbox."""

    id: int
    source: int
    kind: str
    agent_id: str | None
    tag: str | None
    details: Json
    can_put_back: bool
    created_at: datetime
    decided_at: datetime | None
    decided_by: str
    decision: str


@router.get("/", operation_id="list_sources", response=answers(list[SourceInfo], READ))
def list_sources(request: HttpRequest) -> Answer:
    """List all sources, by name."""
    rows = list(sources_of(actor_of(request)).order_by("name"))
    return json_answer([_state(one) for one in queries.states(rows)])


@router.post("/", operation_id="create_source", response=answers(NewSourceState, WRITE))
def create_source(request: HttpRequest, body: NewSourceBody) -> Answer:
    """Test a server and connect it. Its agents come in with the first sync."""
    added = manage.add_source(**body.model_dump(), actor=actor_of(request))
    return json_answer({**_state_of(added.source), "found": _about(added.about)})


@router.post("/test", operation_id="test_source_address", response=answers(FoundState, WRITE))
def test_address(request: HttpRequest, body: AddressBody) -> Answer:
    """Ask a server what it is, without connecting it."""
    return json_answer(_about(manage.try_address(**body.model_dump(), actor=actor_of(request))))


@router.get("/inbox", operation_id="list_source_inbox", response=answers(list[QuestionState], READ))
def list_inbox(request: HttpRequest, query: Query[InboxQuery]) -> Answer:
    """List what a person must decide, newest first."""
    require_manager(actor_of(request), "see the inbox")
    items = queries.inbox(
        source_id=query.source, decided=query.decided, before=query.before, most=query.limit + 1
    )
    page, more = items[: query.limit], len(items) > query.limit
    response = json_answer([_question(item) for item in page])
    return link_next(response, request, page[-1].pk if more else None, name="before")


@router.post(
    "/inbox/{item_id}/accept",
    operation_id="accept_source_change",
    response=answers(QuestionState, WRITE),
)
def accept(request: HttpRequest, item_id: int) -> Answer:
    """Leave it as it is at the source."""
    return json_answer(_question(domain_inbox.accept(item_id=item_id, actor=actor_of(request))))


@router.post(
    "/inbox/{item_id}/put-back",
    operation_id="put_back_source_change",
    response=answers(QuestionState, WRITE),
)
def put_back(request: HttpRequest, item_id: int) -> Answer:
    """Set the tags at the source back as they were."""
    return json_answer(_question(domain_inbox.put_back(item_id=item_id, actor=actor_of(request))))


@router.post(
    "/inbox/{item_id}/reopen",
    operation_id="reopen_source_change",
    response=answers(QuestionState, WRITE),
)
def reopen(request: HttpRequest, item_id: int) -> Answer:
    """Take a decision back. Tags are then as before the decision."""
    return json_answer(_question(domain_inbox.reopen(item_id=item_id, actor=actor_of(request))))


@router.get("/{source_id}", operation_id="get_source", response=answers(SourceInfo, READ_ONE))
def get_source(request: HttpRequest, source_id: SourceId) -> Answer:
    """Get a source."""
    return json_answer(_state_of(found(source=source_id, actor=actor_of(request))))


@router.patch("/{source_id}", operation_id="update_source", response=answers(SourceInfo, WRITE))
def edit_source(request: HttpRequest, source_id: SourceId, body: SourceEditBody) -> Answer:
    """Update a source's settings, or store another token."""
    actor = actor_of(request)
    given = body.model_dump(exclude={"token", "all_agents"}, exclude_none=True)
    given |= {"only_tag": None} if body.all_agents else {}
    source = manage.edit_source(source=source_id, actor=actor, **given)
    if body.token is not None:
        source = manage.set_token(source=source_id, token=body.token or None, actor=actor)
    return json_answer(_state_of(source))


@router.get(
    "/{source_id}/removal",
    operation_id="plan_source_removal",
    response=answers(RemovalState, READ_ONE),
)
def plan_removal(request: HttpRequest, source_id: SourceId) -> Answer:
    """Show what removing a source concerns."""
    plan = leaving.plan_removal(source=source_id, actor=actor_of(request))
    return json_answer({"agents": plan.agents, "waiting": plan.waiting, "plan": plan.fingerprint})


@router.delete("/{source_id}", operation_id="delete_source", response=answers(Done, WRITE))
def delete_source(request: HttpRequest, source_id: SourceId, query: Query[RemovalQuery]) -> Answer:
    """Disconnect a source. Its server is not touched."""
    leaving.remove_source(
        source=source_id,
        agents=AgentsOf(query.agents),
        actor=actor_of(request),
        fingerprint=query.plan,
    )
    return json_answer({"message": f"Source {source_id} is disconnected"})


@router.post("/{source_id}/test", operation_id="test_source", response=answers(FoundState, WRITE))
def test_source(request: HttpRequest, source_id: SourceId) -> Answer:
    """Ask a source what it is."""
    return json_answer(_about(manage.try_source(source=source_id, actor=actor_of(request))))


@router.post("/{source_id}/sync", operation_id="sync_source", response=answers(SourceInfo, WRITE))
def sync_source(request: HttpRequest, source_id: SourceId) -> Answer:
    """Ask for a whole listing now. The worker does it."""
    return json_answer(_state_of(manage.sync_now(source=source_id, actor=actor_of(request))))


@router.post("/{source_id}/pause", operation_id="pause_source", response=answers(SourceInfo, WRITE))
def pause_source(request: HttpRequest, source_id: SourceId, body: PauseBody) -> Answer:
    """Stop reading and writing a source. Tag edits are accepted and wait."""
    actor = actor_of(request)
    return json_answer(_state_of(manage.pause(source=source_id, reason=body.reason, actor=actor)))


@router.post(
    "/{source_id}/resume", operation_id="resume_source", response=answers(SourceInfo, WRITE)
)
def resume_source(request: HttpRequest, source_id: SourceId, body: ResumeBody) -> Answer:
    """Read and write a source again."""
    source = leaving.resume(
        source=source_id,
        actor=actor_of(request),
        waiting=None if body.waiting is None else Side(body.waiting),
        same_server=body.same_server,
    )
    return json_answer(_state_of(source))


@router.post(
    "/{source_id}/changes/{change_set_id}",
    operation_id="pause_source_change",
    response=answers(SourceInfo, WRITE),
)
def pause_change(
    request: HttpRequest, source_id: SourceId, change_set_id: int, body: ChangeBody
) -> Answer:
    """Pause or resume a change of many agents on its way to a source."""
    actor = actor_of(request)
    if change_set_id >= 2**63:
        raise Invalid("There is no such change.", field="change_set_id")
    manage.pause_change(
        source=source_id, change_set_id=change_set_id, actor=actor, paused=body.paused
    )
    return json_answer(_state_of(found(source=source_id, actor=actor)))


def _state_of(source: AgentSource) -> Json:
    return _state(queries.states([source])[0])


def _state(of: SourceState) -> Json:
    source = of.source
    own = [
        *("id", "name", "kind", "url", "only_tag", "owners_given_here", "problem", "paused_at"),
        *("pause_reason", "synced_at", "next_try_at", "lost_updates", "created_at", "created_by"),
    ]
    counted = ("lag", "agents", "waiting", "waiting_since", "refused", "set_aside")
    return {
        **{name: getattr(source, name) for name in own},
        **{name: getattr(of, name) for name in counted},
        "server": source.server_words,
        "has_token": source.sealed_token is not None,
        "state": of.state.replace(" ", "_"),
        "open_questions": of.open_questions,
        "changes": [
            {
                "change_set": change.change_set.id,
                "agents": change.agents,
                "left": change.left,
                "paused_at": change.paused_at,
            }
            for change in of.changes
        ],
    }


def _about(about: About) -> Json:
    names = ("kind", "version", "words", "agents")
    return {name: getattr(about, name) for name in names}


def _question(item: InboxItem) -> dict[str, Any]:
    names = ("id", "kind", "created_at", "decided_at", "decided_by", "decision")
    return {
        **{name: getattr(item, name) for name in names},
        "source": item.source_id,
        "agent_id": item.agent_id or None,
        "tag": item.tag or None,
        "details": loads(item.details),
        "can_put_back": item.kind in domain_inbox.CAN_PUT_BACK,
    }
