"""The tag editor in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from agents.domain.tags.edit import change_tags
from tests.browser.editing import NewPage, add, focused, has_tags, open_editor, paste, says
from tests.helpers import ROOT, make_agent, make_user, tags_of

pytestmark = pytest.mark.browser


def test_from_the_list_to_a_new_tag_by_keyboard_alone(new_page: NewPage) -> None:
    agent = make_agent(name="Bob", tags=["user_1"])
    page = new_page(make_user())
    page.goto("/agents/")
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused(page) == "Bob":
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/agents/{agent.public_id}/")
    for _ in range(30):
        page.keyboard.press("Tab")
        if focused(page) == "Advanced Settings":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/")
    page.evaluate("window.stayed = true")
    for _ in range(30):
        page.keyboard.press("Tab")
        if focused(page) == "tag-input":
            break
    add(page, "vip")
    says(page, "Tag vip added. 2 tags.")
    has_tags(page, "user_1", "vip")
    assert focused(page) == "tag-input"
    assert page.input_value("#tag-input") == ""
    assert page.evaluate("window.stayed") is True
    assert tags_of(agent) == ["user_1", "vip"]
    expect(page.locator("#recent li").first).to_contain_text("mara added vip")


def test_the_main_flows_without_javascript(new_page: NewPage) -> None:
    agent = make_agent(name="Bob")
    page = new_page(make_user(), javascript=False)
    page.goto("/agents/")
    page.get_by_role("link", name="Bob", exact=True).click()
    page.get_by_role("link", name="Advanced Settings").click()
    page.get_by_label("Add a tag").fill("vip, user_1")
    page.keyboard.press("Enter")
    expect(page.locator("#tags .message")).to_have_text("2 tags added. 2 tags.")
    page.get_by_role("button", name="Undo adding 2 tags").click()
    expect(page.locator("#tags .message")).to_have_text("Undone: 2 tags removed again.")
    page.get_by_label("Add a tag").fill("x" * 513)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#tag-error")).to_have_text("Tag is 513 characters; the limit is 512.")
    expect(page.get_by_label("Add a tag")).to_have_value("x" * 513)
    page.get_by_label("Add a tag").fill("vip")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove tag vip").click()
    expect(page.locator("#tags .message")).to_have_text("Tag vip removed. 0 tags. Undo available.")
    page.get_by_role("link", name="Edit the model's settings").click()
    page.get_by_label("Model", exact=True).fill("openai/gpt-4.1")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#model dd").first).to_have_text("openai/gpt-4.1")
    assert tags_of(agent) == []


def test_tags_entered_fast_all_arrive(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    for number in range(8):
        add(page, f"t{number}")
    expect(page.locator("#tag-pending li")).to_have_count(0)
    has_tags(page, *(f"t{number}" for number in range(8)))
    assert tags_of(agent) == [f"t{number}" for number in range(8)]


def test_enter_adds_what_was_typed_although_a_longer_tag_exists(new_page: NewPage) -> None:
    make_agent(tags=["test1"])
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.keyboard.insert_text("test")
    expect(page.locator("#tag-suggest [role=option]")).to_have_count(2)
    page.keyboard.press("Enter")
    says(page, "Tag test added. 1 tag.")
    expect(page.locator("#tag-suggest")).to_be_hidden()
    assert tags_of(agent) == ["test"]


def test_two_tags_removed_at_once_are_both_gone(new_page: NewPage) -> None:
    agent = make_agent(tags=["a", "b", "c"])
    page = open_editor(new_page, agent)
    page.evaluate("for (const button of document.querySelectorAll('.chip-remove')) button.click()")
    expect(page.locator("#tag-list li")).to_have_count(0)
    assert tags_of(agent) == []


def test_a_paste_of_lines_is_one_change_and_names_what_was_refused(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    text = "a\nb, c\t" + "x" * 513
    paste(page, text)
    says(page, "3 tags added, 1 refused: too long. 3 tags.")
    expect(page.locator("#tag-error")).to_have_text("Tag is 513 characters; the limit is 512.")
    page.get_by_role("button", name="Edit xxx").click()
    expect(page.locator("#tag-input")).to_have_value("x" * 513)
    expect(page.locator("#tag-refused li")).to_have_count(0)
    assert focused(page) == "tag-input"


def test_a_tag_that_is_there_flashes(new_page: NewPage) -> None:
    page = open_editor(new_page, make_agent(tags=["vip"]))
    add(page, "vip")
    says(page, "vip is already on this agent.")
    expect(page.locator("#tag-list .is-there .chip bdi")).to_have_text("vip")


def test_what_others_added_is_in_the_answer(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    change_tags(agent_id=agent.public_id, add=["theirs"], actor=ROOT)
    add(page, "mine")
    has_tags(page, "theirs", "mine")
    says(page, "Tag mine added. 2 tags. Also changed by test: +theirs.")


def test_settings_are_edited_in_place(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.get_by_role("link", name="Edit the model's settings").click()
    expect(page.get_by_label("Model", exact=True)).to_be_focused()
    page.get_by_label("Model", exact=True).fill("nonsense")
    page.keyboard.press("Enter")
    expect(page.locator("#id_model_error")).to_have_text("A model has the form provider/name.")
    expect(page.get_by_label("Model", exact=True)).to_have_value("nonsense")
    page.get_by_label("Model", exact=True).fill("openai/gpt-4.1")
    page.keyboard.press("Enter")
    expect(page.locator("#model dd").first).to_have_text("openai/gpt-4.1")
    expect(page.locator("#model-edit")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_accessibility_rule_is_broken_and_nothing_scrolls_sideways(
    new_page: NewPage, axe: Callable[[Page], list[str]], theme: str, width: int
) -> None:
    agent = make_agent(tags=["user_1", "tier:gold", "w" * 512], system="Be kind. " * 50)
    page = new_page(make_user(), theme=theme, width=width)
    for tab in ("", "?edit=about", "settings/", "settings/?edit=model", "memory/", "history/"):
        page.goto(f"/agents/{agent.public_id}/{tab}")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"/agents/{agent.public_id}/settings/")
    page.locator("#tag-input").focus()
    add(page, "x" * 513)
    expect(page.locator("#tag-refused li")).to_have_count(1)
    page.keyboard.type("t")
    expect(page.locator("#tag-suggest")).to_be_visible()
    assert axe(page) == []
