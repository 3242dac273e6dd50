"""Count the agents of a filter: exactly, or up to a limit with bounded work."""

from dataclasses import dataclass, replace

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.core.filters import AgentFilter
from agents.core.limits import EXACT_COUNT
from agents.queries.agents.drivers import ALL_AGENTS, HIDDEN, Driver, Lookups, Params
from agents.queries.agents.kept_counts import difference
from agents.queries.agents.plan import Plan, make_plan
from agents.queries.core import bounds
from agents.queries.core.scan import probes


@dataclass(frozen=True, slots=True)
class Count:
    """A number of agents. If it is not exact, there are at least that many."""

    n: int
    exact: bool

    def __str__(self) -> str:
        return f"{self.n:,}" if self.exact else f"{self.n:,}+"


@dataclass(frozen=True, slots=True)
class _Counted:
    """The agents of `plan` without those of `less`, if that is not None: agents that are hidden."""

    plan: Plan
    less: Plan | None = None


def count(wanted: AgentFilter, *, actor: Actor) -> int:
    """Return the exact number. The work grows with the matches of the filter's narrowest part.

    A number that depends on nothing but tags is counted once, until one of them changes.
    """
    counted = _counted(wanted, actor, Lookups())
    if counted is None:
        return 0
    known = _known(counted.plan)
    if known is not None:
        return known - _hidden(counted)
    less: tuple[str, Params] = ("0", []) if counted.less is None else _count_all(counted.less)
    return difference(_count_all(counted.plan), less, counted.plan.tags)


def capped_count(
    wanted: AgentFilter,
    *,
    actor: Actor,
    most: int = EXACT_COUNT,
    budget: int | None = None,
    lookups: Lookups | None = None,
) -> Count:
    """Return the number, exact up to `most`, from `budget` candidates (by default bounds.COUNTED).

    For a limited actor from all candidates: a bound would reveal how many agents others have.
    `lookups` are shared with a page of the same moment.
    """
    counted = _counted(wanted, actor, lookups or Lookups())
    if counted is None:
        return Count(0, exact=True)
    plan, hidden = counted.plan, _hidden(counted)
    known = _known(plan)
    if known is not None:
        return _capped(known - hidden, most)
    # With any of several tags: the largest alone may exceed the limit.
    if not plan.conditions and max(driver.size or 0 for driver in plan.drivers) - hidden > most:
        return Count(most, exact=False)
    enough = most + hidden + 1
    if not plan.conditions:
        return _capped(_few(plan, enough, enough) - hidden, most)
    if actor.limited:
        return _capped(_few(plan, None, enough) - hidden, most)
    budget = budget or bounds.COUNTED
    found = _few(plan, budget, enough) - hidden
    if found > most:
        return Count(most, exact=False)
    looked = plan.size
    if looked is None:
        looked = _few(Plan(plan.drivers), budget, budget)
    return Count(max(found, 0), looked < budget)


def _capped(n: int, most: int) -> Count:
    return Count(min(n, most), n <= most)


def _counted(wanted: AgentFilter, actor: Actor, lookups: Lookups) -> _Counted | None:
    """Return what to count; None if no agent matches.

    Whether an agent is hidden stands in its row, and reading the row of every candidate takes most of
    a count. If few agents are hidden, all that match are counted, and the hidden ones subtracted.
    """
    if wanted.visible and (hidden := lookups.estimated(HIDDEN)) is not None:
        wanted = replace(wanted, visible=False)
        plan = make_plan(wanted, actor, lookups)
        less = make_plan(wanted, actor, lookups, drive=False) if hidden else None
        if plan is None:
            return None
        return _Counted(plan, None if less is None else Plan([HIDDEN], less.conditions))
    plan = make_plan(wanted, actor, lookups)
    return None if plan is None else _Counted(plan)


def _hidden(counted: _Counted) -> int:
    return 0 if counted.less is None else _number(*_count_all(counted.less))


def _known(plan: Plan) -> int | None:
    """Return the number if a counter has it."""
    if len(plan.drivers) == 1 and not plan.conditions:
        return plan.drivers[0].size
    return None


def _count_all(plan: Plan) -> tuple[str, Params]:
    inner, params, where = _candidates(plan)
    return f"SELECT count(*) FROM ({inner}) c{where}", params


def _few(plan: Plan, budget: int | None, most: int) -> int:
    """Count up to `most` of the newest `budget` candidates of each driver; None: of all."""
    inner, params, where = _candidates(plan, budget)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM ({inner}) c{where} LIMIT %s) few"
    return _number(sql, [*params, most])


def _candidates(plan: Plan, budget: int | None = None) -> tuple[str, Params, str]:
    """Return SQL for the keys of all candidates, or of the newest `budget` of each driver.

    Also returns the parameters, and the conditions as a WHERE. The parameters are for both.
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
