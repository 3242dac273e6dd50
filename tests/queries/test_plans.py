"""What a list costs is in proportion to its page: read from the plans, on both databases.

Work is what PostgreSQL counts as buffers (pages touched, cached or not) and SQLite as instructions
of its virtual machine, in hundreds, over all statements that one page runs.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from agents.core.actors import command_actor
from agents.core.filters import AgentFilter, Sort
from agents.models import Agent
from agents.queries import agents as listing
from agents.queries.core.scan import moment_text

ROOT = command_actor("test")
# One more level of an index is 2 pages become 3; the slack is for its one or two probes of a row.
GROWTH = 1.5
# These cost more than a page by their nature; what bounds them stands in agents.queries.core.bounds.
BOUNDED = {
    "the rows": 700,  # 50 agents, and of 235 tags on them about 100 different ones
    "two tags that never meet": 350_000,  # BUDGETS: looks at 82,000, then gives a short page
    "name and a huge tag": 6_000,  # SEARCH_HITS: the hits are read to be sorted
    "a model and a tag": 3_000,  # a row of every candidate: the rarer the model, the more
    "one user, by updated_at": 4_500,  # SORTED: as many agents are read to be sorted
    "one user, by name": 4_500,
    "name, common, by updated_at": 5_000,  # SCATTERED: as many agents are read until enough fit
    "name, common, by name": 50_000,
    "any of three and a huge one": 1_000,  # 50 of each of the three, a page in all
    "none of a huge tag, not hidden": 1_000,  # also the row of every candidate
    "two huge tags, by": 1_000,  # two probes of every candidate
}

F = AgentFilter
# In the reference data env:prod is on 80 %, tier:free on 60 %, region:eu and region:us on 31 % each
# and never together; a cohort is on ten agents; every thousandth agent has no tag.
LISTS: dict[str, AgentFilter] = {
    "all": F(),
    "one user": F(any=("user_9",)),
    "a huge tag": F(any=("env:prod",)),
    "two huge tags": F(all=("env:prod", "tier:free")),
    "two tags that never meet": F(all=("region:eu", "region:us")),
    "rare and huge": F(all=("cohort:0003", "env:prod")),
    "any of three": F(any=("tier:gold", "region:eu", "cohort:0003")),
    "any of three and a huge one": F(any=("tier:gold", "region:eu", "team:00"), all=("env:prod",)),
    "none of a huge tag": F(none=("tier:free",)),
    "a huge tag and none of another": F(all=("env:prod",), none=("tier:free",)),
    "a tag excluded from itself": F(all=("env:prod",), none=("env:prod",)),
    "untagged": F(untagged=True),
    "userless": F(userless=True),
    "two users": F(two_users=True),
    "name, rare": F(q="amsterdam 4999"),
    "name, common": F(q="agent"),
    "name, two letters": F(q="ag"),
    "name, no hit": F(q="no such agent"),
    "name and a huge tag": F(q="billing", all=("env:prod",)),
    "name without a hit and a huge tag": F(q="no such agent", all=("env:prod",)),
    "an unknown tag": F(all=("no-such-tag",)),
    "not hidden": F(visible=True),
    "a huge tag, not hidden": F(all=("env:prod",), visible=True),
    "two huge tags, not hidden": F(all=("env:prod", "tier:gold"), visible=True),
    "none of a huge tag, not hidden": F(none=("env:prod",), visible=True),
    "name, common, not hidden": F(q="agent", visible=True),
    "a model": F(models=("openai/gpt-4o",)),
    "two models": F(models=("openai/gpt-4o", "letta/letta-free")),
    "a model and a tag": F(models=("openai/gpt-4o",), all=("env:prod",)),
}  # fmt: skip
BY_COLUMN = [
    "all", "a huge tag", "two huge tags", "none of a huge tag", "one user", "name, common",
    "name, rare",
]  # fmt: skip


@dataclass
class Cost:
    """What the statements of one page did."""

    work: int = 0
    is_full: bool = False
    bad_plans: list[str] = field(default_factory=list)


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure every statement run inside."""
    cost = Cost()
    measure = _buffers if connection.vendor == "postgresql" else _instructions

    def wrapper(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        measure(cost, execute, sql, params, many, context)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield cost


def _buffers(cost: Cost, execute: Any, sql: str, params: Any, many: bool, context: Any) -> None:
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}"
    execute(explain, params, many, context)
    (answer,) = context["cursor"].fetchone()
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    cost.work += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    cost.bad_plans += [
        f"{node['Node Type']} of {node['Relation Name']}: {sql}"
        for node in _nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] != "agents_tag"
    ]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _instructions(
    cost: Cost, execute: Any, sql: str, params: Any, many: bool, context: Any
) -> None:
    execute(f"EXPLAIN QUERY PLAN {sql}", params, many, context)
    details = [row[3] for row in context["cursor"].fetchall()]
    cost.bad_plans += [f"{one}: {sql}" for one in details if _is_bad(one, sql)]

    def count() -> int:
        cost.work += 1
        return 0

    connection.connection.set_progress_handler(count, 100)
    try:
        execute(sql, params, many, context)
        context["cursor"].fetchall()
    finally:
        connection.connection.set_progress_handler(None, 100)


