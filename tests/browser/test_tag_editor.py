"""The tag editor in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from agents.domain.tags import change_tags
from agents.models import Agent
from tests.helpers import ROOT, make_agent, make_user, tags_of

pytestmark = pytest.mark.browser

NewPage = Callable[..., Page]


def open_editor(new_page: NewPage, agent: Agent, **options: object) -> Page:
    """The agent's Advanced Settings with the focus in the add field."""
    page = new_page(make_user(), **options)
    page.goto(f"/agents/{agent.public_id}/settings/")
    page.locator("#tag-input").focus()
    return page


def add(page: Page, text: str) -> None:
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def says(page: Page, text: str) -> None:
    expect(page.locator("#tag-status")).to_have_text(text)


def has_tags(page: Page, *names: str) -> None:
    expect(page.locator("#tag-list .chip bdi")).to_have_text(list(names))


def focused(page: Page) -> str:
    """What has the focus, as a screen reader would name it."""
    return str(
        page.evaluate(
            "(document.activeElement.ariaLabel || document.activeElement.id"
            " || document.activeElement.textContent).trim()"
        )
    )


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
    page.keyboard.type("test")
    expect(page.locator("#tag-suggest [role=option]")).to_have_count(2)
    page.keyboard.press("Enter")
    says(page, "Tag test added. 1 tag.")
    expect(page.locator("#tag-suggest")).to_be_hidden()
    assert tags_of(agent) == ["test"]


def test_a_suggestion_is_chosen_with_the_arrows_and_enter(new_page: NewPage) -> None:
    make_agent(tags=["team:support"])
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.keyboard.type("te")
    expect(page.locator("#tag-suggest [role=option]")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#tag-input")).to_have_attribute("aria-activedescendant", "tag-suggest-1")
    page.keyboard.press("Enter")
    says(page, "Tag team:support added. 1 tag.")
    assert focused(page) == "tag-input"


def test_arrow_down_in_the_empty_field_opens_the_suggestions(new_page: NewPage) -> None:
    make_agent(tags=["vip"])
    page = open_editor(new_page, make_agent())
    page.keyboard.press("ArrowDown")
    expect(page.locator("#tag-suggest [aria-selected=true] bdi")).to_have_text("vip")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#tag-input")).not_to_have_attribute("aria-activedescendant", "x")
    page.keyboard.press("Escape")
    expect(page.locator("#tag-suggest")).to_be_hidden()


def test_escape_closes_then_clears(new_page: NewPage) -> None:
    make_agent(tags=["vip"])
    page = open_editor(new_page, make_agent())
    page.keyboard.type("vi")
    expect(page.locator("#tag-suggest")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#tag-suggest")).to_be_hidden()
    assert page.input_value("#tag-input") == "vi"
    page.keyboard.press("Escape")
    assert page.input_value("#tag-input") == ""


def test_a_comma_adds_and_within_quotes_is_a_character(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.keyboard.type(",a,")
    says(page, "Tag a added. 1 tag.")
    add(page, '"b, c"')
    says(page, "Tag b, c added. 2 tags.")
    assert tags_of(agent) == ["a", "b, c"]


def test_tab_writes_nothing_and_says_so(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.keyboard.type("use")
    page.keyboard.press("Tab")
    says(page, "“use” not added. Press Enter to add.")
    assert page.input_value("#tag-input") == "use"
    assert tags_of(agent) == []


def test_backspace_asks_first_and_then_removes(new_page: NewPage) -> None:
    agent = make_agent(tags=["a", "vip"])
    page = open_editor(new_page, agent)
    page.keyboard.press("Backspace")
    says(page, "Remove tag vip? Press Backspace again.")
    assert focused(page) == "Remove tag vip"
    assert tags_of(agent) == ["a", "vip"]
    page.keyboard.press("Backspace")
    says(page, "Tag vip removed. 1 tag. Undo available.")
    assert focused(page) == "Remove tag a"
    page.keyboard.press("Delete")
    says(page, "Tag a removed. 0 tags. Undo available.")
    assert focused(page) == "tag-input"


def test_keys_move_among_the_tags_and_undo(new_page: NewPage) -> None:
    agent = make_agent(tags=["a", "b", "c"])
    page = open_editor(new_page, agent)
    page.keyboard.press("Backspace")
    page.keyboard.press("ArrowLeft")
    assert focused(page) == "Remove tag b"
    page.keyboard.press("Home")
    assert focused(page) == "Remove tag a"
    page.keyboard.press("End")
    assert focused(page) == "Remove tag c"
    page.keyboard.press("Enter")
    says(page, "Tag c removed. 2 tags. Undo available.")
    page.keyboard.press("Control+z")
    says(page, "Undone: c added again.")
    page.keyboard.press("Escape")
    assert focused(page) == "tag-input"
    assert tags_of(agent) == ["a", "b", "c"]


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
    page.evaluate(
        """text => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            document.activeElement.dispatchEvent(
                new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
        }""",
        text,
    )
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


def test_without_the_server_nothing_is_lost_and_retry_adds(
    new_page: NewPage, page_problems: list[str]
) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.context.set_offline(True)
    add(page, "vip")
    expect(page.locator("#tag-pending .why")).to_have_text("Not saved: could not reach the server.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Retry").click()
    says(page, "Tag vip added. 1 tag.")
    assert focused(page) == "tag-input"
    assert tags_of(agent) == ["vip"]
    page_problems[:] = [text for text in page_problems if "htmx:" not in text]


def test_an_ended_session_keeps_what_was_typed(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.context.clear_cookies(name="ade-session")
    add(page, "vip")
    page.wait_for_url("**/accounts/login/**")
    page.get_by_label("Username").fill("mara")
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/agents/{agent.public_id}/settings/**")
    expect(page.locator("#tag-input")).to_have_value("vip")
    assert tags_of(agent) == []


def test_a_page_out_of_date_says_so_and_loses_nothing(new_page: NewPage) -> None:
    page = open_editor(new_page, make_agent(tags=["a"]))
    page.context.clear_cookies(name="ade-csrf")
    add(page, "vip")
    expect(page.locator("#messages")).to_contain_text("This page is out of date.")
    expect(page.locator("#tag-pending .chip")).to_have_text("vip")
    has_tags(page, "a")


def test_settings_are_edited_in_place(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.get_by_role("link", name="Edit the model's settings").click()
    expect(page.get_by_label("Model", exact=True)).to_be_focused()
    page.get_by_label("Model", exact=True).fill("nonsense")
    page.keyboard.press("Enter")
    expect(page.locator("#id_model_error")).to_have_text("A model is named provider/name.")
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
