"""An auditor's walk: whose was the agent on a date, who could touch it, who did; exported."""

from collections.abc import Callable
from pathlib import Path

from django.utils import timezone
from playwright.sync_api import Page, expect

from agents.domain import keys
from agents.domain.tags.edit import change_tags
from tests.helpers import ROOT, make_agent, make_user


def test_an_auditors_walk(new_page: Callable[..., Page], axe: Callable[[Page], list[str]]) -> None:
    agent = make_agent(tags=["user_1"], name="Bot")
    keys.create_key(name="Ann", limit_tag="user_1", actor=ROOT)
    change_tags(agent_id=agent.public_id, add=["user_2"], remove=["user_1"], actor=ROOT)
    page = new_page(make_user("mona", role="manager"))
    page.goto(f"/agents/{agent.public_id}/")
    page.get_by_role("link", name="Over time").click()
    today = f"{timezone.now():%Y-%m-%d}"
    page.get_by_label("From day").fill(today)
    page.get_by_label("To day").fill(today)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("region", name="Who could")).to_contain_text("Ann")
    expect(page.get_by_role("region", name="Who did")).to_contain_text("test")
    assert axe(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    assert f"could,{agent.public_id},key:" in Path(download.value.path()).read_text("utf-8-sig")
    page.get_by_label("From day").fill("")
    page.get_by_label("To day").fill("")
    page.get_by_label("As of (UTC)").fill("2020-01-01T00:00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("The agent did not exist then.")).to_be_visible()