def _is_bad(detail: str, sql: str) -> bool:
    if detail.startswith("USE TEMP B-TREE FOR ORDER BY"):
        return "FROM own CROSS JOIN" not in sql  # few candidates, sorted on purpose
    # Agents lie in the order of their key, so the first ones of that order are a scan as well.
    in_order = detail == "SCAN agents_agent" and "ORDER BY seq" in sql
    whole = detail.startswith("SCAN agents_") and " USING " not in detail
    return whole and "VIRTUAL TABLE" not in detail and not in_order


def cost_of(wanted: AgentFilter, sort: Sort = Sort.NEWEST, **where: listing.Position) -> Cost:
    """One page of 50."""
    with measured() as cost:
        page = listing.page(wanted, actor=ROOT, sort=sort, size=50, **where)
    cost.is_full = len(page.seqs) == 50
    return cost


def cost_of_rows() -> Cost:
    """What a page shows of its 50 agents, with their tags."""
    page = listing.page(AgentFilter(), actor=ROOT, size=50)
    with measured() as cost:
        assert len(listing.rows(page.seqs)) == 50
    cost.is_full = False  # tags are looked up one by one as soon as reading them all costs more
    return cost


def place(sort: Sort, *, before_the_end: int) -> listing.Position:
    """The position so many agents before the end of an order."""
    sign = "-" if sort.descending else ""
    agents = Agent.objects.order_by(f"{sign}{sort.column}", f"{sign}seq")
    agent = agents[agents.count() - before_the_end]
    value = {"seq": None, "updated_at": moment_text(agent.updated_at), "name": agent.name}
    return listing.Position(agent.seq, value[sort.column])


def all_costs() -> dict[str, Cost]:
    """The cost of every kind of page."""
    costs = {"the rows": cost_of_rows()}
    costs |= {name: cost_of(wanted) for name, wanted in LISTS.items()}
    middle = Agent.objects.count() // 2
    for sort in (Sort.NEWEST, Sort.UPDATED, Sort.NAME):
        halfway, end = place(sort, before_the_end=middle), place(sort, before_the_end=200)
        for name in BY_COLUMN:
            by = f"{name}, by {sort.column}"
            costs[by] = cost_of(LISTS[name], sort)
            costs[f"{by}, half-way"] = cost_of(LISTS[name], sort, after=halfway)
            costs[f"{by}, last"] = cost_of(LISTS[name], sort, after=end)
            costs[f"{by}, back"] = cost_of(LISTS[name], sort, before=end)
    return costs


@contextmanager
def reference_agents(count: int) -> Iterator[None]:
    """Reference data, committed, so that PostgreSQL's statistics and visibility map are real."""
    call_command("bench_data", agents=count, verbosity=0, stdout=io.StringIO())
    try:
        yield
    finally:
        call_command("flush", interactive=False, verbosity=0)
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM agents_agent_search")
                cursor.execute("DELETE FROM agents_tag_search")


def too_dear(few: dict[str, Cost], many: dict[str, Cost]) -> list[str]:
    """The pages that cost more than they may, or grow with the number of agents."""
    most, slack = (500, 100) if connection.vendor == "postgresql" else (100, 5)
    found = []
    for name, cost in many.items():
        before = few[name]
        exempt = next((limit for part, limit in BOUNDED.items() if name.startswith(part)), None)
        if cost.work > (most if exempt is None else exempt):
            found.append(f"{name}: {cost.work}")
        if exempt is None and before.is_full and cost.work > GROWTH * before.work + slack:
            found.append(f"{name}: from {before.work} to {cost.work}")
    return found


def check(few: int, many: int) -> None:
    with reference_agents(few):
        of_few = all_costs()
    with reference_agents(many):
        of_many = all_costs()
    assert too_dear(of_few, of_many) == []
    assert [bad for cost in of_many.values() for bad in cost.bad_plans] == []


@pytest.mark.django_db(transaction=True)
def test_pages_cost_the_same_at_5000_agents() -> None:
    check(2_000, 5_000)


@pytest.mark.prove
@pytest.mark.django_db(transaction=True)
def test_pages_cost_the_same_at_100000_agents() -> None:
    check(10_000, 100_000)
