"""How many agents a filter has: exact where asked, within bounded work where not."""

from dataclasses import dataclass

from ade.replica import connection
from agents.actors import Actor
from agents.filters import AgentFilter
from agents.limits import EXACT_COUNT
from agents.listing import bounds
from agents.listing.plan import ALL_AGENTS, Driver, Params, Plan, make_plan
from agents.listing.scan import probes


@dataclass(frozen=True, slots=True)
class Count:
    """A number of agents; where it is not exact, there are at least that many."""

    n: int
    exact: bool

    def __str__(self) -> str:
        return f"{self.n:,}" if self.exact else f"{self.n:,}+"


def count(wanted: AgentFilter, *, actor: Actor) -> int:
    """Exactly how many. The work grows with what the narrowest part of the filter has."""
    plan = make_plan(wanted, actor)
    if plan is None:
        return 0
    if (known := _known(plan)) is not None:
        return known
    inner, params, where = _all_candidates(plan)
    return _number(f"SELECT count(*) FROM ({inner}) c{where}", params)


def capped_count(wanted: AgentFilter, *, actor: Actor, most: int = EXACT_COUNT) -> Count:
    """How many, exact up to `most`, looking at a bounded number of candidates."""
    plan = make_plan(wanted, actor)
    if plan is None:
        return Count(0, exact=True)
    if (known := _known(plan)) is not None:
        return Count(min(known, most), known <= most)
    if not plan.conditions and plan.size is not None:
        # Tags of which any will do: the largest alone may pass the bound.
        largest = max(driver.size or 0 for driver in plan.drivers)
        if largest > most:
            return Count(most, exact=False)
    budget = most + 1 if not plan.conditions else bounds.COUNTED
    inner, params, where = _all_candidates(plan, budget)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM ({inner}) c{where} LIMIT %s) few"
    found = _number(sql, [*params, most + 1])
    if found > most:
        return Count(most, exact=False)
    bare = Plan(plan.drivers)
    inner, params, _ = _all_candidates(bare, budget)
    looked = _number(f"SELECT count(*) FROM ({inner}) c", params)
    return Count(found, looked < budget)


def _known(plan: Plan) -> int | None:
    """The answer where a counter holds it."""
    if len(plan.drivers) == 1 and not plan.conditions:
        return plan.drivers[0].size
    return None


def _all_candidates(plan: Plan, budget: int | None = None) -> tuple[str, Params, str]:
    """Every candidate's key once, or of each driver the newest `budget`; and what is asked of them.

    The parameters are those of both.
    """
    in_passing = len(plan.drivers) == 1 and plan.drivers[0].on_agents
    where, values, columns = probes(plan.conditions, in_passing=in_passing, whole=budget is None)
    more = "".join(f", {column}" for column in columns)
    parts, params = [], []
    for driver in plan.drivers:
        sql = f"SELECT {driver.key} AS k{more} FROM {driver.table} WHERE {driver.where}"
        params += driver.params
        if budget is not None:
            order = "" if driver == ALL_AGENTS and not plan.conditions else _order(driver)
            sql = f"SELECT * FROM ({sql}{order} LIMIT %s) d"
            params.append(budget)
        parts.append(sql)
    return " UNION ".join(parts), [*params, *values], where


def _order(driver: Driver) -> str:
    return f" ORDER BY {driver.key} DESC"


def _number(sql: str, params: Params) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.fetchone()[0])
