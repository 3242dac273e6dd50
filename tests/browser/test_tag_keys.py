"""Every key of the tag editor: in the field, with a suggestion chosen, on a tag's button."""

import pytest
from playwright.sync_api import Page, expect

from agents.models import Agent
from tests.browser.editing import (
    NewPage,
    active,
    add,
    closed,
    focused,
    has_tags,
    keeps_focus,
    open_editor,
    press,
    says,
    settled,
    suggested,
    typed,
)
from tests.helpers import make_agent, tags_of

pytestmark = pytest.mark.browser


def at_suggestions(new_page: NewPage, agent: Agent, text: str = "te") -> Page:
    """The editor with two tags suggested to `te`, besides the text itself, and none chosen."""
    make_agent(tags=["team:one", "team:two"])
    make_agent(tags=["team:one"])
    page = open_editor(new_page, agent)
    page.keyboard.insert_text(text)
    suggested(page, 3)
    return page


def at_option(new_page: NewPage, agent: Agent) -> Page:
    """The same with the first tag chosen."""
    page = at_suggestions(new_page, agent)
    press(page, "ArrowDown", "ArrowDown")
    assert active(page) == "team:one"
    return page


def at_button(new_page: NewPage, agent: Agent, **options: object) -> Page:
    """The editor with the focus on the last tag's button."""
    page = open_editor(new_page, agent, **options)
    press(page, "Backspace")
    return page


def on_agents_tags(page: Page) -> list[str]:
    """Record every request that would write."""
    sent: list[str] = []
    page.on(
        "request", lambda request: sent.append(request.url) if request.method == "POST" else None
    )
    return sent


# --- Enter ------------------------------------------------------------------------------------


def test_enter_in_an_empty_field_asks_for_nothing(new_page: NewPage) -> None:
    agent = make_agent(tags=["a"])
    page = open_editor(new_page, agent)
    sent = on_agents_tags(page)
    press(page, "Enter")
    add(page, "   ")
    settled(page)
    assert sent == []
    expect(page.locator("#tag-error")).to_have_text("")


def test_enter_adds_exactly_what_was_typed(new_page: NewPage) -> None:
    agent = make_agent()
    page = at_suggestions(new_page, agent)
    press(page, "Enter")
    says(page, "Tag te added. 1 tag.")
    closed(page)
    assert (focused(page), typed(page)) == ("tag-input", "")
    assert tags_of(agent) == ["te"]


def test_enter_adds_the_chosen_option(new_page: NewPage) -> None:
    agent = make_agent()
    page = at_option(new_page, agent)
    press(page, "Enter")
    says(page, "Tag team:one added. 1 tag.")
    closed(page)
    assert (focused(page), typed(page)) == ("tag-input", "")
    assert tags_of(agent) == ["team:one"]


def test_enter_on_a_button_removes(new_page: NewPage) -> None:
    agent = make_agent(tags=["a", "b"])
    page = at_button(new_page, agent)
    press(page, "Enter")
    says(page, "Tag b removed. 1 tag. Undo available.")
    assert focused(page) == "Remove tag a"


def test_enter_held_down_removes_one_tag_only(new_page: NewPage) -> None:
    agent = make_agent(tags=["a", "b", "c"])
    page = at_button(new_page, agent)
    page.keyboard.down("Enter")
    settled(page)
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    settled(page)
    assert tags_of(agent) == ["a", "b"]


@pytest.mark.parametrize("text", ["日本", "한"])
def test_no_key_of_a_composition_does_anything(new_page: NewPage, text: str) -> None:
    agent = make_agent(tags=["a"])
    page = open_editor(new_page, agent)
    sent = on_agents_tags(page)
    devtools = page.context.new_cdp_session(page)
    at_end = {"selectionStart": len(text), "selectionEnd": len(text)}
    devtools.send("Input.imeSetComposition", {"text": text, **at_end})
    for key in ("Enter", "Escape", "ArrowDown", "Backspace", ","):
        # A key that the input method takes has this code, whatever it is.
        event = {"key": key, "windowsVirtualKeyCode": 229, "nativeVirtualKeyCode": 229}
        devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **event})
        keeps_focus(page)
    assert typed(page) == text
    assert page.locator("#tag-suggest [aria-selected=true]").count() == 0
    assert sent == []
    devtools.send("Input.insertText", {"text": text})
    press(page, "Enter")
    says(page, f"Tag {text} added. 2 tags.")
    assert tags_of(agent) == ["a", text]


