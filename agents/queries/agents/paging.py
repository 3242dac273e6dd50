"""Keyset paging for lists of agents. The last page costs as much as the first."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.core.errors import BadRequest
from agents.core.filters import AgentFilter, Sort
from agents.core.json_text import dumps, loads, loads_from_address
from agents.core.tag_text import fold, text_problem
from agents.models import Agent, Tombstone
from agents.queries.agents.drivers import ALL_AGENTS, TRIGRAM, Lookups
from agents.queries.agents.plan import Plan, make_plan
from agents.queries.core import bounds
from agents.queries.core.scan import Found, Position, Walk, moment_text, sort_all, walk
from agents.queries.tags.closed import watched


@dataclass(frozen=True, slots=True)
class Page:
    """The keys of a page's agents in order, and the cursors of the pages beside it.

    Use `older` for `after` and `newer` for `before`. With `cut_short` the page is not full, because
    more work would take too long: `older` continues from there.
    """

    seqs: list[int] = field(default_factory=list)
    older: str | None = None
    newer: str | None = None
    cut_short: bool = False


def page(
    wanted: AgentFilter,
    *,
    actor: Actor,
    sort: Sort = Sort.NEWEST,
    size: int,
    after: Position | None = None,
    before: Position | None = None,
    until_one: bool = False,
    budgets: Sequence[int] = (),
    lookups: Lookups | None = None,
) -> Page:
    """Return `size` agents after one position, directly before another, or between the two.

    Reads a bounded number of candidates: `budgets` has one number per statement. A limited actor's
    page is always full, because it reads that actor's own agents only. With `until_one` the page is
    never empty while there are agents to find, at any cost: clients of the API take an empty page for
    the end. `lookups` are shared with a count of the same moment.
    """
    backwards = before is not None and after is None
    way = Walk(sort.column, sort.descending, before if after is not None else None)
    if backwards:
        way = way.reversed()
    reach = _Reach(size + 1, until_one, budgets, lookups or Lookups())
    found = _find(wanted, actor, way, before if backwards else after, reach)
    rows = found.rows[:size]
    if len(found.rows) > size:
        end: Position | None = rows[-1] if rows else None
    else:
        end = found.looked_to
    cut_short = end is not None and len(rows) < size
    start = rows[0] if rows else None
    if backwards:
        rows.reverse()
        older = encode(start or before)
        return Page([row.seq for row in rows], older, encode(end), cut_short)
    newer = encode(start or after) if after is not None else None
    return Page([row.seq for row in rows], encode(end), newer, cut_short)


@dataclass(frozen=True, slots=True)
class _Reach:
    """How many agents a page needs, how many candidates it may read, and what was looked up."""

    most: int
    until_one: bool
    budgets: Sequence[int]
    lookups: Lookups


def _find(
    wanted: AgentFilter, actor: Actor, way: Walk, start: Position | None, reach: _Reach
) -> Found:
    most = reach.most
    # Candidates include agents of others, so a limited actor's page must not end at a budget: that
    # would reveal their number. It costs at most as much as reading all of the actor's own agents.
    until = most if actor.limited else int(reach.until_one)
    if way.by_key and connection.vendor == "postgresql" and len(fold(wanted.q)) >= TRIGRAM:
        found = _glance(wanted, actor, way, start, reach)
        if found is not None:
            return found
    plan = make_plan(wanted, actor, reach.lookups)
    if plan is None:
        return Found([], None)
    if way.by_key:
        return walk(plan, way, start, most, until=until, budgets=reach.budgets)
    if _is_narrow(plan, reach.lookups):
        return sort_all(plan, way, start, most)
    whole = make_plan(wanted, actor, reach.lookups, drive=False)
    assert whole is not None  # noqa: S101  # the same filter had one above
    if not actor.limited:
        return walk(whole, way, start, most, until=until, budgets=reach.budgets)
    found = walk(whole, way, start, most, until=0, budgets=bounds.SCATTERED[:1])
    is_whole = len(found.rows) >= most or found.looked_to is None
    return found if is_whole else sort_all(plan, way, start, most)


def _glance(
    wanted: AgentFilter, actor: Actor, way: Walk, start: Position | None, reach: _Reach
) -> Found | None:
    """Return the page of a search without the trigram index, if the next few agents fill it.

    PostgreSQL's index returns hits in no order, so a common text would read thousands of them.
    """
    plan = make_plan(wanted, actor, reach.lookups, search=False)
    if plan is None or not plan.drivers[0].on_agents:
        return None
    found = walk(plan, way, start, reach.most, until=0, budgets=bounds.BUDGETS[:1])
    return found if len(found.rows) >= reach.most or found.looked_to is None else None


def _is_narrow(plan: Plan, lookups: Lookups) -> bool:
    """True if the plan has few enough candidates to sort them."""
    sizes = [lookups.estimated(driver) for driver in plan.drivers if driver != ALL_AGENTS]
    known = [size for size in sizes if size is not None]
    return len(known) == len(plan.drivers) and sum(known) <= bounds.SORTED


def cursor_of(page: Page, sort: Sort, ids: Mapping[int, str]) -> str | None:
    """Return the id of the agent, maybe deleted, after which the next page starts; None at the end.

    `ids` are those of the agents that were read for the page, by key.
    """
    if page.older is None or not page.seqs:
        return None
    seq = decode(page.older, sort).seq
    return ids.get(seq) or agent_id_at(seq)


def agent_id_at(seq: int) -> str | None:
    """Return the id of the agent with this key, maybe deleted; None if it never existed."""
    for rows in (Agent.objects, Tombstone.objects):
        found = rows.filter(seq=seq).values_list("public_id", flat=True).first()
        if found is not None:
            return str(found)
    return None


def encode(position: Position | None) -> str | None:
    """Return a position as an opaque text for a URL."""
    if position is None:
        return None
    text = dumps([position.seq] if position.value is None else [position.seq, position.value])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str, sort: Sort) -> Position:
    """Return the position in a cursor from a URL. Raises BadRequest if it is not of this order."""
    shape: list[type] = [int] if sort.column == "seq" else [int, str]
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        parts = loads_from_address(decoded)
        if [type(part) for part in parts] != shape or not -(2**63) <= parts[0] < 2**63:
            raise ValueError
        if sort.column == "updated_at":
            moment_text(datetime.fromisoformat(parts[1]))
        if any(text_problem(part) for part in parts[1:]):
            raise ValueError
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise BadRequest(
            "This link's position in the list cannot be read.", field="after"
        ) from None
    return Position(*parts)


def position_of(public_id: str, *, actor: Actor, sort: Sort) -> Position:
    """Return the position of an agent, maybe deleted, in an order.

    Raises BadRequest for an id that never existed or that this actor may not see.
    """
    seen = Agent.objects.visible_to(actor).filter(public_id=public_id)
    row = seen.only("seq", "name", "updated_at").first() or _tombstone(public_id, actor)
    if row is None:
        raise BadRequest(f"Agent with ID {public_id} not found. Use another ID as cursor.")
    values = {"seq": None, "name": row.name, "updated_at": moment_text(row.updated_at)}
    return Position(row.seq, values[sort.column])


def _tombstone(public_id: str, actor: Actor) -> Tombstone | None:
    stone = Tombstone.objects.filter(public_id=public_id).first()
    if stone is None or actor.reach.everything:
        return stone
    tags = loads(stone.tags)
    return stone if actor.reach.covers(public_id, tags, closed=bool(watched(tags))) else None
