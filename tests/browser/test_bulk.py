"""Bulk changes in a real browser."""

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from playwright.sync_api import Page, expect
from processes import start, stop
from serve import worker_command

from agents.core.limits import BULK_AT_ONCE, BULK_BATCH
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.domain.upkeep import recount
from agents.models import AgentTag, Tag
from tests.helpers import ROOT, make_agent, make_user

pytestmark = pytest.mark.browser

NewPage = Callable[..., Page]
# A worker that halts once it has done five batches.
HELD = {
    "DJANGO_SETTINGS_MODULE": "tests.held_settings",
    "HOLD_AFTER": "5",
    "HOLD_INSIDE": "false",
}


def open_list(new_page: NewPage, query: str = "", **options: object) -> Page:
    page = new_page(make_user(role="manager"), **options)
    page.goto(f"/agents/{query}")
    return page


def make_many(count: int) -> None:
    create_agents(
        [NewAgent(name=f"n{i:04}", model="m/1", tags=["t"]) for i in range(count)], actor=ROOT
    )


def boxes(page: Page) -> list[bool]:
    return [box.is_checked() for box in page.locator(".pick[name=agent]").all()]


def select_all(page: Page) -> None:
    """Tick an agent, which shows the bar, then select all that match."""
    page.locator(".pick[name=agent]").first.check()
    page.locator("#bulk-none").wait_for()
    page.locator("#bulk-all").click()


def test_filter_select_all_plan_apply_undo_and_nothing_is_selected(new_page: NewPage) -> None:
    make_many(60)
    make_agent(name="other")
    page = open_list(new_page, "?any=t")
    select_all(page)
    expect(page.locator(".bulk-said")).to_have_text("All matching agents are selected.")
    assert all(boxes(page))
    page.get_by_role("checkbox", name="Select n0059").uncheck()
    expect(page.locator(".bulk-said")).to_have_text("All matching agents are selected except 1.")
    page.locator("#bulk-add").click()
    page.wait_for_url("**/bulk/new/**")  # and its scripts, which take over the keys
    page.locator("#id_add").fill("vip")
    page.locator("#id_reason").fill("spring")
    page.keyboard.press("Enter")
    expect(page.locator(".plan-counts")).to_have_text("59 agents will change.")
    page.locator("#apply").click()
    expect(page.locator("#plan-h")).to_have_text("Done")
    assert Tag.objects.get(name="vip").n == 59
    page.locator("#back").click()
    page.wait_for_url("**/agents/?any=t")
    expect(page.locator(".bulk-bar")).to_be_hidden()
    assert not any(boxes(page))
    page.go_back()
    page.locator("#undo").click()
    expect(page.locator("h1")).to_have_text("Undo a bulk change")
    expect(page.locator("#plan-h")).to_have_text("Done")
    assert Tag.objects.get(name="vip").n == 0
    page.locator("#back").click()
    page.wait_for_url("**/agents/?any=t")
    expect(page.locator(".bulk-bar")).to_be_hidden()


def test_box_of_the_page_stands_for_its_rows(new_page: NewPage) -> None:
    make_many(3)
    page = open_list(new_page)
    page.locator("#pick-page").check()
    expect(page.locator(".bulk-said")).to_have_text("3 selected.")
    assert boxes(page) == [True, True, True]
    page.get_by_role("checkbox", name="Select n0001").uncheck()
    expect(page.locator(".bulk-said")).to_have_text("2 selected.")
    assert not page.locator("#pick-page").is_checked()
    assert page.evaluate("document.querySelector('#pick-page').indeterminate")
    page.reload()
    assert boxes(page) == [True, False, True]
    page.locator("#bulk-none").click()
    expect(page.locator(".bulk-said")).to_have_text("No agents selected.")
    assert boxes(page) == [False, False, False]


