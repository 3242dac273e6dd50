"""Upkeep reads much and writes little: it reads outside of the transactions for which writers wait."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.domain.tags.edit import change_tags
from agents.domain.upkeep import directory, tally
from agents.domain.upkeep.tidy import tidy
from agents.domain.webhooks import log
from agents.domain.webhooks.write import create_webhook, delete_webhook
from agents.models import Agent, AgentUse, DayTally, Delivery, DeliveryState, TallyHead, UserChange
from tests.helpers import ROOT, make_agent
from tests.webhooks.telling import take_up

pytestmark = pytest.mark.django_db(transaction=True)
OLD = datetime(2020, 1, 1, tzinfo=UTC)


def make_history() -> None:
    create_webhook(url="https://app.example.org/", actor=ROOT)
    for number in range(3):
        agent = make_agent(tags=[f"user_{number}"])
        change_tags(agent_id=agent.public_id, add=["x"], actor=ROOT)
    Agent.objects.update(updated_at=timezone.now() - timedelta(minutes=1))


def count_history() -> None:
    assert tally.count_history(upto=log.safe_end()) is False


def reads_under_lock(work: Callable[[], object]) -> list[str]:
    """The statements of transactions that write, other than those that write themselves."""
    found, inside = [], False
    with CaptureQueriesContext(connection) as asked:
        work()
    for sql in (one["sql"] for one in asked):
        if sql.startswith(("BEGIN", "COMMIT")):
            inside = sql.startswith("BEGIN") and "DEFERRED" not in sql
        elif inside and sql.startswith("SELECT"):
            found.append(sql)
    return found


@pytest.mark.only_sqlite  # on PostgreSQL, reads block no writer
@pytest.mark.parametrize(
    ("work", "tables"),
    [
        (count_history, ["agents_change", "agents_changeset"]),
        (directory.note_changed, ["agents_agent", "agents_agenttag", "agents_tag"]),
        (take_up, ["agents_change", "agents_changeset"]),
    ],
)
def test_nothing_large_is_read_under_the_write_lock(
    work: Callable[[], object], tables: list[str]
) -> None:
    make_history()
    read = " ".join(reads_under_lock(work))
    assert [table for table in tables if f'"{table}"' in read] == []
    assert "agents_tallyhead" in read or "agents_webhook" in read  # it was looked at


def test_what_another_worker_counted_meanwhile_is_not_counted_again() -> None:
    make_history()
    count_history()
    before = list(DayTally.objects.order_by("id").values())
    counts = {(one["kind"], one["day"], one["source"]): one["n"] for one in before}
    tally._add(counts, 0, TallyHead.objects.get().cursor)
    assert list(DayTally.objects.order_by("id").values()) == before


def test_what_another_worker_noted_meanwhile_is_not_noted_again() -> None:
    make_history()
    directory.note_changed()
    before = list(UserChange.objects.order_by("tag_id").values())
    assert before != []
    stale = make_agent()
    directory._note({one["tag_id"]: OLD for one in before}, after=(None, None), upto=stale)
    assert list(UserChange.objects.order_by("tag_id").values()) == before


def test_a_row_that_was_used_again_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = [make_agent() for _ in range(5)]
    monkeypatch.setattr("agents.domain.upkeep.tidy._BATCH", 2)
    monkeypatch.setattr("agents.domain.upkeep.tidy._FOUND", 3)
    for agent in agents:
        AgentUse.objects.create(agent_id=agent.seq, used_at=OLD)
    AgentUse.objects.filter(agent_id=agents[0].seq).update(used_at=timezone.now())
    assert tidy(days=30, actor=ROOT)["last uses of agents, a year old"] == 4
    assert list(AgentUse.objects.values_list("agent_id", flat=True)) == [agents[0].seq]


def test_a_webhook_goes_with_all_its_deliveries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.domain.webhooks.write._DELETED", 2)
    make_history()
    take_up()
    ids = list(Delivery.objects.values_list("id", flat=True))
    Delivery.objects.filter(id__in=ids[1:]).update(state=DeliveryState.DONE)
    assert len(ids) == 6
    hook = Delivery.objects.all()[0].webhook
    delete_webhook(webhook_id=hook.public_id, actor=ROOT)
    assert not Delivery.objects.exists()
