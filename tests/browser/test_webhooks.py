"""The pages of webhooks in a real browser."""

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from agents.domain.webhooks.write import create_webhook, ping, redeliver
from agents.models import Delivery, DeliveryState, Webhook
from tests.helpers import ROOT, make_user

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]
URL = "https://app.example/hook"


def open_webhooks(page: Page) -> None:
    """Go to the webhooks, past the sign-in, which is the proof they ask for."""
    make_user("mia", role="manager")
    page.goto("/webhooks/")
    page.get_by_label("Username").fill("mia")
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^[^?]*/webhooks/$"))


def make_busy() -> Webhook:
    """A webhook that fails, with deliveries of each sort."""
    hook = create_webhook(url=URL, name="app", tags=["user_*"], actor=ROOT).webhook
    Webhook.objects.update(failing_since=timezone.now(), old_until=timezone.now())
    for state, status, error in (
        (DeliveryState.DONE, 204, ""),
        (DeliveryState.FAILED, 500, ""),
        (DeliveryState.WAITING, None, "No answer within 10 seconds."),
    ):
        one = ping(webhook_id=hook.public_id, actor=ROOT)
        Delivery.objects.filter(id=one.id).update(
            state=state,
            status=status,
            error=error,
            attempts=3,
            milliseconds=120,
            tried_at=timezone.now(),
            change_set_id=1,
        )
    return hook


def test_webhook_is_made_by_keyboard(new_page: NewPage) -> None:
    page = new_page()
    open_webhooks(page)
    page.get_by_label("Address").focus()
    page.keyboard.type("http://app.example/hook")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The address must begin with https://.")).to_be_visible()
    expect(page.get_by_label("Address")).to_have_value("http://app.example/hook")
    page.get_by_label("Address").fill(URL)
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # only some events
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the first event
    page.get_by_label("Address").focus()
    page.keyboard.press("Enter")
    secret = page.get_by_label("Secret", exact=True).input_value()
    hook = Webhook.objects.get()
    assert (hook.url, hook.events, secret[:6]) == (URL, '["agent.created"]', "whsec_")
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("heading", name="app.example")).to_be_visible()
    assert secret not in page.content()


def test_webhook_is_tested_and_switched_without_script(new_page: NewPage) -> None:
    page = new_page(javascript=False)
    open_webhooks(page)
    page.get_by_label("Address").fill(URL)
    page.get_by_label("Only some tags").check()
    page.get_by_label("Tags", exact=True).fill("user_*, origin:mail")
    page.get_by_role("button", name="Create webhook").click()
    page.get_by_role("link", name="Done").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("A test is queued.")).to_be_visible()
    expect(page.get_by_role("cell", name="Waiting")).to_be_visible()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("The webhook is switched off.")).to_be_visible()
    page.get_by_role("button", name="Switch on without missed events").click()
    page.get_by_role("button", name="Create a new secret").click()
    expect(page.get_by_text("The previous secret also signs until")).to_be_visible()
    page.get_by_role("link", name="Done").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The webhook is deleted.")).to_be_visible()
    assert Webhook.objects.count() == 0


def test_list_of_deliveries_renews_itself_while_one_waits(new_page: NewPage) -> None:
    hook = create_webhook(url=URL, actor=ROOT).webhook
    one = ping(webhook_id=hook.public_id, actor=ROOT)
    page = new_page()
    open_webhooks(page)
    page.get_by_role("link", name="app.example").click()
    expect(page.get_by_role("cell", name="Waiting")).to_be_visible()
    Delivery.objects.update(state=DeliveryState.DONE, status=204, attempts=1, milliseconds=7)
    expect(page.get_by_role("cell", name="Delivered")).to_be_visible()
    redeliver(webhook_id=hook.public_id, delivery_id=one.public_id, actor=ROOT)
    expect(page.get_by_role("cell", name="Delivered")).to_be_visible()  # it stopped asking


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_pages_of_webhooks_are_accessible(
    new_page: NewPage, axe: Callable[[Page], list[str]], theme: str, width: int
) -> None:
    page = new_page(theme=theme, width=width)
    open_webhooks(page)
    assert axe(page) == []
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    assert axe(page) == []
    hook = make_busy()
    for address in ("/webhooks/", hook.get_absolute_url()):
        page.goto(address)
        assert axe(page) == []
        wider = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert wider is False
    Webhook.objects.update(enabled=False, problem="Every delivery failed for 5 days.")
    page.goto(hook.get_absolute_url())
    assert axe(page) == []
    page.get_by_role("button", name="Create a new secret").click()
    expect(page.get_by_label("Secret", exact=True)).to_be_visible()
    assert axe(page) == []
