"""May this key send this request to the server of its agents? Each request gets its own decision.

Nothing is written and no decision is remembered, so a removed tag or a disabled key counts from the
next request on.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from ade.ops import rate_limits
from agents.core.actors import Actor, Power
from agents.core.door.ids import PATH_KINDS, is_id
from agents.core.door.paths import Ambiguous, Target, read_target
from agents.core.door.routes import Match, Route, Who, find_route
from agents.domain.door.callers import Caller
from agents.domain.door.errors import Reason, Refused
from agents.domain.door.lookups import Lookups
from agents.domain.door.places import at_source, find_source
from agents.models import AgentSource

UNKNOWN_PER_MINUTE = 20  # foreign and unknown ids that one key may ask for
# Characters of one id: more than any has.
_ID_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """The request as the proxy got it: its method and its target as they stood in the request line."""

    method: str
    target: str
    source: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who answers the request, the path and query to send there, and the agent that it is about."""

    to: Who
    target: str
    agent_id: str | None = None


def decide(caller: Caller, asked: Asked) -> Allowed:
    """Return where the request may go. Raises Refused, CannotDecide."""
    if not caller.may_come_from(asked.origin):
        raise Refused(Reason.ORIGIN)
    try:
        target = read_target(asked.target)
    except Ambiguous as error:
        raise Refused(Reason.AMBIGUOUS) from error
    match = find_route(asked.method, target)
    if match is None:
        raise Refused(Reason.ROUTE)
    _check_route(match, caller.actor)
    if match.route.who is Who.ADE:
        return Allowed(Who.ADE, _written(match, target, target.query))
    source = find_source(asked.source)
    if not caller.actor.limited:
        _check_unlimited(match, target, caller.actor, source)
        return Allowed(
            Who.LETTA, _written(match, target, target.query), match.names.get("agent_id")
        )
    return _Limited(match, target, caller.actor, source).decide()


def _check_route(match: Match, actor: Actor) -> None:
    """Raise Refused unless keys of this kind may use the route at all."""
    route = match.route
    if route.who is Who.NOBODY:
        raise Refused(Reason.NOBODY)
    if actor.limited:
        shut = route.asks_setting and not settings.DOOR_CONVERSATION_MESSAGES
        if route.unlimited_only or match.old or shut:
            raise Refused(Reason.UNLIMITED)
    if route.needs == "manage" and not actor.can(Power.MANAGE):
        raise Refused(Reason.RIGHT)


def _check_unlimited(match: Match, target: Target, actor: Actor, source: AgentSource) -> None:
    """Raise Refused unless a key without a limit has the right, and ADE knows the agents at the source."""
    right = match.route.right
    if right is not None and right not in actor.rights:
        raise Refused(Reason.RIGHT)
    named = [value for name, value in match.names.items() if name == "agent_id"]
    named += [value for name, value in target.query if name == "agent_id"]
    for agent_id in named:
        if not is_id("agent", agent_id) or not at_source(agent_id, actor, source):
            raise Refused(Reason.AGENT)


