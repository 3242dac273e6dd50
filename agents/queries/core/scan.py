"""The SQL of every list of agents: a bounded walk along an index that checks each candidate.

    SELECT c.k FROM (SELECT key AS k FROM driver WHERE ... ORDER BY key DESC LIMIT budget) c
    WHERE probe AND probe LIMIT wanted

The inner limit is a fence: the planner cannot reorder the walk, the walk stops when enough rows are
found, and a statement never reads more than its budget. The next statement or the next page continues
from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ade.db.replica import connection
from agents.queries.agents.drivers import Driver, Params
from agents.queries.agents.plan import Condition, Plan
from agents.queries.core import bounds


@dataclass(frozen=True, slots=True)
class Position:
    """A position in an order: the agent's key, and the value of the sort column if that is not the key."""

    seq: int
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """The direction: along the key, or along another column of the agents with the key for ties.

    The walk stops before `end`, if given.
    """

    column: str
    descending: bool
    end: Position | None = None

    @property
    def by_key(self) -> bool:
        return self.column == "seq"

    def reversed(self) -> "Walk":
        return Walk(self.column, not self.descending, self.end)

    def bounds(self, start: Position | None, key: str, of: str = "") -> tuple[str, list[Any]]:
        """Return SQL, with a leading AND, for rows after `start` and before `end`; and parameters."""
        sql, params = "", list[Any]()
        signs = ("<", ">") if self.descending else (">", "<")
        for place, sign in zip((start, self.end), signs, strict=True):
            if place is None:
                continue
            if self.by_key:
                sql += f" AND {key} {sign} %s"
            else:
                sql += f" AND ({of}{self.column}, {key}) {sign} (%s, %s)"
                params.append(_param(self, place.value))
            params.append(place.seq)
        return sql, params


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that a walk found, in order, and how far it went: None for the end."""

    rows: list[Position]
    looked_to: Position | None


def walk(
    plan: Plan,
    way: Walk,
    start: Position | None,
    wanted: int,
    *,
    until: int,
    budgets: Sequence[int] = (),
) -> Found:
    """Find up to `wanted` agents after `start`.

    Stops when its budgets are spent, but not before it has found `until` agents or reached the end.
    """
    steps = budgets or (bounds.BUDGETS if way.by_key else bounds.SCATTERED)
    found = [
        _walk_one(driver, plan.conditions, way, start, wanted, until, steps)
        for driver in plan.drivers
    ]
    return found[0] if len(found) == 1 else _merge(found, way, wanted)


def _merge(found: Sequence[Found], way: Walk, wanted: int) -> Found:
    """Merge the walks of several drivers, up to where the shortest of them ended."""
    sign = -1 if way.descending else 1
    ends = [part.looked_to for part in found if part.looked_to is not None]
    horizon = min((sign * end.seq for end in ends), default=None)
    keys = sorted({sign * row.seq for part in found for row in part.rows})
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
    until: int,
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
        if way.by_key and driver.size is not None and driver.size < budget:
            return Found(rows, None)  # it looked at all of them
        end = _candidates(driver, [], way, start, budget, 1, offset=budget - 1)
        if not end:
            return Found(rows, None)
        start = end[0]
        step += 1
        if step >= len(budgets) and len(rows) >= until:
            return Found(rows, start)


# Looks up the agents' rows one by one from the candidates; the planner cannot reorder this.
_SORTED = """
WITH own AS MATERIALIZED (SELECT c.k FROM ({candidates}) c{where})
SELECT a.seq, a.{column} FROM own CROSS JOIN {agents}{past}
ORDER BY a.{column} {order}, a.seq {order} LIMIT %s
"""
_AGENTS = {
    "sqlite": "agents_agent a ON a.seq = own.k",
    "postgresql": "LATERAL (SELECT u.seq, u.{column} FROM agents_agent u WHERE u.seq = own.k"
    " OFFSET 0) a",
}


def sort_all(plan: Plan, way: Walk, start: Position | None, wanted: int) -> Found:
    """Find up to `wanted` agents after `start` by sorting all candidates of the plan."""
    drivers = plan.drivers
    parts = [
        f"SELECT {source.key} AS k FROM {source.table} WHERE {source.where}" for source in drivers
    ]
    params: Params = [value for source in drivers for value in source.params]
    where, values, _ = probes(plan.conditions, in_passing=False)
    past, more = way.bounds(start, "a.seq", of="a.")
    values = [*values, *more]
    sql = _SORTED.format(
        candidates=" UNION ".join(parts),
        where=where,
        column=way.column,
        agents=_AGENTS[connection.vendor].format(column=way.column),
        past=f" WHERE TRUE{past}",
        order="DESC" if way.descending else "ASC",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *values, wanted])
        rows = [Position(seq, _read(way, value)) for seq, value in cursor.fetchall()]
    return Found(rows, rows[-1] if len(rows) == wanted else None)


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
    # No outer ORDER BY: both databases keep the order of the inner walk, so the first rows are the
    # right ones. With ORDER BY, SQLite would read the whole budget before it sorts.
    sql += " LIMIT %s"
    params.append(wanted)
    if offset:
        sql += " OFFSET %s"
        params.append(offset)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    positions = [Position(row[0], *(_read(way, value) for value in row[1:])) for row in rows]
    positions.sort(key=lambda place: (place.value or "", place.seq), reverse=way.descending)
    return positions


def probes(
    conditions: Sequence[Condition], *, in_passing: bool, whole: bool = False
) -> tuple[str, Params, tuple[str, ...]]:
    """Return the conditions as a WHERE on candidates `c`, their values, and the columns `c` needs.

    `in_passing` means that candidates are rows of agents, so their columns are read directly: a second
    look-up of the row would double the cost. `whole` means that every candidate is read.
    """
    if not conditions:
        return "", [], ()
    tests = [
        test.of_row if in_passing and test.of_row else test.whole if whole else test.sql
        for test in conditions
    ]
    columns = [column for test in conditions for column in test.columns] if in_passing else []
    where = " AND ".join(test.format(k="c.k") for test in tests)
    values = [value for test in conditions for value in test.params]
    return f" WHERE {where}", values, tuple(dict.fromkeys(columns))


def driver_sql(
    driver: Driver, way: Walk, start: Position | None, columns: Sequence[str] = ()
) -> tuple[str, Params]:
    """Return SQL for the ordered candidates of a driver after `start`, without a limit."""
    order = "DESC" if way.descending else "ASC"
    # A driver that is a table function has its parameters before those of its condition.
    params: Params = [*driver.params]
    more = "".join(f", {column}" for column in columns)
    if way.by_key:
        within, places = way.bounds(start, driver.key)
        sql = f"SELECT {driver.key} AS k{more} FROM {driver.table} WHERE {driver.where}{within}"
        return f"{sql} ORDER BY {driver.key} {order}", [*params, *places]
    within, places = way.bounds(start, "seq")
    sql = f"SELECT seq AS k, {way.column} AS v{more} FROM agents_agent WHERE TRUE{within}"
    return f"{sql} ORDER BY {way.column} {order}, seq {order}", [*params, *places]


def _read(way: Walk, value: Any) -> str:
    """Return a column's value as text for a cursor. The text sorts as the value does."""
    if way.column != "updated_at":
        return str(value)
    # SQLite stores a time as text, and a raw cursor returns that text.
    return moment_text(value if isinstance(value, datetime) else datetime.fromisoformat(value))


def moment_text(moment: datetime) -> str:
    """Return a time in UTC as text of a fixed form."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(" ", "microseconds")


def _param(way: Walk, value: str | None) -> Any:
    """Return a cursor's value in the form that the database compares with the column."""
    if way.column != "updated_at" or value is None:
        return value
    return connection.ops.adapt_datetimefield_value(datetime.fromisoformat(value))
