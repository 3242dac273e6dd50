"""/v1/identities/: the people and organisations that agents belong to."""

from django.http import HttpRequest
from ninja import Query, Router

from agents.api.agents.bodies import OwnAgentsQuery
from agents.api.agents.json import identity_of, write_many
from agents.api.agents.routes import show_of
from agents.api.core.answers import Answer, answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.not_kept import name_not_kept, names_not_kept
from agents.api.core.pages import ends_of, link_next
from agents.api.core.schemas import (
    READ,
    READ_ONE,
    WRITE,
    AgentState,
    BlockState,
    IdentityState,
    answers,
)
from agents.api.identities.bodies import (
    IdentityBody,
    IdentityEditBody,
    IdentityListQuery,
    IdentityPath,
    PropertyBody,
    WhichIdentities,
)
from agents.core.filters import AgentFilter, Sort
from agents.domain.identities import write as domain
from agents.models import Identity
from agents.queries import agents
from agents.queries.core.bounds import FULL
from agents.queries.core.replica_reads import may_lag
from agents.queries.identities import IdentityFilter, find_identity, identities_of, identity_page

router = Router(tags=["identities"])


@router.post(
    "/",
    operation_id="create_identity",
    response=answers(IdentityState, WRITE),
    url_name="api-identities",
)
def create_identity(request: HttpRequest, body: IdentityBody) -> Answer:
    """Create an identity. Not for keys limited to a tag; they cannot change identities."""
    new = domain.NewIdentity(**body.given())
    response = _answer(domain.create_identity(new, actor=actor_of(request)))
    return name_not_kept(response, names_not_kept(body))


@router.put("/", operation_id="upsert_identity", response=answers(IdentityState, WRITE))
def upsert_identity(request: HttpRequest, body: IdentityBody) -> Answer:
    """Create an identity, or update the identity that has this `identifier_key`."""
    new = domain.NewIdentity(**body.given())
    response = _answer(domain.upsert_identity(new, actor=actor_of(request)))
    return name_not_kept(response, names_not_kept(body))


@router.get("/", operation_id="list_identities", response=answers(list[IdentityState], READ))
@may_lag(actor_of)
def list_identities(request: HttpRequest, query: Query[IdentityListQuery]) -> Answer:
    """List identities, newest first. For the next page, pass the last ID as `after`."""
    page = identity_page(
        _filter_of(query),
        actor=actor_of(request),
        size=query.size,
        after=query.after or None,
        before=query.before or None,
        descending=query.order == "desc",
    )
    response = json_answer([_state(identity) for identity in page])
    return link_next(response, request, page[-1].public_id if page.more else None)


@router.get("/count", operation_id="count_identities", response=answers(int, READ))
@may_lag(actor_of)
def count_identities(request: HttpRequest, query: Query[WhichIdentities]) -> Answer:
    """Count the identities that match. The number is exact."""
    return json_answer(identities_of(_filter_of(query), actor=actor_of(request)).count())


@router.get(
    "/{identity_id}",
    operation_id="get_identity",
    response=answers(IdentityState, READ_ONE),
    url_name="api-identity",
)
def get_identity(request: HttpRequest, identity_id: IdentityPath) -> Answer:
    """Get an identity."""
    return _answer(find_identity(identity_id, actor_of(request)))


@router.patch(
    "/{identity_id}", operation_id="update_identity", response=answers(IdentityState, WRITE)
)
def edit_identity(
    request: HttpRequest, identity_id: IdentityPath, body: IdentityEditBody
) -> Answer:
    """Update the given fields of an identity."""
    identity = domain.update_identity(
        identity_id=identity_id, given=body.given(), actor=actor_of(request)
    )
    return name_not_kept(_answer(identity), names_not_kept(body))


@router.delete("/{identity_id}", operation_id="delete_identity", response=answers(None, WRITE))
def delete_identity(request: HttpRequest, identity_id: IdentityPath) -> Answer:
    """Delete an identity and detach it from its agents. Returns null."""
    domain.delete_identity(identity_id=identity_id, actor=actor_of(request))
    return json_answer(None)


@router.put(
    "/{identity_id}/properties",
    operation_id="set_identity_properties",
    response=answers(IdentityState, WRITE),
)
def set_properties(
    request: HttpRequest, identity_id: IdentityPath, body: list[PropertyBody]
) -> Answer:
    """Set properties by key. Other properties stay as they are."""
    properties = [prop.model_dump() for prop in body]
    identity = domain.set_properties(
        identity_id=identity_id, properties=properties, actor=actor_of(request)
    )
    return _answer(identity)


@router.get(
    "/{identity_id}/agents",
    operation_id="list_identity_agents",
    response=answers(list[AgentState], READ_ONE),
)
@may_lag(actor_of)
def list_agents_of_identity(
    request: HttpRequest, identity_id: IdentityPath, query: Query[OwnAgentsQuery]
) -> Answer:
    """List the agents of an identity, newest first, in pages."""
    actor = actor_of(request)
    find_identity(identity_id, actor)
    sort = Sort.OLDEST if query.order == "asc" else Sort.NEWEST
    after, before = ends_of(query, actor=actor, sort=sort)
    page = agents.page(
        AgentFilter(identities=(identity_id,), visible=not query.show_hidden_agents),
        actor=actor,
        sort=sort,
        size=query.size,
        after=after,
        before=before,
        until_one=True,
        budgets=FULL,
    )
    written = write_many(page.seqs, show_of(request, query))
    cursor = agents.cursor_of(page, sort, written.ids)
    return link_next(answer(written.content), request, cursor)


@router.get(
    "/{identity_id}/blocks",
    operation_id="list_identity_blocks",
    response=answers(list[BlockState], READ_ONE),
)
def list_blocks_of_identity(request: HttpRequest, identity_id: IdentityPath) -> Answer:
    """Return an empty list: in ADE, memory blocks belong to agents."""
    find_identity(identity_id, actor_of(request))
    return json_answer([])


def _filter_of(which: WhichIdentities) -> IdentityFilter:
    return IdentityFilter(which.identifier_key, which.name, which.identity_type, which.project_id)


def _answer(identity: Identity) -> Answer:
    return json_answer(_state(identity))


def _state(identity: Identity) -> dict[str, object]:
    return identity_of(
        identity.public_id,
        identity.identifier_key,
        identity.name,
        identity.identity_type,
        identity.project_id,
        identity.properties,
    )