class _Limited:
    """The decision for a key that is limited to some agents: all ids must be of one of them."""

    def __init__(self, match: Match, target: Target, actor: Actor, source: AgentSource) -> None:
        self._match, self._target = match, target
        self._actor, self._source = actor, source
        self._lookups = Lookups(source, actor.id)

    def decide(self) -> Allowed:
        query = self._own_query()
        ids = [*self._path_ids(), *self._query_ids(query)]
        direct = {value for kind, value in ids if kind == "agent"}
        if len(direct) > 1:
            raise Refused(Reason.TWO_AGENTS)
        agent_id = next(iter(direct), None)
        if agent_id is not None:  # before any server is asked
            self._require(agent_id)
        later = []
        for kind, value in ids:
            if kind == "agent":
                continue
            if kind in ("listed", "cursor"):
                later.append((kind, value))
                continue
            agent_id = self._owner(kind, value, agent_id)
        if agent_id is None:
            raise Refused(Reason.AGENT)
        for kind, value in later:
            self._check_cursor(kind, value, agent_id)
        return Allowed(Who.LETTA, _written(self._match, self._target, query), agent_id)

    def _own_query(self) -> tuple[tuple[str, str], ...]:
        """Return the parameters that are passed on. Raises Refused for those a limited key may not send."""
        route = self._match.route
        counts = Counter(name for name, _ in self._target.query)
        for name, kind in route.query_ids.items():
            if kind == "never" and counts[name]:
                raise Refused(Reason.PARAMETER)
            if counts[name] > 1:
                raise Refused(Reason.TWICE)
            if kind.endswith("!") and not counts[name]:
                raise Refused(Reason.AGENT)
        known = route.query_other | set(route.query_ids)
        return tuple(pair for pair in self._target.query if pair[0] in known)

    def _path_ids(self) -> Iterator[tuple[str, str]]:
        for name, value in self._match.names.items():
            if name in PATH_KINDS:
                yield PATH_KINDS[name], value

    def _query_ids(self, query: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
        for name, value in query:
            if kind := self._match.route.query_ids.get(name):
                is_cursor = name in ("before", "after", "cursor") and kind == "message"
                yield "cursor" if is_cursor else kind.rstrip("!"), value

    def _require(self, agent_id: str, *, reason: Reason = Reason.AGENT) -> None:
        """Raise Refused unless the agent is within reach, at this source, and the key has the right."""
        if not is_id("agent", agent_id) or not at_source(agent_id, self._actor, self._source):
            self._count_unknown()
            raise Refused(reason)
        if self._match.route.right not in self._actor.rights_on(agent_id):
            raise Refused(Reason.RIGHT)

    def _owner(self, kind: str, value: str, agent_id: str | None) -> str:
        """Return the agent of an id: `agent_id`, or without one an agent that the key may access.

        A foreign id is refused as one that does not exist.
        """
        known = self._lookups.known_owner(value)
        owner = known or self._looked_up(kind, value)
        if owner is None or (agent_id is not None and owner != agent_id):
            self._count_unknown()
            raise Refused(Reason.ID)
        if agent_id is None:
            self._require(owner, reason=Reason.ID)
        if known is None:
            self._lookups.remember(value, owner)
        return owner

    def _looked_up(self, kind: str, value: str) -> str | None:
        self._check_count()
        return self._lookups.owner(kind, value)

    def _check_cursor(self, kind: str, value: str, agent_id: str) -> None:
        """Raise Refused unless the place in a list is an item of the same agent."""
        if self._lookups.known_owner(value) == agent_id:
            return
        self._check_count()
        if kind == "listed":
            plain = _written(self._match, self._target, ())
            good = len(value) <= _ID_LENGTH and self._lookups.is_listed(value, plain)
        else:
            owner = self._lookups.owner("message", value)
            good = owner == agent_id or (owner is None and self._is_own(value, agent_id))
        if not good:
            self._count_unknown()
            raise Refused(Reason.ID)
        if kind != "listed":
            self._lookups.remember(value, agent_id)

    def _is_own(self, message_id: str, agent_id: str) -> bool:
        if not is_id("message", message_id):
            return False
        conversation = self._match.names.get("conversation_id")
        if conversation and self._lookups.is_message_in(message_id, conversation):
            return True
        return self._lookups.is_message_of(message_id, agent_id)

    def _check_count(self) -> None:
        verdict = rate_limits.table().take(self._caller, UNKNOWN_PER_MINUTE, cost=0)
        if not verdict.remaining:
            raise Refused(Reason.TOO_MANY)

    def _count_unknown(self) -> None:
        rate_limits.table().take(self._caller, UNKNOWN_PER_MINUTE)

    @property
    def _caller(self) -> str:
        return f"unknown-ids:{self._actor.id}"


def _written(match: Match, target: Target, query: tuple[tuple[str, str], ...]) -> str:
    """Return the path and query as the server gets them: under /v1/, with the route's own final slash."""
    plain = Target(("v1", *target.segments[1:]), target.slash, query)
    own = match.route.slash if _is_in_table(match.route) else target.slash
    return plain.text(slash=own, query=query)


def _is_in_table(route: Route) -> bool:
    return "{" in route.template or route.who is not Who.ADE or route.slash
