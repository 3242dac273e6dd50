"""The header's box, the keys, and the reader's clock, in a real browser."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from agents.models import Agent
from tests.helpers import make_agent, make_user

pytestmark = pytest.mark.browser

NewPage = Callable[..., Page]


def open_list(new_page: NewPage, **options: object) -> Page:
    page = new_page(make_user(), **options)
    page.goto("/agents/")
    return page


def focused_row(page: Page) -> str:
    """The name of the agent whose row has the focus, or nothing."""
    return str(
        page.evaluate(
            "document.activeElement.closest('.row-agent')?.querySelector('a').innerText ?? ''"
        )
    )


# --- The box --------------------------------------------------------------------------------


def test_slash_leads_to_the_box_and_a_suggestion_to_its_page(new_page: NewPage) -> None:
    agent = make_agent(name="Gold digger", tags=["user_gold"])
    page = open_list(new_page)
    page.keyboard.press("/")
    expect(page.locator("#go-q")).to_be_focused()
    page.keyboard.insert_text("gold")
    expect(page.locator("#go-options [role=option]")).to_have_count(2)
    expect(page.locator("#go-options [aria-selected=true]")).to_have_count(0)
    expect(page.locator("#go [role=status]")).to_have_text("2 suggestions.")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/agents/{agent.public_id}/")
    page.keyboard.press("/")
    page.keyboard.insert_text("gold")
    expect(page.locator("#go-options [role=option]")).to_have_count(2)
    page.locator("#go-options [role=option]").last.click()
    page.wait_for_url(re.compile("user_gold"))


@pytest.mark.parametrize("javascript", [True, False])
def test_enter_leads_to_what_is_named_or_to_a_search(new_page: NewPage, javascript: bool) -> None:
    agent = make_agent(name="Nova", tags=["user_1"])
    page = open_list(new_page, javascript=javascript)
    for text, url in (
        (agent.public_id, f"**/agents/{agent.public_id}/"),
        ("user_1", re.compile("user_1$")),
        ("nov", "**/agents/?q=nov"),
    ):
        page.locator("#go-q").fill(text)
        page.locator("#go-q").press("Enter")
        page.wait_for_url(url)


def test_escape_closes_the_suggestions_then_empties_the_box(new_page: NewPage) -> None:
    make_agent(name="Nova")
    page = open_list(new_page)
    page.keyboard.press("/")
    page.keyboard.insert_text("nov")
    expect(page.locator("#go-options")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#go-options")).to_be_hidden()
    expect(page.locator("#go-q")).to_have_value("nov")
    page.keyboard.press("Escape")
    expect(page.locator("#go-q")).to_have_value("")
    expect(page.locator("#go-q")).to_be_focused()


def test_a_choice_in_the_box_is_no_filter_of_the_list(new_page: NewPage) -> None:
    make_agent(name="Nova", tags=["user_1"])
    page = open_list(new_page)
    page.locator("#go-q").fill("user_1")
    page.keyboard.press("ArrowDown")
    page.locator("#go-options [role=option]").first.click()
    page.wait_for_url(re.compile("user_1$"))
    assert "tag=" not in page.url


# --- The keys -------------------------------------------------------------------------------


def test_keys_move_in_the_list_and_between_pages(new_page: NewPage) -> None:
    for name in ("third", "second", "first"):
        make_agent(name=name)
    page = open_list(new_page)
    found = []
    for key in "jjjjkk":
        page.keyboard.press(key)
        found.append(focused_row(page))
    assert found == ["first", "second", "third", "third", "second", "first"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("first")
    page.wait_for_load_state()  # its scripts too
    page.clock.set_fixed_time(datetime.now(UTC))  # the second key is never too late
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/agents/")
    page.keyboard.press("k")
    assert focused_row(page) == "third"
    page.keyboard.press("f")
    expect(page.locator("#filter-q")).to_be_focused()
    page.keyboard.type("jk/?ga")
    expect(page.locator("#filter-q")).to_have_value("jk/?ga")


def test_f_opens_the_folded_filter_of_a_narrow_screen(new_page: NewPage) -> None:
    make_agent()
    page = open_list(new_page, width=360)
    page.keyboard.press("f")
    expect(page.locator("#filter-q")).to_be_focused()


def test_keys_with_a_modifier_are_the_browsers(new_page: NewPage) -> None:
    make_agent(name="Nova")
    page = open_list(new_page)
    for key in ("Control+j", "Alt+j", "Meta+j", "Control+/"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement === document.body")


def test_keys_are_told_of_and_can_be_switched_off(
    new_page: NewPage, axe: Callable[[Page], list[str]]
) -> None:
    make_agent(name="Nova")
    page = open_list(new_page)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    assert axe(page) == []
    page.keyboard.press("j")
    assert focused_row(page) == ""
    page.get_by_label("Use these keys in this browser").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.reload()
    for key in ("j", "/", "f", "?", "g", "a"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement === document.body")
    expect(dialog).to_be_hidden()
    expect(page.locator(".go-key")).to_be_hidden()
    page.locator("header details.menu > summary").press("Enter")
    page.get_by_role("button", name="Keyboard shortcuts").press("Enter")
    page.get_by_label("Use these keys in this browser").check()
    page.keyboard.press("Escape")
    page.locator("#main").focus()
    page.keyboard.press("j")
    assert focused_row(page) == "Nova"


def test_without_script_no_key_is_promised(new_page: NewPage) -> None:
    make_agent()
    page = open_list(new_page, javascript=False)
    expect(page.locator(".go-key")).to_be_hidden()
    expect(page.locator("#shortcuts-open")).to_be_hidden()
    expect(page.locator("#shortcuts")).to_be_hidden()


# --- Times ----------------------------------------------------------------------------------


def make_old(**age: float) -> Agent:
    moment = datetime.now(UTC) - timedelta(**age)
    return make_agent(name="Old", created_at=moment, updated_at=moment)


def test_times_are_those_of_the_reader(new_page: NewPage) -> None:
    moment = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    agent = make_agent(created_at=moment, updated_at=moment)
    page = open_list(new_page, timezone_id="Asia/Tokyo", locale="en-GB")
    time = page.locator(".rows time")
    expect(time).to_have_text("2026-02-01")
    expect(time).to_have_attribute("title", re.compile(r"1 February 2026 at 08:30:00 (GMT\+9|JST)"))
    page.goto(f"/agents/{agent.public_id}/")
    expect(page.locator("time[data-exact]").first).to_have_text("1 Feb 2026, 08:30")


def test_times_without_script_are_utc(new_page: NewPage) -> None:
    moment = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    agent = make_agent(created_at=moment, updated_at=moment)
    page = open_list(new_page, timezone_id="Asia/Tokyo", javascript=False)
    expect(page.locator(".rows time")).to_have_attribute("title", "2026-01-31 23:30:00 UTC")
    page.goto(f"/agents/{agent.public_id}/")
    expect(page.locator("time[data-exact]").first).to_have_text("2026-01-31 23:30 UTC")


@pytest.mark.parametrize(
    ("age", "words"),
    [
        ({"seconds": 5}, "now"),
        ({"minutes": 5.5}, "5 min ago"),
        ({"hours": 3.5}, "3 h ago"),
        ({"hours": 30}, "yesterday"),
        ({"days": 3.5}, "3 days ago"),
    ],
)
def test_script_says_what_the_server_said(
    new_page: NewPage, age: dict[str, float], words: str
) -> None:
    make_old(**age)
    page = open_list(new_page)
    expect(page.locator(".rows time")).to_have_text(words)
    expect(page.locator(".rows time")).to_have_attribute("title", re.compile("day, "))
    assert words in page.request.get("/agents/").text()


def test_times_go_on_and_are_those_of_the_reader_after_a_swap_too(new_page: NewPage) -> None:
    make_old(minutes=5.5)
    make_agent(name="Young")
    page = new_page(make_user(), timezone_id="Asia/Tokyo")
    page.clock.install()
    page.goto("/agents/")
    page.locator("#filter-q").fill("old")
    page.clock.run_for(1000)
    expect(page.locator(".rows time")).to_have_count(1)
    expect(page.locator(".rows time")).to_have_attribute("title", re.compile(r"GMT\+9|JST"))
    page.clock.run_for(10 * 60 * 1000)
    expect(page.locator(".rows time")).to_have_text("15 min ago")
