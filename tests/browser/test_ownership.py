"""Whose agent is this: the notice of a second owner, plans, and the tag field, in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from agents.domain.tags.edit import change_tags
from tests.browser.editing import NewPage, add, open_editor, press
from tests.helpers import ROOT, make_agent, make_editor, make_user, tags_of

pytestmark = pytest.mark.browser

Axe = Callable[[Page], list[str]]


def fits(page: Page, axe: Axe) -> None:
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_second_owner_is_kept_undone_or_moved_by_keyboard(new_page: NewPage, axe: Axe) -> None:
    agent = make_agent(tags=["user_1"])
    page = open_editor(new_page, agent, make_user(role="manager"))
    notice = page.locator("[data-notice]")
    page.get_by_text("Why? (optional)").click()
    page.locator("#tag-reason").fill("asked for")
    page.locator("#tag-input").focus()
    add(page, "user_2")
    expect(notice).to_contain_text("user_2 is a second owner. Also belongs to user_1:")
    expect(page.locator("#tag-reason")).to_have_value("")
    expect(page.locator(".agent-facts")).to_contain_text("2 owners")
    fits(page, axe)
    notice.get_by_role("link", name="Keep both").press("Enter")
    expect(notice).to_have_count(0)
    expect(page.locator("#tag-input")).to_be_focused()
    add(page, "user_3")
    notice.get_by_role("button", name="Undo").click()
    expect(notice).to_have_count(0)
    expect(page.locator("#tag-list li")).to_have_count(2)
    page.locator("#tag-input").focus()
    add(page, "user_4")
    notice.get_by_role("button", name="Move").click()
    expect(page.locator("#tag-status")).to_contain_text("This agent now belongs to user_4.")
    expect(notice).to_have_count(0)
    assert tags_of(agent) == ["user_4"]
    page.goto(f"/agents/{agent.public_id}/history/")
    expect(page.locator("#history")).to_contain_text("“asked for”")
    fits(page, axe)


def test_a_second_owner_without_javascript(new_page: NewPage) -> None:
    agent = make_agent(tags=["user_1"])
    page = new_page(make_user(), javascript=False, width=360)
    page.goto(f"/agents/{agent.public_id}/settings/")
    page.locator("#tag-input").fill("user_2")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("[data-notice]")).to_contain_text("Also belongs to user_1")
    page.get_by_role("link", name="Keep both").click()
    expect(page.locator("[data-notice]")).to_have_count(0)
    expect(page.locator(".agent-facts")).to_contain_text("2 owners")
    page.get_by_role("link", name="Move", exact=True).click()
    page.locator("#id_to").fill("user_2")
    page.get_by_role("button", name="Move agent").click()
    expect(page.locator("#tags .message-success")).to_contain_text("now belongs to user_2")
    assert tags_of(agent) == ["user_2"]


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_a_plan_says_what_to_look_at_first(
    new_page: NewPage, axe: Axe, theme: str, width: int
) -> None:
    make_agent(tags=["tier:gold", "user_5"])
    for n in range(3):
        make_agent(tags=["t", f"user_{n}"])
    make_agent(tags=["t"])
    page = new_page(make_user(role="manager"), theme=theme, width=width)
    page.goto("/agents/?any=t")
    page.locator(".pick[name=agent]").first.check()
    page.locator("#bulk-all").click()
    expect(page.locator(".bulk-said")).to_contain_text("All matching")
    page.locator("#bulk-add").click()
    page.wait_for_url("**/bulk/new/**")
    field = page.get_by_label("Tags", exact=True)
    field.focus()
    page.keyboard.type("tier:")
    expect(page.get_by_role("option", name="tier:gold")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.type("glod, User_5, user_99999, use")
    expect(page.get_by_role("option").first).to_contain_text("use")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    chosen = field.input_value()
    assert chosen.startswith("tier:glod, User_5, user_99999, user_")
    assert chosen.endswith(", ")
    field.fill("tier:glod, User_5, user_99999")
    page.keyboard.press("Enter")
    first = page.locator(".plan-first")
    expect(first).to_contain_text("3 of 4 agents would have two owners.")
    expect(first).to_contain_text("Did you mean tier:gold (1 agent)?")
    expect(first).to_contain_text("Looks like the user user_5 (1 agent)")
    fits(page, axe)
    first.get_by_role("button", name="Use tier:gold").click()
    expect(first).not_to_contain_text("Did you mean")
    first.get_by_role("button", name="Leave those 3 out").click()
    expect(page.locator(".plan-counts")).to_contain_text("left out: they belong to another user")


def test_history_folds_a_long_run(new_page: NewPage, axe: Axe) -> None:
    agent = make_agent()
    for n in range(6):
        change_tags(agent_id=agent.public_id, add=[f"t{n}"], actor=make_editor("Mara"))
    page = new_page(make_user(role="manager"), width=360)
    page.goto("/history/?by=mara")
    expect(page.locator(".sets-folded summary")).to_have_text("4 more by Mara")
    fits(page, axe)
    page.locator(".sets-folded summary").click()
    page.get_by_role("button", name="Undo").last.click()
    expect(page.locator("#messages")).to_contain_text("Undone on 1 agent.")
    expect(page.get_by_role("link", name="Undone", exact=True)).to_be_visible()
    page.goto("/history/")
    page.get_by_label("Person or key").focus()
    page.keyboard.type("mar")
    expect(page.get_by_role("option", name="Mara", exact=True)).to_be_visible()
    press(page, "ArrowDown", "ArrowDown", "Enter")
    expect(page.get_by_label("Person or key")).to_have_value("Mara")


def test_the_head_of_an_agent_without_an_owner_leads_to_one(new_page: NewPage, axe: Axe) -> None:
    agent = make_agent(tags=["vip"])
    make_agent(tags=["user_1"])
    page = new_page(make_user(role="manager"), width=360)
    page.goto(f"/agents/{agent.public_id}/")
    fits(page, axe)
    page.get_by_role("link", name="Assign").click()
    page.locator("#id_to").focus()
    page.keyboard.type("use")
    expect(page.get_by_role("option", name="user_1")).to_be_visible()
    fits(page, axe)
    press(page, "ArrowDown", "ArrowDown")
    press(page, "Enter")
    expect(page.locator("#id_to")).to_have_value("user_1")
    page.get_by_role("button", name="Assign agent").click()
    expect(page.locator(".agent-facts")).to_contain_text("user_1")
    change_tags(agent_id=agent.public_id, add=["user_2"], actor=ROOT)
    page.reload()
    page.get_by_role("link", name="Meant to be shared?").click()
    page.locator("#id_reason").fill("A team's agent")
    page.get_by_role("button", name="Mark as meant to be shared").click()
    expect(page.locator(".agent-facts")).to_contain_text("meant to be shared")
