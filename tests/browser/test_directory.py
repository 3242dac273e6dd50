"""The tag directory, the users and the history in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from agents.actors import MANAGE
from agents.domain.directory import COLOURS, describe_tag, rename_tag
from agents.domain.merge import merge_tags
from agents.models import ChangeSet, Tag
from tests.helpers import make_agent, make_editor, make_user, tags_of

pytestmark = pytest.mark.browser

NewPage = Callable[..., Page]
MANAGER = make_editor("Mo", MANAGE)
LONG = "x" * 200


def fill() -> None:
    """Tags of every sort and colour, users, look-alikes, and changes of each kind."""
    for number, colour in enumerate(COLOURS):
        make_agent(name=f"A{number}", tags=[f"team:{colour}", "env:prod", "user_1"])
        describe_tag(name=f"team:{colour}", colour=colour, description="Of a team", actor=MANAGER)
    make_agent(name="Both", tags=["user_1", "user_2", "Env_Prod", "origin:x", LONG])
    make_agent(tags=["user_01", "old", "VIP"])
    make_agent(tags=["vip"])
    rename_tag(old="old", new="new", actor=MANAGER, reason="spelling")
    merge_tags(source="VIP", target="vip", actor=MANAGER)


PAGES = [
    "/tags/",
    "/tags/?kind=users&only=unused",
    "/tags/lookalikes/",
    "/tags/one/?name=env:prod",
    "/tags/rename/?name=vip&other=gold",
    "/tags/merge/?name=Env_Prod&other=env:prod",
    "/tags/delete/?name=vip",
    "/users/",
    "/users/?q=nobody",
    "/users/one/?name=user_1",
    "/users/one/?name=user_001",
    "/users/offboard/?name=user_1&how=agents",
    "/history/",
    "/history/?tag=vip",
    "/history/LAST/",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_break_no_rule_and_fit(
    new_page: NewPage, axe: Callable[[Page], list[str]], theme: str
) -> None:
    fill()
    last = ChangeSet.objects.latest("id").id
    page = new_page(make_user(role="admin"), theme=theme, width=320)
    for path in PAGES:
        page.goto(path.replace("LAST", str(last)))
        for width in (320, 700, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert (path, wide) == (path, width)
            assert (path, axe(page)) == (path, [])


def test_rename_and_undo_by_keyboard(new_page: NewPage) -> None:
    agent = make_agent(tags=["vpi"])
    page = new_page(make_user(role="manager"))
    page.goto("/tags/")
    page.get_by_role("link", name="Rename vpi").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#other")).to_be_focused()
    page.keyboard.type("vip")
    page.keyboard.press("Enter")
    expect(page.locator(".impact")).to_contain_text("1 carries it")
    page.get_by_role("button", name="Rename").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_have_text("vpi is vip now, on 1 agent.")
    assert tags_of(agent) == ["vip"]
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_have_text("Undone on 1 agent.")
    assert tags_of(agent) == ["vpi"]


def test_search_narrows_as_one_types(new_page: NewPage) -> None:
    make_agent(tags=["alpha", "beta", "gamma"])
    page = new_page(make_user(role="viewer"))
    page.goto("/tags/")
    page.locator("#dir-q").focus()
    page.keyboard.type("bet")
    expect(page.locator(".dir tbody tr")).to_have_count(1)
    page.wait_for_url("**/tags/?q=bet*")
    expect(page.locator("#dir-q")).to_be_focused()
    page.reload()
    expect(page.locator(".dir tbody tr")).to_have_count(1)


def test_merge_and_delete_without_script(new_page: NewPage) -> None:
    agent = make_agent(tags=["Vip", "vip", "x"])
    page = new_page(make_user(role="manager"), javascript=False)
    page.goto("/tags/lookalikes/")
    page.locator(".groups .quiet-link").click()
    page.get_by_role("button", name="Merge").click()
    expect(page.locator("#messages")).to_have_text(re.compile(r"1 agent\.\s*$"))
    assert sorted(Tag.objects.values_list("name", flat=True)) in (["Vip", "x"], ["vip", "x"])
    page.goto("/tags/delete/?name=x")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#typed-error")).to_have_text("Type the name of the tag.")
    page.locator("#typed").fill("x")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#typed")).to_have_count(0)
    assert len(tags_of(agent)) == 1


def test_offboarding_gives_a_receipt(new_page: NewPage) -> None:
    make_agent(name="Own", tags=["user_1"])
    make_agent(name="Shared", tags=["user_1", "user_2"])
    page = new_page(make_user(role="manager"))
    page.goto("/users/one/?name=user_1")
    page.get_by_role("link", name="Off-board…").click()
    page.get_by_label("They are deleted").check()
    page.get_by_role("button", name="Show the plan").click()
    page.locator("#typed").fill("user_1")
    page.get_by_role("button", name="Off-board").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the receipt").click()
    lines = download.value.path().read_text().splitlines()
    told = sorted(line.split(",")[1:4] for line in lines[1:])
    assert told == [
        ["", "deleted", "user_1"],
        ["Own", "deleted", ""],
        ["Own", "removed", "user_1"],
        ["Shared", "removed", "user_1"],
    ]
