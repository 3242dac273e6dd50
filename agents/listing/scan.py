"""The one form of SQL that every list uses: a bounded walk along an index, probing each candidate.

    SELECT c.k FROM (SELECT key AS k FROM driver WHERE ... ORDER BY key DESC LIMIT budget) c
    WHERE probe AND probe LIMIT wanted

The inner limit is a fence: the planner cannot turn the walk round, the walk stops as soon as enough
are found, and a statement never looks at more than its budget. What it did not look at, the next
one does, or the next page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ade.replica import connection
from agents.listing import bounds
from agents.listing.plan import Condition, Driver, Params, Plan


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an order: the value of the column that leads it (None where that is the key)."""

    seq: int
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """Which way: along the key, or along another column of the agents with the key for ties."""

    column: str
    descending: bool

    @property
    def by_key(self) -> bool:
        return self.column == "seq"

    def reversed(self) -> "Walk":
        return Walk(self.column, not self.descending)


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk found, in its order, and how far it looked: None if to the end."""

    rows: list[Position]
    looked_to: Position | None


def walk(
    plan: Plan,
    way: Walk,
    start: Position | None,
    wanted: int,
    *,
    until_one: bool,
    budgets: Sequence[int] = (),
) -> Found:
    """Find up to `wanted` agents after `start`.

    It gives up when its budgets are spent, with what it has; with `until_one`, not before it has
    found one or reached the end.
    """
    steps = budgets or (bounds.BUDGETS if way.by_key else bounds.SCATTERED)
    found = [
        _walk_one(driver, plan.conditions, way, start, wanted, until_one, steps)
        for driver in plan.drivers
    ]
    return found[0] if len(found) == 1 else _merge(found, way, wanted)


def _merge(found: Sequence[Found], way: Walk, wanted: int) -> Found:
    """Merge the walks of several drivers; nothing past where the shortest-sighted looked counts."""
    sign = -1 if way.descending else 1
    ends = [one.looked_to for one in found if one.looked_to is not None]
    horizon = min((sign * end.seq for end in ends), default=None)
    keys = sorted({sign * row.seq for one in found for row in one.rows})
    if horizon is not None:
        keys = [key for key in keys if key <= horizon]
    rows = [Position(sign * key) for key in keys[:wanted]]
    if len(keys) > wanted:
        return Found(rows, rows[-1])
    return Found(rows, None if horizon is None else Position(sign * horizon))


def _walk_one(
    driver: Driver,
    conditions: Sequence[Condition],
    way: Walk,
    start: Position | None,
    wanted: int,
    until_one: bool,
    budgets: Sequence[int],
) -> Found:
    if not conditions:
        first = _candidates(driver, [], way, start, wanted, wanted)
        return Found(first, first[-1] if len(first) == wanted else None)
    rows: list[Position] = []
    step = 0
    while True:
        budget = budgets[min(step, len(budgets) - 1)]
        rows += _candidates(driver, conditions, way, start, budget, wanted - len(rows))
        if len(rows) >= wanted:
            return Found(rows, rows[-1])
        end = _candidates(driver, [], way, start, budget, 1, offset=budget - 1)
        if not end:
            return Found(rows, None)
        start = end[0]
        step += 1
        if step >= len(budgets) and (rows or not until_one):
            return Found(rows, start)


def _candidates(
    driver: Driver,
    conditions: Sequence[Condition],
    way: Walk,
    start: Position | None,
    budget: int,
    wanted: int,
    *,
    offset: int = 0,
) -> list[Position]:
    in_passing = driver.on_agents or not way.by_key
    where, values, more = probes(conditions, in_passing=in_passing)
    inner, params = driver_sql(driver, way, start, more)
    columns = "c.k, c.v" if not way.by_key else "c.k"
    sql = f"SELECT {columns} FROM ({inner} LIMIT %s) c{where}"
    params = [*params, budget, *values]
    # No outer ORDER BY: both databases keep the order of the fenced walk, so its first rows are
    # the right ones, and SQLite would look at the whole budget before it sorts.
    sql += " LIMIT %s"
    params.append(wanted)
    if offset:
        sql += " OFFSET %s"
        params.append(offset)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    positions = [Position(row[0], *(_read(way, value) for value in row[1:])) for row in rows]
    positions.sort(key=lambda one: (one.value or "", one.seq), reverse=way.descending)
    return positions


def probes(
    conditions: Sequence[Condition], *, in_passing: bool, whole: bool = False
) -> tuple[str, Params, tuple[str, ...]]:
    """The conditions as a WHERE on candidates `c`, their values, and the columns `c` must have.

    `in_passing` if candidates are rows of agents: another look-up of the same row costs as much
    as all else that is done for it. `whole` where every candidate is wanted.
    """
    if not conditions:
        return "", [], ()
    tests = [
        one.of_row if in_passing and one.of_row else one.whole if whole else one.sql
        for one in conditions
    ]
    columns = [column for one in conditions for column in one.columns] if in_passing else []
    where = " AND ".join(test.format(k="c.k") for test in tests)
    values = [value for one in conditions for value in one.params]
    return f" WHERE {where}", values, tuple(dict.fromkeys(columns))


def driver_sql(
    driver: Driver, way: Walk, start: Position | None, columns: Sequence[str] = ()
) -> tuple[str, Params]:
    """The ordered candidates of a driver from `start` on, with these columns, without a limit."""
    order = "DESC" if way.descending else "ASC"
    after = "<" if way.descending else ">"
    # The parameters of a driver that is a table function stand before those of its condition.
    params: Params = [*driver.params]
    more = "".join(f", {column}" for column in columns)
    if way.by_key:
        sql = f"SELECT {driver.key} AS k{more} FROM {driver.table} WHERE {driver.where}"
        if start is not None:
            sql += f" AND {driver.key} {after} %s"
            params.append(start.seq)
        return f"{sql} ORDER BY {driver.key} {order}", params
    sql = f"SELECT seq AS k, {way.column} AS v{more} FROM agents_agent WHERE TRUE"
    if start is not None:
        sql += f" AND ({way.column}, seq) {after} (%s, %s)"
        params += [_param(way, start.value), start.seq]
    return f"{sql} ORDER BY {way.column} {order}, seq {order}", params


def _read(way: Walk, value: Any) -> str:
    """A column's value as a cursor carries it: text that sorts as the value does."""
    if way.column != "updated_at":
        return str(value)
    # SQLite keeps a moment as text, and a raw cursor gives it as that.
    return moment_text(value if isinstance(value, datetime) else datetime.fromisoformat(value))


def moment_text(moment: datetime) -> str:
    """A moment as text of one fixed form, in UTC."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(" ", "microseconds")


def _param(way: Walk, value: str | None) -> Any:
    """A cursor's value as the database compares it with the column."""
    if way.column != "updated_at" or value is None:
        return value
    return connection.ops.adapt_datetimefield_value(datetime.fromisoformat(value))
