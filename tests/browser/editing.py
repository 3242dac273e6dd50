"""The tag editor as someone at a keyboard uses it; nothing here lets the focus fall unnoticed."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from agents.models import Agent
from tests.helpers import make_user

NewPage = Callable[..., Page]

# At each frame, from the first focus on: is there any?
_WATCH = """
window.framesWithoutFocus = 0;
let watching = false;
addEventListener("focusin", () => { watching = true; });
(function look() {
  if (watching && document.hasFocus() && document.activeElement === document.body)
    window.framesWithoutFocus += 1;
  requestAnimationFrame(look);
})();
"""


def watch_focus(page: Page) -> None:
    """Count, on every page from now on, the frames in which nothing has the focus."""
    page.add_init_script(_WATCH)


def open_editor(new_page: NewPage, agent: Agent, user: object = None, **options: object) -> Page:
    """The agent's Advanced Settings with the focus in the add field."""
    page = new_page(user or make_user(), **options)
    watch_focus(page)
    page.goto(f"/agents/{agent.public_id}/settings/")
    page.locator("#tag-input").focus()
    return page


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other; something has the focus after each."""
    for key in keys:
        page.keyboard.press(key)
        keeps_focus(page)


def add(page: Page, text: str) -> None:
    page.keyboard.type(text)
    press(page, "Enter")


def settled(page: Page) -> None:
    """Wait until every change is answered."""
    expect(
        page.locator("[id$=-pending] > [aria-busy=true], .is-leaving, .htmx-request")
    ).to_have_count(0)
    keeps_focus(page)


def keeps_focus(page: Page) -> None:
    """The focus never was on the body, not for a frame."""
    assert page.evaluate("window.framesWithoutFocus ?? 0") == 0
    assert page.evaluate("document.activeElement === document.body") is False


def says(page: Page, text: str) -> None:
    expect(page.locator("#tag-status")).to_have_text(text)
    keeps_focus(page)


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


def typed(page: Page) -> str:
    return page.input_value("#tag-input")


def active(page: Page) -> str:
    """The option that Enter would add, or nothing."""
    option = page.locator("#tag-suggest [aria-selected=true]")
    return str(option.get_attribute("data-value")) if option.count() else ""


def suggested(page: Page, count: int) -> None:
    """Wait until the suggestions are open and have so many options."""
    expect(page.locator("#tag-suggest [role=option]")).to_have_count(count)
    expect(page.locator("#tag-suggest")).to_be_visible()


def closed(page: Page) -> None:
    expect(page.locator("#tag-suggest")).to_be_hidden()
    assert page.get_attribute("#tag-input", "aria-expanded") == "false"


def paste(page: Page, text: str) -> None:
    page.evaluate(
        """text => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            document.activeElement.dispatchEvent(
                new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
        }""",
        text,
    )
