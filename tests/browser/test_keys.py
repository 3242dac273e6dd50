"""The pages of API keys in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from agents.domain.core.key_tokens import find_key
from agents.domain.keys import create_key
from agents.models import ApiKey
from tests.helpers import ROOT, make_agent, make_user

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


def open_keys(page: Page) -> None:
    """Go to the keys, past the sign-in, which is the proof they ask for."""
    make_user("anna", role="admin")
    page.goto("/keys/")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^[^?]*/keys/$"))


def test_key_is_made_by_keyboard_with_a_suggested_tag(new_page: NewPage) -> None:
    make_agent(tags=["user_1"])
    page = new_page()
    open_keys(page)
    page.get_by_label("Name", exact=True).fill("phone of Ann")
    page.get_by_label("Limited to a tag").focus()
    page.keyboard.insert_text("user")
    expect(page.get_by_role("option", name="user_1")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Limited to a tag")).to_have_value("user_1")
    assert ApiKey.objects.count() == 0
    page.keyboard.press("Enter")
    token = page.get_by_label("Key", exact=True).input_value()
    key = find_key(token)
    assert key is not None
    assert (key.name, key.limit_tag) == ("phone of Ann", "user_1")
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("link", name="phone of Ann")).to_be_visible()
    assert token not in page.content()


def test_key_is_made_rotated_and_disabled_without_script(new_page: NewPage) -> None:
    page = new_page(javascript=False)
    open_keys(page)
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("app")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("Enter a tag, or choose all agents.")).to_be_visible()
    page.get_by_label("All agents").check()
    page.get_by_role("button", name="Create key").click()
    first = page.get_by_label("Key", exact=True).input_value()
    page.get_by_role("link", name="Done").click()
    page.get_by_role("link", name="app", exact=True).click()
    page.get_by_role("button", name="Rotate").click()
    second = page.get_by_label("Key", exact=True).input_value()
    assert [find_key(token) is not None for token in (first, second)] == [True, True]
    page.get_by_role("link", name="The old key").click()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("The key is disabled.")).to_be_visible()
    assert ApiKey.objects.filter(disabled_at=None).count() == 1


def test_emptying_the_limit_by_escape_never_makes_a_key_for_all_agents(new_page: NewPage) -> None:
    page = new_page()
    open_keys(page)
    limit = page.get_by_label("Limited to a tag")
    page.get_by_label("Name", exact=True).fill("phone")
    limit.fill("user_1")
    limit.press("Escape")  # closes the suggestions, if they came
    limit.press("Escape")
    expect(limit).to_have_value("")
    limit.press("Control+z")
    expect(limit).to_have_value("user_1")
    limit.press("Escape")
    limit.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Enter a tag, or choose all agents.")).to_be_visible()
    expect(limit).to_be_focused()
    expect(page.get_by_label("Name", exact=True)).to_have_value("phone")
    assert ApiKey.objects.count() == 0
    page.get_by_label("All agents").check()
    expect(limit).to_be_visible()  # an error is never hidden
    page.get_by_role("button", name="Create key").click()
    page.get_by_label("Key", exact=True).wait_for()
    assert ApiKey.objects.get().limit_tag is None


@pytest.mark.parametrize("javascript", [True, False])
def test_a_members_limit_is_the_tag_field(
    new_page: NewPage, axe: Callable[[Page], list[str]], javascript: bool
) -> None:
    make_agent(tags=["team:care", "user_1"])
    lena = make_user("lena")
    page = new_page(javascript=javascript, width=360)
    open_keys(page)
    page.goto(f"/members/{lena.pk}/limit/")
    limit = page.get_by_label("Limited to tags")
    expect(page.get_by_label("All agents")).to_be_checked()
    expect(limit).to_be_hidden()
    page.get_by_label("Only agents with a tag").check()
    if javascript:
        limit.focus()
        page.keyboard.insert_text("tea")
        expect(page.get_by_role("option", name="team:care")).to_be_visible()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(limit).to_have_value("team:care, ")
        assert axe(page) == []
    limit.press_sequentially("user_1") if javascript else limit.fill("team:care, user_1")
    page.get_by_role("button", name="Save the limit").click()
    expect(page.get_by_text("only agents tagged team:care or user_1")).to_be_visible()
    page.get_by_role("link", name="Change the limit").click()
    limit.fill("")
    page.get_by_role("button", name="Save the limit").click()
    expect(page.get_by_text("Enter at least one tag, or choose all agents.")).to_be_visible()
    lena.refresh_from_db()
    assert lena.stored_reach == '{"tags":["team:care","user_1"]}'
    wider = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert wider is False


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_pages_of_keys_are_accessible(
    new_page: NewPage, axe: Callable[[Page], list[str]], theme: str, width: int
) -> None:
    key = create_key(name="phone", actor=ROOT, limit_tag="user_1", may_tag=["note:*"]).key
    page = new_page(theme=theme, width=width)
    open_keys(page)
    assert axe(page) == []
    page.goto("/keys/?form=1")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    assert axe(page) == []
    page.goto(f"/keys/{key.key_id}/")
    assert axe(page) == []
    page.get_by_role("button", name="Rotate").click()
    expect(page.get_by_label("Key", exact=True)).to_be_visible()
    assert axe(page) == []
    wider = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert wider is False
