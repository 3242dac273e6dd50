"""/v1/tags/: the names of the tags in use."""

from django.http import HttpRequest
from ninja import Query, Router

from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import TagsQuery
from agents.api.pages import require_one_end
from agents.api.schemas import READ, answers
from agents.errors import Invalid
from agents.lagging import may_lag
from agents.limits import SEARCH_LENGTH
from agents.listing.tags import names

router = Router(tags=["tags"])


@router.get("/", response=answers(list[str], READ))
@may_lag(actor_of)
def list_tags(request: HttpRequest, query: Query[TagsQuery]) -> Answer:
    """Tags that an agent carries, sorted by their bytes."""
    require_one_end(query)
    part = query.name or query.query_text or ""
    if len(part) > SEARCH_LENGTH:
        raise Invalid(f"name has at most {SEARCH_LENGTH} characters.", field="name")
    found = names(
        actor=actor_of(request),
        part=part,
        after=query.after or None,
        before=query.before or None,
        descending=query.order == "desc",
        size=query.size,
    )
    return json_answer(found)
