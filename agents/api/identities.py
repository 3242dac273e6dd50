"""/v1/identities/: whom agents belong to, by the application's own keys."""

from django.http import HttpRequest
from ninja import Query, Router

from agents import listing
from agents.api.agents import show_of
from agents.api.answers import Answer, answer, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import OwnAgentsQuery
from agents.api.identity_bodies import (
    IdentityBody,
    IdentityEditBody,
    IdentityListQuery,
    IdentityPath,
    PropertyBody,
    WhichIdentities,
)
from agents.api.pages import ends_of, require_one_end
from agents.api.schemas import READ, READ_ONE, WRITE, AgentState, BlockState, IdentityState, answers
from agents.api.state import identity_of, write_many
from agents.domain import identities as domain
from agents.filters import AgentFilter, Sort
from agents.lagging import may_lag
from agents.listing.identities import (
    IdentityFilter,
    find_identity,
    identities_of,
    identity_page,
)
from agents.models import Identity

router = Router(tags=["identities"])


@router.post("/", response=answers(IdentityState, WRITE), url_name="api-identities")
def create_identity(request: HttpRequest, body: IdentityBody) -> Answer:
    """Make an identity. Not for keys that are limited to a tag, nor is any other change here."""
    new = domain.NewIdentity(**body.given())
    return _answer(domain.create_identity(new, actor=actor_of(request)))


@router.put("/", response=answers(IdentityState, WRITE))
def upsert_identity(request: HttpRequest, body: IdentityBody) -> Answer:
    """Make an identity, or change the one with this key."""
    new = domain.NewIdentity(**body.given())
    return _answer(domain.upsert_identity(new, actor=actor_of(request)))


@router.get("/", response=answers(list[IdentityState], READ))
@may_lag(actor_of)
def list_identities(request: HttpRequest, query: Query[IdentityListQuery]) -> Answer:
    """A page of identities, newest first. To go on, give the last one's id as `after`."""
    require_one_end(query)
    page = identity_page(
        _filter_of(query),
        actor=actor_of(request),
        size=query.size,
        after=query.after or None,
        before=query.before or None,
        descending=query.order == "desc",
    )
    return json_answer([_state(identity) for identity in page])


@router.get("/count", response=answers(int, READ))
@may_lag(actor_of)
def count_identities(request: HttpRequest, query: Query[WhichIdentities]) -> Answer:
    """How many identities, exactly."""
    return json_answer(identities_of(_filter_of(query), actor=actor_of(request)).count())


@router.get("/{identity_id}", response=answers(IdentityState, READ_ONE), url_name="api-identity")
def get_identity(request: HttpRequest, identity_id: IdentityPath) -> Answer:
    """One identity."""
    return _answer(find_identity(identity_id, actor_of(request)))


@router.patch("/{identity_id}", response=answers(IdentityState, WRITE))
def edit_identity(
    request: HttpRequest, identity_id: IdentityPath, body: IdentityEditBody
) -> Answer:
    """Change what is given."""
    identity = domain.update_identity(
        identity_id=identity_id, given=body.given(), actor=actor_of(request)
    )
    return _answer(identity)


@router.delete("/{identity_id}", response=answers(None, WRITE))
def delete_identity(request: HttpRequest, identity_id: IdentityPath) -> Answer:
    """Delete an identity, and take it off its agents. The answer is null."""
    domain.delete_identity(identity_id=identity_id, actor=actor_of(request))
    return json_answer(None)


@router.put("/{identity_id}/properties", response=answers(IdentityState, WRITE))
def set_properties(
    request: HttpRequest, identity_id: IdentityPath, body: list[PropertyBody]
) -> Answer:
    """Set properties by their keys; others stay."""
    properties = [one.model_dump() for one in body]
    identity = domain.set_properties(
        identity_id=identity_id, properties=properties, actor=actor_of(request)
    )
    return _answer(identity)


@router.get("/{identity_id}/agents", response=answers(list[AgentState], READ_ONE))
@may_lag(actor_of)
def list_agents_of_identity(
    request: HttpRequest, identity_id: IdentityPath, query: Query[OwnAgentsQuery]
) -> Answer:
    """A page of the agents of an identity, newest first."""
    actor = actor_of(request)
    find_identity(identity_id, actor)
    sort = Sort.OLDEST if query.order == "asc" else Sort.NEWEST
    after, before = ends_of(query, actor=actor, sort=sort)
    page = listing.page(
        AgentFilter(identities=(identity_id,)),
        actor=actor,
        sort=sort,
        size=query.size,
        after=after,
        before=before,
        until_one=True,
    )
    return answer(write_many(page.seqs, show_of(request, query)))


@router.get("/{identity_id}/blocks", response=answers(list[BlockState], READ_ONE))
def list_blocks_of_identity(request: HttpRequest, identity_id: IdentityPath) -> Answer:
    """Always empty: memory blocks here belong to agents."""
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
