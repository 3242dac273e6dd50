"""The tags of a list's row, edited in place."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, expect

from agents.models import Agent
from tests.browser.editing import NewPage, focused, keeps_focus, press, watch_focus
from tests.helpers import make_agent, make_user, tags_of

pytestmark = pytest.mark.browser


def open_list(new_page: NewPage, query: str = "", **options: object) -> Page:
    page = new_page(make_user(), **options)
    watch_focus(page)
    page.goto(f"/agents/{query}")
    return page


def row_of(page: Page, name: str) -> Locator:
    return page.locator("tbody tr").filter(has=page.get_by_role("link", name=name, exact=True))


def edit(page: Page, name: str) -> Locator:
    """Open the editor of an agent's row by keyboard."""
    page.get_by_role("link", name=f"Edit the tags of {name}").focus()
    press(page, "Enter")
    row = row_of(page, name)
    expect(row.get_by_role("combobox")).to_be_focused()
    keeps_focus(page)
    return row


def shows(row: Locator, *names: str) -> None:
    expect(row.locator("[aria-busy=true]")).to_have_count(0)
    expect(row.locator(".chip bdi")).to_have_text(list(names))


def test_a_rows_tags_are_edited_in_place_by_keyboard(new_page: NewPage) -> None:
    agent = make_agent(name="Bob", tags=["user_1", "vip"])
    page = open_list(new_page, "?any=user_1")
    row = edit(page, "Bob")
    page.keyboard.type("gold")
    press(page, "Enter")
    expect(row.get_by_role("status").first).to_have_text("Tag gold added. 3 tags.")
    press(page, "Backspace", "ArrowLeft", "Delete")
    expect(row.get_by_role("status").first).to_have_text("Tag vip removed. 2 tags. Undo available.")
    assert focused(page) == "Remove tag gold"
    press(page, "Escape", "Escape")
    expect(page.get_by_role("link", name="Edit the tags of Bob")).to_be_focused()
    keeps_focus(page)
    shows(row, "user_1", "gold")
    assert row.locator(".chip").last.get_attribute("href") == "?any=user_1&all=gold"
    assert page.url.endswith("/agents/?any=user_1")
    assert tags_of(agent) == ["gold", "user_1"]


def test_two_rows_are_edited_side_by_side(new_page: NewPage) -> None:
    ann, bob = make_agent(name="Ann", tags=["a"]), make_agent(name="Bob", tags=["a"])
    page = open_list(new_page)
    first, second = edit(page, "Ann"), edit(page, "Bob")
    page.keyboard.type("bobs")
    press(page, "Enter")
    shows(second, "a", "bobs")
    first.get_by_role("combobox").focus()
    page.keyboard.type("anns")
    press(page, "Enter")
    shows(first, "a", "anns")
    press(page, "Backspace", "Delete")
    shows(first, "a")
    press(page, "Control+z")
    shows(first, "a", "anns")
    shows(second, "a", "bobs")
    assert (tags_of(ann), tags_of(bob)) == (["a", "anns"], ["a", "bobs"])


def test_a_suggestion_chosen_in_a_row_adds_and_does_not_filter(new_page: NewPage) -> None:
    make_agent(name="Ann", tags=["team:one"])
    bob = make_agent(name="Bob")
    page = open_list(new_page)
    row = edit(page, "Bob")
    page.keyboard.insert_text("team")
    expect(row.get_by_role("option")).to_have_count(2)
    press(page, "ArrowDown", "ArrowDown", "Enter")
    shows(row, "team:one")
    assert page.url.endswith("/agents/")
    assert tags_of(bob) == ["team:one"]


def test_done_waits_for_what_is_typed(new_page: NewPage) -> None:
    make_agent(name="Bob")
    page = open_list(new_page)
    row = edit(page, "Bob")
    page.keyboard.type("vip")
    row.get_by_role("button", name="Done").focus()
    press(page, "Enter")
    expect(row.get_by_role("status").first).to_have_text(
        "vip is not added yet: add or discard it first."
    )
    expect(row.get_by_role("combobox")).to_be_focused()
    press(page, "Enter", "Escape")
    expect(page.get_by_role("link", name="Edit the tags of Bob")).to_be_focused()
    shows(row, "vip")


def test_without_javascript_a_row_leads_to_the_agents_own_page(new_page: NewPage) -> None:
    agent = make_agent(name="Bob")
    page = new_page(make_user(), javascript=False)
    page.goto("/agents/")
    page.get_by_role("link", name="Edit the tags of Bob").click()
    page.wait_for_url(f"**/agents/{agent.public_id}/settings/#tags")


ODD = [
    "x" * 512,
    "🦙👩‍👩‍👧",
    "<script>alert(1)</script>",
    "a/b?c#d%",
    "a/",
    "..",
    ".",
    "a%2Fb",
    "עברית: שלום",
    "\u202eevil",
    "user_&?name=",
    "' OR 1=1 --",
    "{{ 7*7 }}",
]


def bystanders(name: str) -> list[Agent]:
    """Agents with tags that a careless address or query would take for this one."""
    near = [name[:-1] or "-", name + "/", name.strip("/.") or "x", "a", "agents", "tags"]
    return [
        make_agent(tags=sorted({other for other in near if other != name and len(other) <= 512}))
    ]


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_any_tag_is_added_linked_filtered_by_and_removed(new_page: NewPage, name: str) -> None:
    agent, others = make_agent(name="Bob"), bystanders(name)
    before = [tags_of(other) for other in others]
    page = new_page(make_user())
    page.goto(f"/agents/{agent.public_id}/settings/")
    page.locator("#tag-input").focus()
    page.keyboard.insert_text(name)
    press(page, "Enter")
    expect(page.locator("#tag-list .chip")).to_have_count(1)
    assert tags_of(agent) == [name]
    page.locator("#tag-list .chip").click()
    page.wait_for_url(f"**/agents/?{urlencode({'any': name})}")
    expect(page.locator(".row-agent > a")).to_have_text(["Bob"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.go_back()
    page.locator(".chip-remove").click()
    expect(page.locator("#tag-list .chip")).to_have_count(0)
    assert tags_of(agent) == []
    assert [tags_of(other) for other in others] == before
