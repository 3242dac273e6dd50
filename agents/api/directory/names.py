"""/v1/tags/: list the tags in use."""

from django.http import HttpRequest
from ninja import Query, Router

from agents.api.agents.bodies import TagsQuery
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.pages import link_next
from agents.api.core.schemas import READ, answers
from agents.core.errors import LimitExceeded
from agents.core.limits import SEARCH_LENGTH
from agents.queries.core.replica_reads import may_lag
from agents.queries.tags.names import names

router = Router(tags=["tags"])


@router.get("/", operation_id="list_tags", response=answers(list[str], READ))
@may_lag(actor_of)
def list_tags(request: HttpRequest, query: Query[TagsQuery]) -> Answer:
    """List tags that at least one agent has, sorted by byte order."""
    part = query.name or query.query_text or ""
    if len(part) > SEARCH_LENGTH:
        raise LimitExceeded(f"name has at most {SEARCH_LENGTH} characters.", field="name")
    found = names(
        actor=actor_of(request),
        part=part,
        after=query.after or None,
        before=query.before or None,
        descending=query.order == "desc",
        size=query.size,
    )
    return link_next(json_answer(found), request, found[-1] if found.more else None)