# --- Comma ------------------------------------------------------------------------------------


def test_a_comma_adds_the_text_before_it_and_keeps_what_follows(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.keyboard.type("vipgold")
    press(page, *["ArrowLeft"] * 4)
    page.keyboard.type(",")
    says(page, "Tag vip added. 1 tag.")
    assert (focused(page), typed(page)) == ("tag-input", "gold")


def test_a_comma_as_first_character_is_ignored(new_page: NewPage) -> None:
    page = open_editor(new_page, make_agent())
    page.keyboard.type(",")
    assert typed(page) == ""


def test_a_comma_inside_quotes_is_a_character(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    add(page, '"a, b"')
    says(page, "Tag a, b added. 1 tag.")
    assert tags_of(agent) == ["a, b"]


def test_a_comma_adds_what_was_typed_although_an_option_is_chosen(new_page: NewPage) -> None:
    agent = make_agent()
    page = at_option(new_page, agent)
    page.keyboard.type(",")
    says(page, "Tag te added. 1 tag.")
    closed(page)


# --- Tab --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
def test_tab_writes_nothing_keeps_the_text_and_says_so(new_page: NewPage, key: str) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    sent = on_agents_tags(page)
    page.keyboard.type("use")
    press(page, key)
    says(page, "“use” not added. Press Enter to add.")
    assert typed(page) == "use"
    assert focused(page) != "tag-input"
    assert sent == []


def test_tab_closes_the_suggestions_and_chooses_none(new_page: NewPage) -> None:
    agent = make_agent()
    page = at_option(new_page, agent)
    press(page, "Tab")
    closed(page)
    assert (focused(page), typed(page)) == ("Add", "te")
    assert tags_of(agent) == []


def test_tab_on_a_button_moves_to_the_next_control(new_page: NewPage) -> None:
    page = at_button(new_page, make_agent(tags=["a", "b"]))
    press(page, "Shift+Tab", "Shift+Tab")
    assert focused(page) == "Remove tag a"
    press(page, "Tab", "Tab")
    assert focused(page) == "Remove tag b"


# --- Down and Up ------------------------------------------------------------------------------


def test_down_opens_and_goes_to_the_first_then_the_next(new_page: NewPage) -> None:
    page = at_suggestions(new_page, make_agent())
    press(page, "Escape", "ArrowDown")
    suggested(page, 3)
    expect(page.locator("[aria-selected=true]")).to_have_id("tag-suggest-new")
    press(page, "ArrowDown")
    assert active(page) == "team:one"
    assert page.get_attribute("#tag-input", "aria-activedescendant") == "tag-suggest-1"
    press(page, "ArrowDown", "ArrowDown")
    assert page.get_attribute("#tag-input", "aria-activedescendant") is None
    assert focused(page) == "tag-input"


def test_up_opens_and_goes_to_the_last_then_the_previous(new_page: NewPage) -> None:
    page = at_suggestions(new_page, make_agent())
    press(page, "Escape", "ArrowUp")
    suggested(page, 3)
    expect(page.locator("[aria-selected=true]")).to_have_attribute("data-value", "team:two")
    press(page, "ArrowUp")
    assert active(page) == "team:one"
    press(page, "ArrowUp", "ArrowUp")
    assert active(page) == ""
    assert focused(page) == "tag-input"


def test_down_and_up_on_a_button_move_among_the_tags(new_page: NewPage) -> None:
    page = at_button(new_page, make_agent(tags=["a", "b"]))
    press(page, "ArrowUp")
    assert focused(page) == "Remove tag a"
    press(page, "ArrowUp")
    assert focused(page) == "Remove tag a"
    press(page, "ArrowDown")
    assert focused(page) == "Remove tag b"


def test_alt_with_down_and_up_opens_and_closes_without_moving(new_page: NewPage) -> None:
    page = at_suggestions(new_page, make_agent())
    press(page, "Escape", "Alt+ArrowDown")
    suggested(page, 3)
    assert active(page) == ""
    press(page, "Alt+ArrowUp")
    closed(page)
    assert typed(page) == "te"


@pytest.mark.parametrize("key", ["Alt+ArrowDown", "Alt+ArrowUp"])
def test_alt_with_down_or_up_closes_when_an_option_is_chosen(new_page: NewPage, key: str) -> None:
    page = at_option(new_page, make_agent())
    press(page, key)
    closed(page)
    assert typed(page) == "te"


# --- Left, Right, Home, End -------------------------------------------------------------------


@pytest.mark.parametrize("key", ["ArrowLeft", "ArrowRight", "Home", "End"])
def test_keys_of_the_caret_leave_the_option_for_the_text(new_page: NewPage, key: str) -> None:
    page = at_option(new_page, make_agent())
    press(page, key)
    assert active(page) == ""
    assert page.get_attribute("#tag-input", "aria-activedescendant") is None
    assert typed(page) == "te"


def test_keys_of_the_caret_move_it_in_the_field(new_page: NewPage) -> None:
    page = open_editor(new_page, make_agent(tags=["a"]))
    page.keyboard.type("abc")
    for key, place in (("ArrowLeft", 2), ("Home", 0), ("ArrowRight", 1), ("End", 3)):
        press(page, key)
        assert page.evaluate("document.activeElement.selectionStart") == place
    assert focused(page) == "tag-input"


def test_keys_of_the_caret_on_a_button_move_among_the_tags(new_page: NewPage) -> None:
    page = at_button(new_page, make_agent(tags=["a", "b", "c"]))
    for key, name in (("ArrowLeft", "b"), ("Home", "a"), ("ArrowRight", "b"), ("End", "c")):
        press(page, key)
        assert focused(page) == f"Remove tag {name}"


# --- Escape -----------------------------------------------------------------------------------


def test_escape_closes_then_clears_then_does_nothing(new_page: NewPage) -> None:
    page = at_suggestions(new_page, make_agent())
    press(page, "Escape")
    closed(page)
    assert typed(page) == "te"
    press(page, "Escape")
    assert typed(page) == ""
    press(page, "Escape")
    assert focused(page) == "tag-input"


def test_escape_with_an_option_chosen_closes_and_keeps_the_text(new_page: NewPage) -> None:
    page = at_option(new_page, make_agent())
    press(page, "Escape")
    closed(page)
    assert (focused(page), typed(page)) == ("tag-input", "te")


def test_escape_on_a_button_goes_back_to_the_field(new_page: NewPage) -> None:
    page = at_button(new_page, make_agent(tags=["a"]))
    press(page, "Escape")
    assert focused(page) == "tag-input"


# --- Backspace and Delete ---------------------------------------------------------------------


def test_backspace_deletes_text_and_in_an_empty_field_asks_first(new_page: NewPage) -> None:
    agent = make_agent(tags=["vip"])
    page = open_editor(new_page, agent)
    page.keyboard.type("ab")
    press(page, "Backspace", "Backspace")
    assert (focused(page), typed(page)) == ("tag-input", "")
    press(page, "Backspace")
    says(page, "Remove tag vip? Press Backspace again.")
    assert focused(page) == "Remove tag vip"
    assert tags_of(agent) == ["vip"]


def test_backspace_held_down_never_leaves_the_field_nor_removes(new_page: NewPage) -> None:
    agent = make_agent(tags=["a", "b"])
    page = open_editor(new_page, agent)
    page.keyboard.type("x")
    for _ in range(6):
        page.keyboard.down("Backspace")
    page.keyboard.up("Backspace")
    assert (focused(page), typed(page)) == ("tag-input", "")
    press(page, "Backspace")
    page.keyboard.down("Backspace")
    for _ in range(5):
        page.keyboard.down("Backspace")
    page.keyboard.up("Backspace")
    settled(page)
    assert tags_of(agent) == ["a"]


def test_backspace_and_delete_with_an_option_chosen_edit_the_text(new_page: NewPage) -> None:
    page = at_option(new_page, make_agent(tags=["a"]))
    press(page, "Backspace")
    assert (active(page), typed(page)) == ("", "t")
    press(page, "Home", "Delete")
    assert (focused(page), typed(page)) == ("tag-input", "")


@pytest.mark.parametrize("key", ["Backspace", "Delete", "Enter", "Space"])
def test_removing_hands_the_focus_to_the_next_tag_or_the_previous_or_the_field(
    new_page: NewPage, key: str
) -> None:
    agent = make_agent(tags=["a", "b", "c"])
    page = at_button(new_page, agent)
    press(page, "ArrowLeft", key)
    says(page, "Tag b removed. 2 tags. Undo available.")
    assert focused(page) == "Remove tag c"
    press(page, key)
    says(page, "Tag c removed. 1 tag. Undo available.")
    assert focused(page) == "Remove tag a"
    press(page, key)
    says(page, "Tag a removed. 0 tags. Undo available.")
    assert focused(page) == "tag-input"


# --- Undo and copy ----------------------------------------------------------------------------


def test_ctrl_z_in_the_field_takes_back_typing(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    add(page, "vip")
    says(page, "Tag vip added. 1 tag.")
    page.keyboard.type("gold")
    press(page, "Control+z")
    settled(page)
    assert typed(page) != "gold"
    assert tags_of(agent) == ["vip"]


def test_ctrl_z_outside_undoes_the_change_once_and_ctrl_shift_z_redoes_it(
    new_page: NewPage,
) -> None:
    agent = make_agent(tags=["a", "b"])
    page = at_button(new_page, agent)
    press(page, "Delete")
    says(page, "Tag b removed. 1 tag. Undo available.")
    press(page, "Control+z")
    says(page, "Undone: b added again.")
    press(page, "Control+z")
    settled(page)
    assert tags_of(agent) == ["a", "b"]
    press(page, "Control+Shift+z")
    says(page, "Redone: b removed again.")
    assert tags_of(agent) == ["a"]
    press(page, "Control+z")
    says(page, "Undone: b added again.")


@pytest.mark.parametrize("role", ["link", "button"])
def test_ctrl_c_on_a_tag_copies_its_text(new_page: NewPage, role: str) -> None:
    page = at_button(
        new_page,
        make_agent(tags=["tier:gold"]),
        permissions=["clipboard-read", "clipboard-write"],
    )
    if role == "link":
        press(page, "Shift+Tab")
    press(page, "Control+c")
    says(page, "tier:gold copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "tier:gold"


# --- Letters ----------------------------------------------------------------------------------


def test_a_letter_with_an_option_chosen_goes_on_typing(new_page: NewPage) -> None:
    page = at_option(new_page, make_agent())
    press(page, "a")
    assert (active(page), typed(page)) == ("", "tea")


def test_a_letter_on_a_button_moves_to_a_tag_from_eight_tags_on(new_page: NewPage) -> None:
    page = at_button(new_page, make_agent(tags=["b1", "b2", "c", "d", "e", "f", "g", "h"]))
    press(page, "b")
    assert focused(page) == "Remove tag b1"
    press(page, "b")
    assert focused(page) == "Remove tag b2"
    press(page, "x")
    assert focused(page) == "Remove tag b2"


def test_a_letter_on_a_button_of_few_tags_does_nothing(new_page: NewPage) -> None:
    page = at_button(new_page, make_agent(tags=["a", "b"]))
    press(page, "a")
    assert focused(page) == "Remove tag b"
    has_tags(page, "a", "b")
