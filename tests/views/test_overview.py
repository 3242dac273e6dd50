"""The overview: what needs attention, charts with tables, and what a limited member sees of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from agents.core.reach import Reach
from agents.domain.agents.write import delete_agent
from agents.domain.keys import create_key
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep import tally
from agents.domain.webhooks import log
from agents.models import (
    ApiKey,
    BulkPlan,
    BulkState,
    Change,
    ChangeSet,
    DayTally,
    TallyHead,
    Webhook,
)
from agents.queries.history import sparkline
from agents.queries.overview import days, totals
from agents.tasks.tally import count_for_overview
from tests.helpers import ROOT, make_agent, make_user
from tests.views.browsing import signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def attention(page: Any) -> dict[str, str]:
    """The lines: number and text, with the address that each leads to."""
    lines = soup(page).select(".attention li:has(a)")
    number = ".attention-number"
    return {
        f"{line.select(number)[0].get_text()} {line.a.get_text()}": str(line.a["href"])
        for line in lines
        if line.a is not None
    }


def table(page: Any, heading: str) -> dict[str, str]:
    """The rows of the table of a chart, by their head."""
    rows = soup(page).select(f"section[aria-labelledby={heading}] tbody tr")
    return {
        row.select("th")[0].get_text(strip=True): row.select("td")[-1].get_text(strip=True)
        for row in rows
    }


def test_owners_and_look_alikes() -> None:
    make_agent(tags=["tier:gold"])
    make_agent(tags=["user_1", "user_2", "Tier:Gold"])
    make_agent(tags=["user_1", "User_1"])
    page = signed_in().get("/")
    assert attention(page) == {
        "1 agent without an owner": "/agents/?userless=1",
        "1 agent with two or more owners": "/agents/?two_users=1",
        "1 group of look-alike tags": "/tags/lookalikes/",
    }


def test_nothing_needs_attention() -> None:
    make_agent(tags=["user_1"])
    page = signed_in().get("/")
    assert attention(page) == {}
    assert len(soup(page).select(".attention-none")) == 1


def test_without_agents_it_says_how_to_begin() -> None:
    page = soup(signed_in().get("/"))
    assert [h.get_text() for h in page.select("main h2")] == ["No agents yet"]


@pytest.mark.parametrize(("role", "lines"), [("editor", 0), ("manager", 2), ("admin", 4)])
def test_lines_by_role(role: str, lines: int) -> None:
    make_agent(tags=["user_1"])
    now = timezone.now()
    for expires_at in (now + timedelta(days=60), None):
        create_key(name="app", actor=ROOT, expires_at=expires_at)
    old = now - timedelta(days=30)
    ApiKey.objects.update(created_at=old)
    ApiKey.objects.filter(expires_at__isnull=False).update(
        last_used_at=old, expires_at=now + timedelta(days=3)
    )
    Webhook.objects.create(
        public_id="w",
        url="https://x.example",
        salt="s",
        cursor=0,
        failing_since=now,
        created_at=now,
    )
    BulkPlan.objects.create(
        op="add", actor="{}", actor_id="1", actor_name="M", state=BulkState.STOPPED, created_at=now
    )
    page = signed_in(role).get("/")
    assert len(attention(page)) == lines
    if role == "admin":
        assert attention(page)["1 key ends within 14 days"] == "/keys/?only=ending"
        assert attention(page)["1 key was never used"] == "/keys/?only=unused"


def test_a_short_lived_key_needs_no_attention() -> None:
    create_key(name="app", actor=ROOT, expires_at=timezone.now() + timedelta(hours=1))
    assert attention(signed_in("admin").get("/")) == {}


def test_charts_have_tables_with_the_same_numbers() -> None:
    agent = make_agent(tags=["user_1", "env:prod"], model="openai/gpt-4o")
    make_agent(tags=["user_2", "env:prod"], model="letta/letta-free")
    gone = make_agent(tags=["user_2"])
    delete_agent(agent_id=gone.public_id, actor=ROOT)
    page = signed_in().get("/")
    today = timezone.now().date()
    assert table(page, "agents-h")[str(today)] == "2"
    assert table(page, "agents-h")[str(today - timedelta(days=1))] == "0"
    added = Change.objects.filter(op__in=["add", "remove"]).count()
    assert table(page, "tag-changes") == {str(today): str(added)}
    assert table(page, "top-tags") == {"env:prod": "2"}
    assert table(page, "per-user")["1"] == "2"
    assert table(page, "model-mix") == {"letta/letta-free": "1", "openai/gpt-4o": "1"}
    marks = soup(page).select("section[aria-labelledby=tag-changes] svg a")
    assert [mark["href"] for mark in marks] == [
        f"/history/?since={today}&until={today}&source=command"
    ]
    assert agent.name


def test_counters_and_uncounted_changes_add_up() -> None:
    agent = make_agent(tags=["user_1"])
    assert tally.count_history(upto=log.safe_end()) is False
    before = days.recent_days(30)
    assert before.tail == 0
    change_tags(agent_id=agent.public_id, add=["x"], actor=ROOT)
    after = days.recent_days(30)
    assert after.tail == 1
    assert after.counts - before.counts == {
        ("tags", timezone.now().date(), "command"): 1,
    }
    tally.count_history(upto=log.safe_end())
    assert days.recent_days(30).counts == after.counts


def test_counting_twice_counts_once() -> None:
    make_agent(tags=["user_1"])
    count_for_overview.call()
    rows = list(DayTally.objects.order_by("id").values("kind", "n"))
    count_for_overview.call()
    assert list(DayTally.objects.order_by("id").values("kind", "n")) == rows
    assert {row["kind"] for row in rows} == {"created", "tags"}
    assert '"agents":1' in TallyHead.objects.get().counted


def test_old_changes_count_on_their_day() -> None:
    make_agent(tags=["user_1"])
    old = timezone.now() - timedelta(days=3)
    ChangeSet.objects.update(created_at=old)
    Change.objects.update(at=None)
    assert list(days.recent_days(30).tags(old.date())) == ["command"]


def test_a_large_database_shows_the_last_count(monkeypatch: pytest.MonkeyPatch) -> None:
    make_agent(tags=["user_1"])
    tally.count_totals()
    monkeypatch.setattr(totals, "SMALL", 0)
    make_agent(tags=["user_2"])
    found = totals.totals()
    assert found is not None
    assert found.agents == 1


def test_a_limited_member_sees_only_their_agents() -> None:
    make_agent(tags=["user_1", "beta"], model="m/own")
    make_agent(tags=["user_2", "secret"], model="m/other")
    make_agent(tags=["alone"])
    client = signed_in("viewer")
    limited = make_user("lim", role="admin", stored_reach=Reach.of_tags(["user_1"]).stored())
    client.force_login(limited)
    page = client.get("/")
    text = soup(page).main.get_text() if soup(page).main else ""
    assert attention(page) == {}
    assert table(page, "top-tags") == {"beta": "1"}
    assert table(page, "model-mix") == {"m/own": "1"}
    assert "1 agent that you can access" in text
    assert "secret" not in text
    assert "m/other" not in text


def test_sign_in_leads_to_it() -> None:
    assert settings.LOGIN_REDIRECT_URL == "/"


def test_a_tag_page_has_its_changes_of_30_days() -> None:
    agent = make_agent(tags=["user_1", "t"])
    change_tags(agent_id=agent.public_id, remove=["t"], actor=ROOT)
    change_tags(agent_id=agent.public_id, add=["t"], actor=ROOT)
    client = signed_in()
    assert text_at(client.get("/tags/one/?name=t"), ".sparkline") == "3 changes in 30 days"
    assert text_at(client.get("/users/one/?name=user_1"), ".sparkline") == "1 change in 30 days"
    ChangeSet.objects.update(created_at=timezone.now() - timedelta(days=60))
    assert soup(client.get("/tags/one/?name=t")).select(".sparkline") == []


def test_a_sparkline_reads_a_bounded_number_of_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        make_agent(tags=["t"])
    monkeypatch.setattr(sparkline, "MOST", 2)
    assert sparkline.changes_per_day("t") == ([0] * 29 + [2], True)
