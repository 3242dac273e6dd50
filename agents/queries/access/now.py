"""Who may touch an agent, or the agents of a tag, now: from the rows of keys and members."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ade.models import User
from agents.core.actors import Actor, Power
from agents.core.json_text import loads
from agents.core.limits import ACCESS_NAMED
from agents.core.reach import Reach, read_reach
from agents.models import AccessSpan, AccessToken, Agent, AgentTag, ApiKey, Tag


@dataclass(frozen=True, slots=True)
class Put:
    """A tag on an agent: since when, and the change-set that put it there."""

    tag: str
    since: datetime
    change_set_id: int


@dataclass(frozen=True, slots=True)
class Reached:
    """A key, a client-side access token or a limited member that reaches an agent.

    `rights` is a scope, "token" or a role, and `only` the rights on agents that it is narrowed to. `from_key`
    made the token. It reaches the agent by `tag`, by the agent's id (`by_id`), or because
    it reaches all agents. `since` is None if that is not recorded. `change_set_id` put the tag there.
    """

    subject: str
    name: str
    rights: str
    tag: str | None = None
    by_id: bool = False
    since: datetime | None = None
    change_set_id: int | None = None
    used_at: datetime | None = None
    only: tuple[str, ...] | None = None
    from_key: str | None = None

    @property
    def kind(self) -> str:
        """What it is, in words."""
        kinds = {"key": "API key", "token": "client-side token"}
        return kinds.get(self.subject.partition(":")[0], "member")

    @property
    def opens(self) -> str:
        """The subject whose access can be looked at: of a token its key."""
        return f"key:{self.from_key}" if self.from_key is not None else self.subject


@dataclass(frozen=True, slots=True)
class Access:
    """Who may touch an agent or the agents of a tag.

    `owners` are its user tags. `rows` are the keys, and the members who are limited; with `more` there are
    others. `members` is the number of members who can access all agents, each with the rights of a role.
    """

    owners: list[Put] = field(default_factory=list)
    rows: list[Reached] = field(default_factory=list)
    more: bool = False
    members: int = 0


def require_access(actor: Actor) -> None:
    """Raise NotAllowed unless the actor may see who can access what."""
    actor.require_sign_in("see who can access agents")
    actor.require_unlimited("cannot see who can access agents")
    actor.require(Power.MANAGE, "see who can access agents")


def may_see_access(actor: Actor) -> bool:
    """True if `require_access` passes for a member."""
    return actor.can(Power.MANAGE) and not actor.limited


def access_to_agent(agent: Agent) -> Access:
    """Return who may touch this agent: with a closed tag, nobody limited. The caller has checked that the actor may know."""
    # Without objects of models: an agent may carry a thousand tags.
    columns = ("tag__name", "added_at", "change_set_id", "tag__names_user", "tag__closed_until")
    rows = AgentTag.objects.filter(agent=agent).values_list(*columns)
    carried = {name: Put(name, at, change_set_id) for name, at, change_set_id, *_ in rows}
    users = sorted(name for name, _, _, names_user, _ in rows if names_user)
    now = timezone.now()
    if any(closed is not None and closed > now for *_, closed in rows):
        return Access([carried[name] for name in users], *_reaching({}, None), _members())
    found, more = _reaching(carried, agent.public_id)
    tokens = _tokens(agent, carried)
    found, more = [*found, *tokens[:ACCESS_NAMED]], more or len(tokens) > ACCESS_NAMED
    return Access([carried[name] for name in users], found, more, _members())


def access_to_tag(tag: Tag) -> Access:
    """Return who may touch the agents of this tag, by it or because they reach all agents."""
    found, more = _reaching({tag.name: None}, None)
    return Access([], found, more, _members())


def _members() -> int:
    return User.objects.filter(is_active=True, stored_reach=None).count()


def _reaching(
    carried: Mapping[str, Put | None], agent_id: str | None
) -> tuple[list[Reached], bool]:
    """Return the keys and limited members that reach these tags or this agent, and if there are more."""
    found: list[Reached] = []
    for key in _keys(carried, agent_id):
        by = _by(key.reach, carried, agent_id)
        found += [_of_key(key, tag, by_id=by_id) for tag, by_id in by]
    for member in User.objects.filter(is_active=True, stored_reach__isnull=False).order_by("pk"):
        by = _by(read_reach(member.stored_reach), carried, agent_id)
        found += [_of_member(member, tag, by_id=by_id) for tag, by_id in by]
    some = sorted(found, key=lambda row: (row.tag is None, row.tag or "", row.subject))[
        :ACCESS_NAMED
    ]
    return _dated(some, carried), len(found) > ACCESS_NAMED


def _keys(carried: Iterable[str], agent_id: str | None) -> Iterable[ApiKey]:
    """Yield valid keys: first those limited to one of the tags, then those with several or with none."""
    names: Any = list(carried)
    if (
        agent_id is not None
    ):  # a sub-select, because Django takes long to write a thousand parameters
        names = AgentTag.objects.filter(agent__public_id=agent_id).values("tag__name")
    limited = valid_keys().filter(limit_tag__in=names, stored_reach=None)
    yield from limited.order_by("-id")[: ACCESS_NAMED + 1]
    for key in valid_keys().filter(stored_reach__isnull=False).order_by("-id"):
        if _by(key.reach, carried, agent_id):
            yield key
    yield from (
        valid_keys().filter(limit_tag=None, stored_reach=None).order_by("-id")[: ACCESS_NAMED + 1]
    )


def valid_keys() -> QuerySet[ApiKey]:
    """Return the keys that are neither disabled nor expired."""
    now = timezone.now()
    valid = Q(expires_at=None) | Q(expires_at__gt=now)
    return ApiKey.objects.filter(valid, disabled_at=None)


def _by(
    reach: Reach, carried: Iterable[str], agent_id: str | None
) -> list[tuple[str | None, bool]]:
    """Return why a reach contains the agent: by each of its tags, by its id, or because it has all."""
    if reach.everything:
        return [(None, False)]
    if agent_id is not None and agent_id in reach.agents:
        return [(None, True)]
    return [(name, False) for name in carried if name in reach.tags]


def _of_key(key: ApiKey, tag: str | None, *, by_id: bool) -> Reached:
    subject = f"key:{key.key_id}"
    only = None if key.rights is None else tuple(loads(key.rights))
    return Reached(
        *(subject, key.name, key.scope, tag, by_id, key.created_at),
        used_at=key.last_used_at,
        only=only,
    )


def _tokens(agent: Agent, carried: Collection[str]) -> list[Reached]:
    """Return the client-side access tokens that reach an agent without closed tags as their keys do. Their use is noted of the key."""
    spans = AccessSpan.objects.filter(agent_id=agent.public_id, until=None, from_key__isnull=False)
    named = spans.filter(expires_at__gt=timezone.now()).order_by("-since")[: ACCESS_NAMED + 1]
    by_id = {span.subject.partition(":")[2]: span for span in named}
    rows = AccessToken.objects.filter(token_id__in=by_id, key__in=valid_keys())
    found = []
    for token in rows.select_related("key").order_by("-id"):
        span, key = by_id[token.token_id], token.key
        if key.reach.covers(agent.public_id, carried, closed=False):
            only = tuple(filter(None, (span.only or "").split(",")))
            found.append(
                Reached(
                    *(span.subject, span.name, span.rights, None, True, span.since),
                    used_at=key.last_used_at,
                    only=only,
                    from_key=key.key_id,
                )
            )
    return found


def _of_member(member: User, tag: str | None, *, by_id: bool) -> Reached:
    subject = f"person:{member.pk}"
    return Reached(
        subject, member.display_name, str(member.role), tag, by_id, used_at=member.last_login
    )


def _dated(rows: Sequence[Reached], carried: Mapping[str, Put | None]) -> list[Reached]:
    """Return the rows with the moment from which on each reached the agent."""
    subjects = {row.subject for row in rows}
    spans = AccessSpan.objects.filter(subject__in=subjects, until=None).values_list(
        "subject", "tag", "since"
    )
    known = {(subject, tag): since for subject, tag, since in spans}
    found = []
    for row in rows:
        put = carried.get(row.tag) if row.tag is not None else None
        since = known.get((row.subject, row.tag), row.since)
        if put is not None and since is not None:
            since = max(since, put.since)
        found.append(replace(row, since=since, change_set_id=put.change_set_id if put else None))
    return found


def complete_since() -> datetime | None:
    """Return since when all accesses are recorded; None if they always were."""
    marks = AccessSpan.objects.filter(subject="", until=F("since")).order_by("since")
    return marks.values_list("since", flat=True).first()