def test_bulk_change_without_javascript(new_page: NewPage) -> None:
    make_many(3)
    page = open_list(new_page, javascript=False)
    page.get_by_role("checkbox", name="Select n0001").check()
    page.locator("#bulk-add").click()
    page.wait_for_url("**/bulk/new/**")  # and its scripts, which take over the keys
    page.locator("#id_add").fill("vip")
    page.get_by_role("button", name="Show the plan").click()
    page.locator("#apply").click()
    expect(page.locator("#plan-h")).to_have_text("Done")
    assert Tag.objects.get(name="vip").n == 1


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bulk_pages_are_accessible(
    new_page: NewPage, axe: Callable[[Page], list[str]], theme: str, width: int
) -> None:
    make_many(3)
    page = open_list(new_page, theme=theme, width=width)

    def fine() -> None:
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    select_all(page)
    expect(page.locator(".bulk-said")).to_have_text("All matching agents are selected.")
    fine()
    page.locator(".bulk-more > summary").click()
    page.locator("#bulk-replace").click()
    page.wait_for_url("**/bulk/new/**")  # and its scripts, which take over the keys
    page.locator("#id_remove").fill("t")
    fine()
    page.locator("#id_add").fill("u")
    page.keyboard.press("Enter")
    expect(page.locator("#apply")).to_be_visible()
    fine()
    page.locator("#apply").click()
    expect(page.locator("#plan-h")).to_have_text("Done")
    fine()
    page.goto("/bulk/")
    fine()


@contextlib.contextmanager
def a_worker(database_url: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The worker of `make run`, on the test database; `more` is its environment."""
    about = {"DATABASE_URL": database_url, "SECRET_KEY": settings.SECRET_KEY} | more
    process = start(worker_command(), env=os.environ | about)
    try:
        yield process
    finally:
        stop([process], seconds=10)


def work_off() -> None:
    """Do what waits for a worker, here and now."""
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)


def test_progress_is_seen_and_survives_a_closed_page(new_page: NewPage) -> None:
    make_many(BULK_AT_ONCE + 1)
    page = open_list(new_page, "?any=t")
    select_all(page)
    expect(page.locator(".bulk-said")).to_contain_text("All matching agents are selected")
    page.locator("#bulk-add").click()
    page.wait_for_url("**/bulk/new/**")  # and its scripts, which take over the keys
    page.locator("#id_add").fill("vip")
    page.keyboard.press("Enter")
    page.locator("#apply").click()
    expect(page.locator("#plan-h")).to_have_text("Running")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#plan-h")).to_have_text("Running")
    work_off()
    expect(page.locator("#plan-h")).to_have_text("Done")
    assert Tag.objects.get(name="vip").n == BULK_AT_ONCE + 1
    assert page.locator("#plan-progress").get_attribute("value") == str(BULK_AT_ONCE + 1)


def check_killed(new_page: NewPage, database_url: str, count: int) -> None:
    """Plan, apply, kill the worker in the middle, go on with another, undo: all on the page."""
    call_command("bench_data", agents=count, shape="loadtest", verbosity=0)
    before = AgentTag.objects.count()
    page = open_list(new_page)
    bar = page.locator("#plan-progress")
    select_all(page)
    expect(page.locator(".bulk-said")).to_contain_text("All matching agents are selected")
    page.locator("#bulk-add").click()
    page.wait_for_url("**/bulk/new/**")
    page.locator("#id_add").fill("bulk")
    page.get_by_role("button", name="Show the plan").click()
    work_off()
    page.locator("#apply").click()
    expect(page.locator("#plan-h")).to_have_text("Running")
    expect(bar).to_have_attribute("value", "0")
    with a_worker(database_url, **HELD) as first:
        # It halts after five writes of the plan, of which one may be the start of the run.
        expect(bar).to_have_attribute("value", re.compile(f"^({4 * BULK_BATCH}|{5 * BULK_BATCH})$"))
        first.kill()
        first.wait()
    expect(page.locator("#resume")).to_be_visible()
    assert str(Tag.objects.get(name="bulk").n) == bar.get_attribute("value")
    with a_worker(database_url):
        page.locator("#resume").click()
        done(page, seconds=count)
        expect(bar).to_have_attribute("value", str(count))
        assert Tag.objects.get(name="bulk").n == count
        assert AgentTag.objects.count() == before + count
        page.locator("#undo").click()
        expect(page.locator("h1")).to_have_text(f"Undo on {count:,} agents")
        page.locator("#apply").click()
        expect(page.locator("h1")).to_have_text("Undo a bulk change")
        done(page, seconds=count)
    assert (AgentTag.objects.count(), recount.differences()) == (before, [])


def done(page: Page, *, seconds: int) -> None:
    expect(page.locator("#plan-h")).to_have_text("Done", timeout=seconds * 1000)


def test_killed_worker_is_told_and_another_goes_on(new_page: NewPage, database_url: str) -> None:
    check_killed(new_page, database_url, BULK_AT_ONCE + 1)


@pytest.mark.prove
def test_killed_worker_at_100_000(new_page: NewPage, database_url: str) -> None:
    check_killed(new_page, database_url, 100_000)
