"""The agents list in a real browser."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from agents.domain.agents.new import NewAgent, columns_of
from agents.domain.agents.write import create_agents
from agents.queries.core import bounds
from agents.samples.bulk_load import BulkAgent, load
from tests.helpers import ROOT, make_agent, make_user

pytestmark = pytest.mark.browser

NewPage = Callable[..., Page]


def open_list(new_page: NewPage, query: str = "", **options: object) -> Page:
    page = new_page(make_user(role="viewer"), **options)
    page.goto(f"/agents/{query}")
    return page


def make_three() -> None:
    make_agent(name="Onboarding", tags=["user_1", "tier:gold"], model="openai/gpt-4.1")
    make_agent(name="Billing", tags=["user_1", "env:dev"], model="openai/gpt-4o")
    make_agent(name="Triage", tags=["user_2"], model="openai/gpt-4o")


def shows(page: Page, *names: str) -> None:
    expect(page.locator(".row-agent > a")).to_have_text(list(names))


def has_tokens(page: Page, *texts: str) -> None:
    expect(page.locator(".token-text")).to_have_text(list(texts))


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def tab_to(page: Page, what: str) -> None:
    """Press Tab until the element of this id has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page) == what:
            return
    raise AssertionError(f"Tab does not lead to {what}")


def test_search_narrows_as_one_types_and_keeps_the_caret(new_page: NewPage) -> None:
    make_three()
    page = open_list(new_page, "?all=user_1")
    page.locator("#filter-q").focus()
    page.keyboard.type("bixll")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Backspace")
    shows(page, "Billing")
    page.wait_for_url("**/agents/?all=user_1&q=bill")
    expect(page.locator("#list-status")).to_have_text("1 agent.")
    assert focused(page) == "filter-q"
    assert page.evaluate("document.activeElement.selectionStart") == 2


def test_back_forward_and_reload_show_the_same_lists(new_page: NewPage) -> None:
    make_three()
    page = open_list(new_page)
    page.locator("#filter-q").fill("bill")
    page.wait_for_url("**/agents/?q=bill")
    shows(page, "Billing")
    page.locator("#filter-q").fill("tri")
    page.wait_for_url("**/agents/?q=tri")
    shows(page, "Triage")
    page.go_back()
    shows(page, "Billing")
    expect(page.locator("#filter-q")).to_have_value("bill")
    page.go_back()
    shows(page, "Triage", "Billing", "Onboarding")
    expect(page.locator("#filter-q")).to_have_value("")
    page.go_forward()
    shows(page, "Billing")
    page.reload()
    shows(page, "Billing")
    expect(page.locator("#filter-q")).to_have_value("bill")
    page.locator("#filter-q").fill("onb")
    shows(page, "Onboarding")


def test_tags_are_filtered_by_keyboard_alone(new_page: NewPage) -> None:
    make_three()
    page = open_list(new_page)
    tab_to(page, "filter-tag")
    page.keyboard.type("user_1")
    page.keyboard.press("Enter")
    shows(page, "Billing", "Onboarding")
    has_tokens(page, "user_1")
    assert focused(page) == "filter-tag"
    expect(page.locator("#filter-tag")).to_have_value("")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # from All to Not
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("env:dev")
    page.keyboard.press("Enter")
    shows(page, "Onboarding")
    has_tokens(page, "user_1", "not env:dev")
    page.wait_for_url("**/agents/?all=user_1&none=env%3Adev")
    page.locator(".token-remove").last.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/agents/?all=user_1")
    shows(page, "Billing", "Onboarding")


