"""One page of a list: keyset paging, the same cost on the last page as on the first."""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime

from ade.replica import connection
from agents.actors import Actor
from agents.errors import BadRequest
from agents.filters import AgentFilter, Sort
from agents.jsontext import dumps, loads
from agents.listing import bounds
from agents.listing.plan import ALL_AGENTS, TRIGRAM, Plan, estimated, make_plan
from agents.listing.scan import Found, Position, Walk, driver_sql, moment_text, probes, walk
from agents.models import Agent, Tombstone
from agents.tagnames import fold, text_problem


@dataclass(frozen=True, slots=True)
class Page:
    """The keys of a page's agents in their order, and where its neighbours begin.

    `older` and `newer` are cursors to go on with `after` and `before`. With `cut_short` the page
    is not full because looking further would take too long: `older` goes on from there.
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
) -> Page:
    """The page of `size` agents after one position, or next before another.

    It looks at a bounded number of candidates. With `until_one` it does not come back empty while
    there are agents to find, however long that takes: clients of the API take an empty page for
    the end.
    """
    way = Walk(sort.column, sort.descending)
    backwards = before is not None
    if backwards:
        way = way.reversed()
    found = _find(wanted, actor, way, before if backwards else after, size + 1, until_one)
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


def _find(
    wanted: AgentFilter, actor: Actor, way: Walk, start: Position | None, most: int, until_one: bool
) -> Found:
    if way.by_key and connection.vendor == "postgresql" and len(fold(wanted.q)) >= TRIGRAM:
        found = _glance(wanted, actor, way, start, most)
        if found is not None:
            return found
    plan = make_plan(wanted, actor)
    if plan is None:
        return Found([], None)
    if way.by_key:
        return walk(plan, way, start, most, until_one=until_one)
    if _is_narrow(plan):
        return Found(*_sorted(plan, way, start, most))
    plan = make_plan(wanted, actor, drive=False)
    assert plan is not None  # noqa: S101  # the same filter had one above
    return walk(plan, way, start, most, until_one=until_one)


def _glance(
    wanted: AgentFilter, actor: Actor, way: Walk, start: Position | None, most: int
) -> Found | None:
    """The page of a search without the trigram index, if the next few agents fill it.

    PostgreSQL's index gives its hits in no order, so that of a common text thousands are read.
    """
    plan = make_plan(wanted, actor, search=False)
    if plan is None or not plan.drivers[0].on_agents:
        return None
    found = walk(plan, way, start, most, until_one=False, budgets=bounds.BUDGETS[:1])
    return found if len(found.rows) >= most or found.looked_to is None else None


def _is_narrow(plan: Plan) -> bool:
    """True if its candidates are few enough to be sorted."""
    sizes = [estimated(driver) for driver in plan.drivers if driver != ALL_AGENTS]
    known = [size for size in sizes if size is not None]
    return len(known) == len(plan.drivers) and sum(known) <= bounds.SORTED


def _sorted(
    plan: Plan, way: Walk, start: Position | None, most: int
) -> tuple[list[Position], Position | None]:
    """All candidates of a narrow plan, sorted by a column of theirs."""
    seqs: set[int] = set()
    for driver in plan.drivers:
        where, values, more = probes(plan.conditions, in_passing=driver.on_agents)
        inner, params = driver_sql(driver, Walk("seq", descending=True), None, more)
        sql = f"SELECT c.k FROM ({inner} LIMIT %s) c{where}"
        with connection.cursor() as cursor:
            cursor.execute(sql, [*params, bounds.SORTED + 1, *values])
            seqs.update(row[0] for row in cursor)
    rows = [
        Position(seq, value)
        for value, seq in _keyed(seqs, way)
        if start is None or _is_past(way, (value, seq), start)
    ]
    cut = rows[:most]
    return cut, cut[-1] if len(rows) > most else None


def _keyed(seqs: set[int], way: Walk) -> list[tuple[str, int]]:
    values = Agent.objects.filter(seq__in=seqs).values_list(way.column, "seq")
    keyed = [(v if isinstance(v, str) else moment_text(v), k) for v, k in values]
    return sorted(keyed, reverse=way.descending)


def _is_past(way: Walk, row: tuple[str, int], start: Position) -> bool:
    here = (start.value or "", start.seq)
    return row < here if way.descending else row > here


def encode(position: Position | None) -> str | None:
    """A position as the opaque text that stands in a URL."""
    if position is None:
        return None
    text = dumps([position.seq] if position.value is None else [position.seq, position.value])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str, sort: Sort) -> Position:
    """The position in a cursor from a URL. Raises BadRequest if it is none of this order."""
    shape: list[type] = [int] if sort.column == "seq" else [int, str]
    try:
        parts = loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
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
    """The place of an agent, or of a deleted one, in an order.

    Raises BadRequest for an id that never was, or that does not exist for this actor.
    """
    seen = Agent.objects.visible_to(actor).filter(public_id=public_id)
    row = seen.only("seq", "name", "updated_at").first() or _buried(public_id, actor)
    if row is None:
        raise BadRequest(f"Agent with ID {public_id} not found, so no page starts from it.")
    values = {"seq": None, "name": row.name, "updated_at": moment_text(row.updated_at)}
    return Position(row.seq, values[sort.column])


def _buried(public_id: str, actor: Actor) -> Tombstone | None:
    grave = Tombstone.objects.filter(public_id=public_id).first()
    if grave is None or (actor.limit is not None and actor.limit not in loads(grave.tags)):
        return None
    return grave
