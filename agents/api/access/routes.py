"""GET /v1/access/: who may touch an agent or a user's agents, now, at a moment and in a period."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router

from agents.api.access.bodies import AccessQuery, AccessState
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.schemas import READ_ONE, answers
from agents.core.actors import Actor
from agents.core.errors import Invalid, LimitExceeded, NotFound
from agents.core.filters import AgentFilter
from agents.core.limits import FILTER_TAGS
from agents.core.tag_text import text_problem, unique_legal
from agents.domain import keys
from agents.domain.core import key_tokens
from agents.models import Agent, Change, Tag
from agents.queries import agents
from agents.queries.access.listed import PastFilter, agents_at
from agents.queries.access.names import unknown
from agents.queries.access.now import (
    Access,
    access_to_agent,
    access_to_tag,
    complete_since,
    require_access,
)
from agents.queries.access.past import agent_at, complete
from agents.queries.access.period import (
    Report,
    agent_could_at,
    agent_report,
    protected_at,
    subject_at,
    tag_could_at,
    tag_report,
)
from agents.tasks.tally import ask_to_complete

router = Router(tags=["access"])
_PAGE = 100


@router.get("/", operation_id="get_access", response=answers(AccessState, READ_ONE))
def get_access(request: HttpRequest, query: Query[AccessQuery]) -> Answer:
    """Say who can or could touch an agent or a user's agents, or what a key can access. Needs manage scope.

    With `at` alone it lists the agents that existed then, filtered by their tags of then.
    """
    actor = actor_of(request)
    require_access(actor)
    asked = [name for name in ("agent_id", "key_id", "user") if getattr(query, name) is not None]
    period = _period(query)
    if query.at is not None and not asked:
        return _answer(query.at, **_listed(_filter(query), query.at, query.after))
    if len(asked) != 1:
        raise Invalid("Send exactly one of agent_id, key_id and user.", field="agent_id")
    if query.tags or query.exclude_tags:
        raise Invalid("Send tags only with at, without agent_id, key_id and user.", field="tags")
    if query.after is not None and (query.user is None or query.at is None):
        raise Invalid("Send after only with at, for a list of agents.", field="after")
    if query.agent_id is not None:
        return _answer(query.at, **_of_agent(query.agent_id, query.at, period))
    if query.key_id is not None:
        if period is not None:
            raise Invalid("Send at instead of from and until: a key has no report.", field="from")
        return _answer(query.at, **_of_key(query.key_id, query.at, actor))
    return _answer(query.at, **_of_tag(str(query.user), query, period))


def _period(query: AccessQuery) -> tuple[datetime, datetime] | None:
    for name, moment in (("at", query.at), ("from", query.since), ("until", query.until)):
        if moment is not None and moment.tzinfo is None:
            raise Invalid("Add a time zone, such as Z.", field=name)
        if moment is not None and not 1 < moment.year < 9999:
            raise Invalid("The year must be from 2 to 9998.", field=name)
        if moment is not None and name != "until" and moment > timezone.now():
            raise Invalid(f"{name} must not be in the future.", field=name)
    if (query.since is None) != (query.until is None):
        raise Invalid("Send both from and until.", field="until")
    if query.since is None or query.until is None:
        return None
    if query.at is not None:
        raise Invalid("Send either at, or from and until.", field="at")
    if query.until <= query.since:
        raise Invalid("until must be later than from.", field="until")
    return query.since, query.until


def _of_agent(
    agent_id: str, at: datetime | None, period: tuple[datetime, datetime] | None
) -> dict[str, Any]:
    agent = None if text_problem(agent_id) else Agent.objects.filter(public_id=agent_id).first()
    known = agent is not None or (
        not text_problem(agent_id) and Change.objects.filter(agent_id=agent_id).exists()
    )
    if not known:
        raise NotFound("This agent does not exist.")
    if period is not None:
        return _report(agent_report(agent_id, *period))
    if at is not None:
        past = agent_at(agent_id, at)
        tags = [_tag(name, put.since, None, put.change_set_id) for name, put in past.tags.items()]
        could = agent_could_at(agent_id, past.tags, at) if past.exists else []
        return {"exists": past.exists, "tags": tags, "actors": [_could(row) for row in could]}
    if agent is None:
        return {"exists": False}
    found = access_to_agent(agent)
    owners = [_tag(put.tag, put.since, None, put.change_set_id) for put in found.owners]
    return {"exists": True, "tags": owners, **_now(found)}


def _of_tag(
    name: str, query: AccessQuery, period: tuple[datetime, datetime] | None
) -> dict[str, Any]:
    if why := unknown([name]):
        raise NotFound(why)
    if period is not None:
        return _report(tag_report(name, *period))
    if query.at is not None:
        could = tag_could_at(name, query.at)
        listed = _listed(PastFilter(any=[name]), query.at, query.after)
        return {"actors": [_could(row) for row in could], **listed}
    tag = Tag.objects.filter(name=name).first()
    if tag is None:
        raise NotFound("There is no such tag.")
    return _now(access_to_tag(tag))


def _filter(query: AccessQuery) -> PastFilter:
    """The tags that the list of a past moment is filtered by. Raises Invalid."""
    if len(query.tags) + len(query.exclude_tags) > FILTER_TAGS:
        raise LimitExceeded(f"A list takes at most {FILTER_TAGS} tags.", field="tags")
    tags, others = unique_legal(query.tags, field="tags"), unique_legal(query.exclude_tags)
    if why := unknown([*tags, *others]):
        raise Invalid(why, field="tags")
    one, every = ((), tags) if query.match_all_tags else (tags, ())
    return PastFilter(any=one, all=every, none=others)


def _listed(wanted: PastFilter, at: datetime, after: str | None) -> dict[str, Any]:
    page = agents_at(wanted, at, cursor=after, size=_PAGE)
    known = complete(wanted.sources)
    if known.is_pending:
        ask_to_complete()
    return {
        "agents": [row.public_id for row in page.rows],
        "after": page.older,
        "listed_since": known.since,
        "is_pending": known.is_pending,
    }


def _of_key(key_id: str, at: datetime | None, actor: Actor) -> dict[str, Any]:
    key = keys.get_key(key_id=key_id, actor=actor)
    if at is not None:
        spans = subject_at(f"key:{key_id}", at)
        return {"actors": [_span(span) for span in spans]}
    spans = subject_at(f"key:{key_id}", timezone.now())
    seen = key_tokens.actor_of(key)
    count = agents.capped_count(AgentFilter(), actor=seen).n if keys.is_good(key) else 0
    return {"agent_count": count, "actors": [_span(span) for span in spans]}


def _now(found: Access) -> dict[str, Any]:
    rows = [
        _actor(row, row.tag, row.since, by_id=row.by_id)
        | {"change_set": row.change_set_id, "last_used_at": row.used_at}
        for row in found.rows
    ]
    return {"actors": rows, "members": found.members, "more": found.more}


def _report(report: Report) -> dict[str, Any]:
    return {
        "tags": [_tag(one.tag, one.since, one.until, one.change_set_id) for one in report.tags],
        "actors": [_could(row) for row in report.could],
        "did": [
            {
                "actor": one.subject,
                "name": one.name,
                "changes": one.changes,
                "first": one.first,
                "last": one.last,
            }
            for one in report.did
        ],
        "more": report.more,
    }


def _could(row: Any) -> dict[str, Any]:
    return _actor(row, row.tag, row.since, row.until, by_id=row.by_id)


def _span(span: Any) -> dict[str, Any]:
    return _actor(span, span.tag, span.since, span.until, by_id=span.agent_id is not None)


def _actor(
    row: Any,
    tag: str | None,
    since: datetime | None,
    until: datetime | None = None,
    *,
    by_id: bool,
) -> dict[str, Any]:
    only = [one for one in row.only.split(",") if one] if isinstance(row.only, str) else row.only
    because = "tag" if tag is not None else "agent_id" if by_id else "all_agents"
    return {
        "actor": row.subject,
        "name": row.name,
        "rights": row.rights,
        "only": only,
        "from_key": row.from_key,
        "because": because,
        "tag": tag,
        "since": since,
        "until": until,
        "change_set": None,
        "last_used_at": None,
    }


def _tag(name: str, since: datetime, until: datetime | None, number: int) -> dict[str, Any]:
    return {"tag": name, "since": since, "until": until, "change_set": number}


def _answer(at: datetime | None, **parts: Any) -> Answer:
    whole: dict[str, Any] = {
        "exists": None,
        "tags": [],
        "actors": [],
        "members": None,
        "did": [],
        "agents": [],
        "agent_count": None,
        "after": None,
        "more": False,
        "listed_since": None,
        "is_pending": False,
        "protected_tags": None if at is None else protected_at(at),
        "complete_since": complete_since(),
    }
    return json_answer(whole | parts)
