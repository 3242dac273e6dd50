"""The tag editor when things go wrong, or someone else is at work: nothing typed is lost."""

import pytest
from playwright.sync_api import Page, Route, expect

from agents.domain.agents.write import delete_agent
from agents.domain.tags.edit import change_tags
from tests.browser.editing import (
    NewPage,
    add,
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
from tests.helpers import ROOT, make_agent, make_editor, make_user, tags_of

pytestmark = pytest.mark.browser

MARIA = make_editor("Maria")
WRITES = "**/tags/"


def answer_with(page: Page, status: int, body: str = "", **headers: str) -> None:
    """What stands between browser and server answers the next writes."""

    def answer(route: Route) -> None:
        route.fulfill(status=status, body=body, headers=headers, content_type="text/html")

    page.route(WRITES, answer)


def test_a_chip_is_there_within_a_frame_before_any_answer(new_page: NewPage) -> None:
    page = open_editor(new_page, make_agent(tags=["a"]))
    held: list[Route] = []
    page.route(WRITES, lambda route: held.append(route))
    page.keyboard.type("vip")
    pending = page.evaluate(
        """() => {
            document.querySelector("#tag-form").requestSubmit();
            return new Promise((done) => requestAnimationFrame(() => done(
                [...document.querySelectorAll("#tag-pending [aria-busy=true] .chip")]
                    .map((chip) => chip.textContent))));
        }"""
    )
    assert pending == ["vip"]
    assert (focused(page), typed(page)) == ("tag-input", "")
    page.keyboard.type("next")
    while not held:
        page.wait_for_timeout(20)  # the request is on its way to us
    held[0].continue_()
    has_tags(page, "a", "vip")
    assert (focused(page), typed(page)) == ("tag-input", "next")


def test_without_the_server_nothing_is_lost_and_retry_adds(
    new_page: NewPage, page_problems: list[str]
) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.context.set_offline(True)
    add(page, "vip")
    expect(page.locator("#tag-pending .why")).to_have_text("Not saved: could not reach the server.")
    says(page, "vip: not saved, could not reach the server.")
    expect(page.get_by_role("button", name="Copy the request ID")).to_be_hidden()
    page.context.set_offline(False)
    page.get_by_role("button", name="Retry").focus()
    press(page, "Enter")
    says(page, "Tag vip added. 1 tag.")
    settled(page)
    assert focused(page) == "tag-input"
    assert tags_of(agent) == ["vip"]
    page_problems[:] = [text for text in page_problems if "htmx:" not in text]


def test_a_removal_that_failed_is_not_sent_again_by_itself_and_can_be_discarded(
    new_page: NewPage, page_problems: list[str]
) -> None:
    agent = make_agent(tags=["a", "b"])
    page = open_editor(new_page, agent)
    page.context.set_offline(True)
    press(page, "Backspace", "Backspace")
    expect(page.locator("#tag-pending .why")).to_have_text(
        "Not removed: could not reach the server."
    )
    page.context.set_offline(False)
    page.get_by_role("button", name="Discard").focus()
    press(page, "Enter")
    has_tags(page, "a", "b")
    expect(page.locator("#tag-pending li")).to_have_count(0)
    assert tags_of(agent) == ["a", "b"]
    page_problems[:] = [text for text in page_problems if "htmx:" not in text]


def test_a_server_that_does_not_answer_in_time_is_named_as_out_of_reach(
    new_page: NewPage, page_problems: list[str]
) -> None:
    page = open_editor(new_page, make_agent())
    assert page.evaluate("htmx.config.timeout") == 10_000
    page.evaluate("htmx.config.timeout = 200")
    page.route(WRITES, lambda route: None)
    add(page, "vip")
    expect(page.locator("#tag-pending .why")).to_have_text("Not saved: could not reach the server.")
    page_problems[:] = [text for text in page_problems if "htmx:" not in text]


def test_too_many_changes_say_when_to_try_again(
    new_page: NewPage, page_problems: list[str]
) -> None:
    page = open_editor(new_page, make_agent(tags=["a"]))
    answer_with(page, 429, "Slow down.", **{"Retry-After": "30"})
    add(page, "vip")
    expect(page.locator("#tag-pending .why")).to_have_text(
        "Not saved: too many changes; try again in 30 seconds."
    )
    has_tags(page, "a")
    page_problems[:] = [text for text in page_problems if "htmx:" not in text]


def test_an_error_of_the_server_gives_the_requests_id_to_copy(
    new_page: NewPage, page_problems: list[str]
) -> None:
    page = open_editor(
        new_page, make_agent(tags=["a"]), permissions=["clipboard-read", "clipboard-write"]
    )
    answer_with(page, 500, "Oh.", **{"X-Request-ID": "abc123"})
    add(page, "vip")
    expect(page.locator("#tag-pending .why")).to_have_text(
        "Not saved: the server could not do it (request abc123)."
    )
    page.get_by_role("button", name="Copy the request ID").focus()
    press(page, "Enter")
    expect(page.locator("#messages")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "abc123"
    page_problems.clear()


def test_a_page_of_something_in_between_takes_no_place_in_the_editor(new_page: NewPage) -> None:
    page = open_editor(new_page, make_agent(tags=["a"]))
    answer_with(page, 200, "<h1>Sign in to this network</h1>")
    add(page, "vip")
    expect(page.locator("#tag-pending .chip")).to_have_text("vip")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    has_tags(page, "a")


def test_an_undo_that_failed_says_so(new_page: NewPage, page_problems: list[str]) -> None:
    agent = make_agent(tags=["a"])
    page = open_editor(new_page, agent)
    press(page, "Backspace", "Backspace")
    says(page, "Tag a removed. 0 tags. Undo available.")
    page.context.set_offline(True)
    page.get_by_role("button", name="Undo removing a").focus()
    press(page, "Enter")
    expect(page.locator("#tag-error")).to_have_text("Not done: could not reach the server.")
    page.context.set_offline(False)
    press(page, "Enter")
    says(page, "Undone: a added again.")
    assert focused(page) == "tag-undo-button"
    assert tags_of(agent) == ["a"]
    page_problems[:] = [text for text in page_problems if "htmx:" not in text]


def test_an_ended_session_keeps_what_was_typed_until_it_is_saved(new_page: NewPage) -> None:
    agent = make_agent()
    page = open_editor(new_page, agent)
    page.context.clear_cookies(name="ade-session")
    page.keyboard.type("vip")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/login/?next=**%23tags")
    assert "vip" not in page.url
    page.get_by_label("Username").fill("mara")
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/agents/{agent.public_id}/settings/#tags")
    expect(page.locator("#tag-input")).to_have_value("vip")
    expect(page.locator("#tag-input")).to_be_focused()
    assert tags_of(agent) == []
    page.reload()
    expect(page.locator("#tag-input")).to_have_value("vip")
    expect(page.locator("#tag-input")).to_be_focused()
    press(page, "Enter")
    says(page, "Tag vip added. 1 tag.")
    assert page.evaluate(f"sessionStorage.getItem('ade-typed-{agent.public_id}')") is None


def test_a_page_out_of_date_says_so_and_loses_nothing(new_page: NewPage) -> None:
    page = open_editor(new_page, make_agent(tags=["a"]))
    page.context.clear_cookies(name="ade-csrf")
    add(page, "vip")
    expect(page.locator("#messages")).to_contain_text("This page is out of date.")
    expect(page.locator("#tag-pending .chip")).to_have_text("vip")
    has_tags(page, "a")


def test_a_deleted_agent_is_named_and_what_was_typed_stays_in_sight(new_page: NewPage) -> None:
    agent = make_agent(tags=["a"])
    page = open_editor(new_page, agent)
    delete_agent(agent_id=agent.public_id, actor=MARIA)
    add(page, "vip")
    expect(page.locator("#tags [role=alert]")).to_contain_text("This agent was deleted by Maria at")
    expect(page.locator("#tags")).to_contain_text("Not saved: vip")
    expect(page.locator("#tags input")).to_have_count(0)
    assert focused(page) == "tags-h"
    keeps_focus(page)


def test_who_may_no_longer_edit_gets_a_list_to_read(new_page: NewPage) -> None:
    user = make_user()
    page = open_editor(new_page, make_agent(tags=["a"]), user)
    user.role = "viewer"
    user.save()
    add(page, "vip")
    expect(page.locator("#tags [role=alert]")).to_contain_text("You can view but not edit tags.")
    has_tags(page, "a")
    expect(page.locator("#tags button, #tags input")).to_have_count(0)
    assert focused(page) == "tags-h"


# --- Others at work ---------------------------------------------------------------------------


def open_with_clock(new_page: NewPage, agent: object, user: object = None) -> Page:
    """The editor on a page whose time can be moved."""
    page = new_page(user or make_user())
    page.clock.install()
    page.goto(f"/agents/{agent.public_id}/settings/")
    page.locator("#tag-input").focus()
    return page


def test_an_open_page_shows_what_others_changed_and_keeps_what_is_typed(new_page: NewPage) -> None:
    agent = make_agent(tags=["y", "z"])
    page = open_with_clock(new_page, agent)
    page.keyboard.type("mine")
    change_tags(agent_id=agent.public_id, add=["vip"], remove=["z"], actor=MARIA)
    page.clock.fast_forward(31_000)
    says(page, "Also changed by Maria: +vip −z.")
    has_tags(page, "y", "vip")
    expect(page.locator(".is-theirs .tag-theirs")).to_contain_text("new · Maria")
    assert (focused(page), typed(page)) == ("tag-input", "mine")
    expect(page.locator("#recent")).to_contain_text("Maria")


def test_the_focus_stays_on_a_tag_when_news_come_or_goes_to_the_field(new_page: NewPage) -> None:
    agent = make_agent(tags=["y", "z"])
    page = open_with_clock(new_page, agent)
    press(page, "Backspace")
    assert focused(page) == "Remove tag z"
    change_tags(agent_id=agent.public_id, add=["vip"], actor=MARIA)
    page.clock.fast_forward(31_000)
    says(page, "Also changed by Maria: +vip.")
    assert focused(page) == "Remove tag z"
    change_tags(agent_id=agent.public_id, remove=["z"], actor=MARIA)
    page.clock.fast_forward(31_000)
    says(page, "Also changed by Maria: −z.")
    assert focused(page) == "tag-input"


def test_no_news_change_nothing_on_the_page(new_page: NewPage) -> None:
    page = open_with_clock(new_page, make_agent(tags=["a"]))
    page.evaluate("document.querySelector('#tag-list').before = true")
    with page.expect_response("**/tags/news/**") as answer:
        page.clock.fast_forward(31_000)
    assert answer.value.status == 204
    assert answer.value.request.headers["ade-poll"] == "1"
    assert page.evaluate("document.querySelector('#tag-list').before") is True


def test_asking_after_the_session_ended_leaves_the_page_as_it_is(new_page: NewPage) -> None:
    page = open_with_clock(new_page, make_agent(tags=["a"]))
    page.keyboard.type("mine")
    suggested(page, 1)
    page.context.clear_cookies(name="ade-session")
    with page.expect_response("**/tags/news/**") as answer:
        page.clock.fast_forward(31_000)
    assert answer.value.status == 401
    assert (focused(page), typed(page)) == ("tag-input", "mine")
    has_tags(page, "a")


def test_an_agent_deleted_meanwhile_is_said_without_asking(new_page: NewPage) -> None:
    agent = make_agent(tags=["a"])
    page = open_with_clock(new_page, agent)
    page.keyboard.type("mine")
    delete_agent(agent_id=agent.public_id, actor=MARIA)
    page.clock.fast_forward(31_000)
    expect(page.locator("#tags [role=alert]")).to_contain_text("This agent was deleted by Maria at")
    expect(page.locator("#tags")).to_contain_text("Not saved: mine")
    assert focused(page) == "tags-h"


def test_what_was_said_is_gone_after_ten_seconds_and_undo_is_not(new_page: NewPage) -> None:
    agent = make_agent(tags=["a"])
    page = open_with_clock(new_page, agent)
    add(page, "vip")
    says(page, "Tag vip added. 2 tags.")
    page.clock.fast_forward(10_001)
    says(page, "")
    expect(page.get_by_role("button", name="Undo adding vip")).to_be_visible()
    add(page, "vip")
    says(page, "vip is already on this agent.")
    expect(page.get_by_role("button", name="Undo adding vip")).to_be_visible()


def test_the_number_of_suggestions_is_said_once_typing_rests(new_page: NewPage) -> None:
    make_agent(tags=["team:one", "team:two"])
    page = open_editor(new_page, make_agent())
    page.keyboard.insert_text("team")
    expect(page.locator("#tag-announce")).to_have_text("2 suggestions.")


def test_an_undo_too_late_says_who_was_faster(new_page: NewPage) -> None:
    agent = make_agent(tags=["vip"])
    page = open_editor(new_page, agent)
    press(page, "Backspace", "Backspace")
    says(page, "Tag vip removed. 0 tags. Undo available.")
    change_tags(agent_id=agent.public_id, add=["vip"], actor=ROOT)
    page.get_by_role("button", name="Undo removing vip").focus()
    press(page, "Enter")
    expect(page.locator("#tag-status")).to_contain_text("nothing to undo.")
    expect(page.locator("#tag-undo button")).to_have_count(0)
    settled(page)
    has_tags(page, "vip")
