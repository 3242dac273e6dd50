"""How pages look and weigh: in light, dark, forced colours, at every width; every state of the editor."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from agents.domain.agents.write import delete_agent
from agents.domain.tags.edit import change_tags
from agents.models import Agent
from tests.browser.editing import NewPage, add, open_editor, paste, press, settled, suggested
from tests.helpers import make_agent, make_editor, make_user

pytestmark = pytest.mark.browser

Axe = Callable[[Page], list[str]]

themes = pytest.mark.parametrize("theme", ["light", "dark"])
widths = pytest.mark.parametrize("width", [1280, 360])


def fits(page: Page, axe: Axe) -> None:
    """No rule of accessibility is broken, and nothing scrolls sideways."""
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def make_full_agent() -> Agent:
    return make_agent(
        name="Onboarding helper",
        tags=["user_1", "tier:gold", "origin:import", "w" * 512, "עברית", "vi\u200bp"],
        system="Be kind. " * 50,
    )


@themes
@widths
def test_every_state_of_the_editor(new_page: NewPage, axe: Axe, theme: str, width: int) -> None:
    make_agent(tags=["user 2", "tier:silver"])
    agent = make_full_agent()
    page = open_editor(new_page, agent, theme=theme, width=width)
    fits(page, axe)
    page.keyboard.insert_text("tier")
    suggested(page, 2)
    fits(page, axe)
    press(page, "ArrowDown", "ArrowDown", "ArrowDown")
    fits(page, axe)
    press(page, "Escape", "Escape")
    paste(page, "x" * 513 + ", User_2, q\u202e")
    expect(page.locator("#tag-refused li")).to_have_count(1)
    expect(page.locator("#tag-notes .message")).to_have_count(2)
    fits(page, axe)
    add(page, "tier:gold")
    expect(page.locator(".is-there")).to_have_count(1)
    fits(page, axe)
    page.locator("#tag-input").focus()
    change_tags(agent_id=agent.public_id, add=["theirs"], actor=make_editor("Maria"))
    press(page, "Backspace", "Backspace")
    expect(page.locator(".is-theirs")).to_have_count(1)
    fits(page, axe)


@themes
@widths
def test_changes_on_their_way_and_not_saved(
    new_page: NewPage, axe: Axe, page_problems: list[str], theme: str, width: int
) -> None:
    page = open_editor(new_page, make_full_agent(), theme=theme, width=width)
    page.route("**/tags/remove/", lambda route: None)
    press(page, "Backspace", "Backspace", "Escape")
    add(page, "vip")
    expect(page.locator("#tag-pending li")).to_have_count(2)
    fits(page, axe)
    other = open_editor(new_page, make_agent(), make_user("other"), theme=theme, width=width)

    def fail(route: Route) -> None:
        route.fulfill(status=500, headers={"X-Request-ID": "0123456789abcdef"}, body="")

    other.route("**/tags/", fail)
    add(other, "vip")
    expect(other.get_by_role("button", name="Retry")).to_be_visible()
    fits(other, axe)
    page_problems.clear()


@themes
@widths
def test_an_editor_that_may_not_edit_and_one_of_a_deleted_agent(
    new_page: NewPage, axe: Axe, theme: str, width: int
) -> None:
    agent, viewer = make_full_agent(), make_user("viewer", role="viewer")
    page = new_page(viewer, theme=theme, width=width)
    page.goto(f"/agents/{agent.public_id}/settings/")
    fits(page, axe)
    page = open_editor(new_page, agent, theme=theme, width=width)
    delete_agent(agent_id=agent.public_id, actor=make_editor("Maria"))
    add(page, "vip")
    expect(page.locator("#tags [role=alert]")).to_be_visible()
    fits(page, axe)


@themes
@widths
def test_an_editor_in_a_row(new_page: NewPage, axe: Axe, theme: str, width: int) -> None:
    agent = make_full_agent()
    make_agent(name="Other", tags=["a"])
    page = new_page(make_user(), theme=theme, width=width)
    page.goto("/agents/")
    for name in (agent.name, "Other"):
        page.get_by_role("link", name=f"Edit the tags of {name}").click()
        expect(page.get_by_role("button", name=f"Done editing the tags of {name}")).to_be_visible()
    add(page, "y" * 513)
    expect(page.locator("[id$=-refused] li")).to_have_count(1)
    fits(page, axe)


@themes
@widths
def test_every_tab_of_an_agent(new_page: NewPage, axe: Axe, theme: str, width: int) -> None:
    agent = make_full_agent()
    page = new_page(make_user(), theme=theme, width=width)
    tabs = ["", "?edit=about", "settings/", "settings/?edit=model", "memory/", "history/", "json/"]
    for tab in tabs:
        page.goto(f"/agents/{agent.public_id}/{tab}")
        fits(page, axe)
    page.goto("/agents/agent-0/")
    fits(page, axe)


@pytest.mark.parametrize("where", ["settings", "list"])
def test_at_200_percent_nothing_is_lost(new_page: NewPage, axe: Axe, where: str) -> None:
    agent = make_full_agent()
    page = new_page(make_user(), width=640, height=400, device_scale_factor=2)
    page.goto("/agents/" if where == "list" else f"/agents/{agent.public_id}/settings/")
    fits(page, axe)


def test_reduced_motion_shows_the_same_without_moving(new_page: NewPage) -> None:
    page = open_editor(new_page, make_agent(tags=["vip"]), reduced_motion="reduce")
    add(page, "vip")
    there = page.locator(".is-there")
    expect(there).to_have_css("animation-name", "none")
    assert there.evaluate("element => getComputedStyle(element).boxShadow") != "none"


def test_forced_colours_keep_every_sign(new_page: NewPage, axe: Axe) -> None:
    page = open_editor(new_page, make_full_agent(), forced_colors="active")
    add(page, "tier:gold")
    expect(page.locator(".is-there")).to_have_css("outline-style", "solid")
    page.keyboard.insert_text("tier")
    suggested(page, 1)  # without the one that the agent has
    press(page, "ArrowDown")
    expect(page.locator("[aria-selected=true]")).to_have_css("outline-style", "solid")


def test_nothing_moves_when_a_tag_is_added_but_undo_behind_its_sentence(
    new_page: NewPage,
) -> None:
    page = open_editor(new_page, make_agent(tags=["user_1", "vip"]))
    make_agent(tags=["team:one"])
    page.evaluate(
        """() => {
            window.moved = [];
            new PerformanceObserver((list) => {
                for (const entry of list.getEntries())
                    window.moved.push([entry.value,
                        ...entry.sources.map((source) => source.node?.outerHTML ?? "")]);
            }).observe({type: "layout-shift"});
        }"""
    )
    for name in ("gold", "a"):
        add(page, name)
        settled(page)
    page.keyboard.insert_text("team")
    suggested(page, 2)
    press(page, "ArrowDown", "ArrowDown", "Enter")
    settled(page)
    expect(page.locator("#tag-list > li")).to_have_count(5)
    expect(page.locator("#recent")).to_contain_text("team:one")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    moved = page.evaluate("window.moved")
    assert [what for _, *where in moved for what in where if 'id="tag-undo"' not in what] == []
    assert sum(value for value, *_ in moved) < 0.0005
