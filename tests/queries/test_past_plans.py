"""What an answer about a past moment costs does not depend on what happened before or after it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents.core.reach import Reach
from agents.core.spans import node
from agents.domain.core.insert import insert
from agents.models import AgentTag, Change, ChangeSet
from agents.queries.access import period
from agents.queries.access.listed import PastFilter, agents_at
from agents.queries.access.period import agent_report, tag_report
from agents.queries.history.own import own_history
from tests.helpers import ROOT, make_agent, make_limited_key
from tests.queries.test_plans import measured

pytestmark = pytest.mark.django_db
BEGIN = timezone.now() - timedelta(days=300)
THEN = BEGIN + timedelta(days=100)
COLUMNS = (
    "change_set_id",
    "op",
    "agent_id",
    "agent_name",
    "tag",
    "field",
    "at",
    "added_at",
    "span_node",
)
FEW, MANY = 300, 12_000
# A level more of an index is one page more for each of up to 64 nodes.
GROWTH, SLACK = 1.5, 150


@pytest.fixture(autouse=True)
def agents() -> list[str]:
    """60 agents with the tag since the beginning, of which half lost it after the moment, and one was deleted."""
    made = [make_agent(tags=["hot"]).public_id for _ in range(60)]
    Change.objects.update(at=BEGIN)
    AgentTag.objects.update(added_at=BEGIN)
    later = BEGIN + timedelta(days=250)
    AgentTag.objects.filter(agent__public_id__in=made[30:]).delete()
    put([("remove", one, "hot", BEGIN, later) for one in made[30:]])
    return made


def put(spans: list[tuple[str, str, str | None, datetime, datetime]]) -> None:
    """Record the ends of spans: op, agent, tag, begin and end."""
    number = ChangeSet.objects.latest("id").id
    insert(
        Change,
        COLUMNS,
        [
            (number, op, agent_id, "x", tag, "", end, begin, node(begin, end))
            for op, agent_id, tag, begin, end in spans
        ],
    )


def churn(count: int, op: str, tag: str | None, low: datetime, high: datetime) -> None:
    """Spans of other agents between two moments, a minute to hours long."""
    step = (high - low) / count
    put(
        [
            (op, f"agent-x{number}", tag, low + step * number, low + step * (number + 1) - step / 3)
            for number in range(count)
        ]
    )


def as_if_large() -> None:
    """Make PostgreSQL plan as for a large table: a small one it reads whole, with what other tests left."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE agents_change")
            cursor.execute("SET LOCAL enable_seqscan = off")


def cost(ask: Callable[[], Any]) -> int:
    as_if_large()
    with measured() as found:
        ask()
    return found.work


def parts() -> Iterator[tuple[datetime, datetime]]:
    yield BEGIN, THEN - timedelta(seconds=1)
    yield THEN + timedelta(seconds=1), timezone.now()


@pytest.mark.parametrize("wanted", [PastFilter(any=["hot"]), PastFilter()], ids=["tag", "all"])
def test_a_page_of_the_past_costs_the_same_after_any_number_of_changes(wanted: PastFilter) -> None:
    op, tag = ("remove", "hot") if wanted.any else ("delete", None)

    def page() -> None:
        assert len(agents_at(wanted, THEN, size=50).rows) == 50

    for low, high in parts():
        churn(FEW, op, tag, low, high)
    few = cost(page)
    for low, high in parts():
        churn(MANY, op, tag, low, high)
    assert cost(page) <= GROWTH * few + SLACK
    rest = agents_at(wanted, THEN, cursor=agents_at(wanted, THEN, size=50).older, size=50)
    assert len(rest.rows) == 10
    assert not rest.cut_short


def test_a_name_that_another_tag_had_costs_a_bounded_number_of_rows() -> None:
    """Rows of the other tag are read and skipped: the page says that there is more to read."""
    first = Change.objects.earliest("id").id
    put([("remove", f"agent-y{n}", "new", BEGIN, THEN + timedelta(days=1)) for n in range(100)])
    number = ChangeSet.objects.latest("id").id
    at = THEN + timedelta(days=2)
    insert(
        Change,
        ("change_set_id", "op", "tag", "old", "new", "field", "at"),
        [(number, "rename", "hot", "hot", "new", "", at)],
    )
    assert first
    found = agents_at(PastFilter(any=["hot"]), THEN, size=100)
    assert len(found.rows) == 30  # by "hot"; the rows under "new" are of the tag that had it before


def test_a_report_about_an_agent_costs_what_the_agent_did(agents: list[str]) -> None:
    def report() -> None:
        agent_report(agents[0], BEGIN, timezone.now())

    few = cost(report)
    churn(MANY, "remove", "hot", BEGIN, timezone.now())
    assert cost(report) <= GROWTH * few + SLACK


def test_a_report_about_a_tag_reads_the_changes_of_its_period(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(period, "_SLACK", 0)

    def report() -> None:
        tag_report("hot", BEGIN - timedelta(days=9), BEGIN - timedelta(days=8))

    few = cost(report)
    churn(MANY, "remove", "hot", BEGIN, timezone.now())
    ChangeSet.objects.update(created_at=timezone.now())
    assert cost(report) <= GROWTH * few + SLACK


def test_the_history_of_a_limited_actor_costs_what_its_agents_did() -> None:
    actor = make_limited_key(Reach.of_tags(["hot"]))
    few = cost(lambda: own_history(actor))
    churn(MANY, "remove", "cold", BEGIN, timezone.now())
    own = make_agent(tags=["hot"]).public_id
    put([("remove", own, "cold", BEGIN, THEN)] * MANY)
    assert cost(lambda: own_history(actor)) <= GROWTH * few + 20 * SLACK
    assert ROOT.reach.everything
