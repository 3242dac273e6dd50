"""The tag directory, the users and the history in a real browser."""

import re
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from agents.core.actors import MANAGE
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import COLOURS, describe_tag, rename_tag
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
    "/tags/many/?act=merge&tag=vip&tag=new&other=user_2",
    "/tags/many/?act=delete&tag=vip&tag=new",
    "/users/",
    "/users/?q=nobody",
    "/users/one/?name=user_1",
    "/users/one/?name=user_001",
    "/users/offboard/?name=user_1&how=agents",
    "/history/",
    "/history/?tag=vip",
    "/history/LAST/",
    "/history/LAST/undo/",
    "/trash/",
    "/crossings/",
    "/memory/unused/",
    "/access/tag/?name=user_1",
    "/bulk/",
    "/bulk/csv/",
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
        for width in (320, 700, 768, 900, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert (path, wide) == (path, width)
        # What is hidden at one width is shown at the other: each theme is looked at in one of them.
        page.set_viewport_size({"width": 1280 if theme == "light" else 320, "height": 800})
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
    expect(page.locator("#messages")).to_have_text("vpi was renamed to vip on 1 agent.")
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


def test_a_tag_is_watched_and_many_are_merged_by_keyboard(new_page: NewPage) -> None:
    agent = make_agent(tags=["user_1", "vip"])
    make_agent(tags=["user_2"])
    page = new_page(make_user(role="manager"))
    page.goto("/tags/one/?name=vip")
    page.get_by_role("button", name="Watch").press("Enter")
    expect(page.get_by_role("button", name="Stop watching")).to_be_visible()
    page.goto("/tags/many/?act=merge&tag=vip")
    expect(page.locator("#other")).to_be_focused()
    page.keyboard.insert_text("user_2")
    page.keyboard.press("Enter")
    expect(page.locator(".notice-second_owner")).to_contain_text("1 agent would have two owners.")
    page.locator("#apply").press("Enter")
    expect(page.locator("#messages")).to_contain_text("1 tag merged.")
    assert tags_of(agent) == ["user_1", "user_2"]
    page.goto("/")
    expect(page.locator("section[aria-labelledby=watched]")).to_contain_text("user_2")


def test_text_is_kept_when_the_session_ends(new_page: NewPage) -> None:
    make_agent(tags=["vip"])
    page = new_page(make_user("mara", role="manager"))
    page.goto("/tags/one/?name=vip")
    page.get_by_label("Note").fill("For people who pay")
    Session.objects.all().delete()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/accounts/login/?next=**")
    expect(page.locator("#signed-out")).to_contain_text("your text is kept")
    page.get_by_label("Username").fill("mara")
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tags/one/?name=vip")
    expect(page.get_by_label("Note")).to_have_value("For people who pay")
    assert Tag.objects.get(name="vip").description == ""
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#messages")).to_have_text("Saved.")
    assert page.evaluate("sessionStorage.getItem('ade-kept-text')") is None


def test_offboarding_gives_a_receipt(new_page: NewPage) -> None:
    make_agent(name="Own", tags=["user_1"])
    make_agent(name="Shared", tags=["user_1", "user_2"])
    page = new_page(make_user(role="manager"))
    page.goto("/users/one/?name=user_1")
    page.get_by_role("link", name="Off-board…").click()
    page.get_by_label("Delete them for good").check()
    page.get_by_role("button", name="Show the plan").click()
    page.locator("#typed").fill("user_1")
    page.get_by_role("button", name="Delete 1 agent for good").click()
    expect(page.locator(".message")).to_have_text("Everything was read back and is as planned.")
    page.get_by_role("link", name="In the history").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the receipt").click()
    lines = download.value.path().read_text().splitlines()
    told = sorted(line.split(",")[1:4] for line in lines[1:])
    assert told == [
        ["", "deleted", "user_1"],
        ["", "set", "user_1"],  # the digest of the receipt
        ["Own", "deleted", ""],
        ["Own", "removed", "user_1"],
        ["Shared", "removed", "user_1"],
    ]