def test_suggestion_chosen_is_the_filter(new_page: NewPage) -> None:
    odd = "line\nbreak, & <b>"
    make_agent(name="Odd", tags=[odd])
    make_three()
    page = open_list(new_page)
    page.locator("#filter-tag").focus()
    page.keyboard.insert_text("line")
    expect(page.locator("#filter-suggest [role=option]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    shows(page, "Odd")
    expect(page.locator("#filter-suggest")).to_be_hidden()
    assert focused(page) == "filter-tag"


def test_half_a_typed_tag_is_no_filter_yet(new_page: NewPage) -> None:
    make_three()
    page = open_list(new_page)
    page.locator("#filter-tag").fill("user")
    page.locator("#filter-model").select_option("openai/gpt-4o")
    shows(page, "Triage", "Billing")
    page.wait_for_url("**/agents/?model=openai%2Fgpt-4o")
    expect(page.locator("#filter-tag")).to_have_value("user")


def test_no_tags_and_sort_apply_at_once(new_page: NewPage) -> None:
    make_agent(name="Bare")
    make_three()
    page = open_list(new_page)
    page.locator("#filter-sort").select_option("name")
    shows(page, "Bare", "Billing", "Onboarding", "Triage")
    page.locator("#filter-untagged").check()
    shows(page, "Bare")
    page.wait_for_url("**/agents/?untagged=1&sort=name")


def test_tag_in_a_row_narrows_and_more_tags_open_by_keyboard(new_page: NewPage) -> None:
    make_agent(name="Many", tags=[f"t{i}" for i in range(9)])
    make_agent(name="Few", tags=["t1"])
    page = open_list(new_page)
    page.locator(".more-tags summary").focus()
    page.keyboard.press("Enter")
    page.locator(".more-tags").get_by_role("link", name="t8").click()
    shows(page, "Many")
    page.wait_for_url("**/agents/?all=t8")


def test_copy_gives_the_whole_id(new_page: NewPage) -> None:
    agent = make_agent(name="Bob")
    page = open_list(new_page, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="copy the ID of Bob").click()
    expect(page.locator("#messages")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == agent.public_id
    page.locator("#filter-q").fill("bo")
    page.wait_for_url("**/agents/?q=bo")
    expect(page.get_by_role("button", name="copy the ID of Bob")).to_be_visible()


def test_list_works_without_javascript(new_page: NewPage) -> None:
    make_three()
    page = open_list(new_page, javascript=False)
    page.get_by_label("Filter by a tag").fill("user_1")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**/agents/?all=user_1")
    shows(page, "Billing", "Onboarding")
    page.get_by_label("Part of the name").fill("onb")
    page.get_by_role("button", name="Filter").click()
    shows(page, "Onboarding")
    has_tokens(page, "user_1")
    page.get_by_role("link", name="Remove filter user_1").click()
    page.wait_for_url("**/agents/?q=onb")
    page.get_by_role("link", name="Onboarding").click()
    page.wait_for_url("**/agents/agent-*/")


def test_pages_are_turned_without_javascript(new_page: NewPage) -> None:
    create_agents([NewAgent(name=f"n{i:02}", model="m/1") for i in range(30)], actor=ROOT)
    page = open_list(new_page, "?size=25", javascript=False)
    page.get_by_role("link", name="Older").click()
    shows(page, "n04", "n03", "n02", "n01", "n00")
    page.get_by_role("link", name="Newer").click()
    expect(page.locator(".row-agent > a")).to_have_count(25)


def test_the_number_of_a_large_list_follows_its_rows(new_page: NewPage) -> None:
    moment, columns = timezone.now(), columns_of(NewAgent(model="m/1"))
    many = (
        BulkAgent(f"agent-{uuid4()}", "n", columns, ("t", "u"), moment, moment)
        for _ in range(bounds.GLANCED + 7)
    )
    assert sum(load(many, actor=ROOT)) == bounds.GLANCED + 7
    member = make_user(role="manager")
    page, plain = new_page(member), new_page(member, javascript=False)
    page.goto("/agents/?all=t&all=u")
    expect(page.locator("#list-count")).to_have_text("1,007")
    plain.goto("/agents/?all=t&all=u")
    expect(plain.locator("#list-count .count")).to_have_text("1,000+")
    plain.get_by_role("link", name="Count exactly").click()
    expect(plain.locator("#list-count")).to_have_text("1,007")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_list_is_accessible_and_never_scrolls_sideways(
    new_page: NewPage, axe: Callable[[Page], list[str]], theme: str, width: int
) -> None:
    odd = ["x" * 512, "<script>", "שלום עולם", "🦊" * 40, "git-memory-enabled", "user_1", "a b"]
    make_agent(name="W" * 300, tags=odd, model="provider/" + "m" * 200)
    make_three()
    page = open_list(
        new_page, f"?any=user_1&any={'x' * 512}&none=env:dev", theme=theme, width=width
    )
    if width == 320:
        page.locator(".bar-fold summary").click()
    page.locator(".more-tags summary").click()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.goto("/agents/?all=user_01")
    expect(page.get_by_role("heading", name="No agent matches")).to_be_visible()
    assert axe(page) == []
