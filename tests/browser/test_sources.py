"""An agent of a real App Server in a real browser: tags go both ways while a page is open."""

import re
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agents.domain.sources import manage, opening
from agents.models import Agent, AgentSource
from agents.net.connectors.base import Connector
from agents.tasks.sources import Keeper
from tests.app_server import AppServer
from tests.browser.editing import add, open_editor, settled
from tests.helpers import ROOT, make_user

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]


def until(is_so: Callable[[], bool]) -> None:
    """Wait until it is so; a minute at most, for a machine that is busy with other things."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def there(app_server: AppServer, live: str, settings: Any) -> Iterator[Connector]:
    """The App Server, connected as “local” and kept in step, as an outside program sees it."""
    settings.SOURCE_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.SOURCE_POLL_SECONDS = 0.2
    source = manage.add_source(
        name="local", url=app_server.url, token=app_server.token, actor=ROOT
    ).source
    keeper = Keeper()
    keeper.start()
    try:
        with opening.connect_to(source) as connector:
            yield connector
    finally:
        keeper.stop()


def test_tags_go_both_ways_while_a_page_is_open(new_page: NewPage, there: Connector) -> None:
    made = there.create(
        {"name": "Ada", "tags": ["user_1"], "model": "openai-compatible/scripted"}, seconds=10
    )
    try:
        until(lambda: Agent.objects.filter(public_id=made.id).exists())
        page = open_editor(new_page, Agent.objects.get(public_id=made.id))
        expect(page.locator("#agent-source")).to_contain_text("At local, in step")
        add(page, "typed here")
        until(lambda: "typed here" in there.agent(made.id, seconds=10).tags)
        settled(page)
        here = page.locator("#tag-list .tag-item", has_text="typed here")
        expect(here).to_be_visible()
        expect(here.locator(".chip-behind")).to_have_count(0)
        tags = there.agent(made.id, seconds=10).tags
        there.write_tags(made.id, [*tags, "set there"], seconds=10)
        expect(page.locator("#tag-list")).to_contain_text("set there")
        expect(page.locator("#recent")).to_contain_text("Seen at local: added set there")
        page.goto(f"/agents/{made.id}/history/")
        expect(page.locator("#history")).to_contain_text("Seen at local:")
    finally:
        there.delete(made.id, seconds=10)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_server_is_tested_and_refused(new_page: NewPage, live: str, javascript: bool) -> None:
    page = new_page(javascript=javascript)
    open_sources(page)
    page.get_by_label("Address").fill("ws://10.1.2.3/ws")
    page.get_by_label("Token", exact=True).fill("the-token")
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#tried")).to_contain_text("Address:")
    expect(page.get_by_label("Address")).to_have_value("ws://10.1.2.3/ws")
    kept = "the-token" if javascript else ""
    expect(page.get_by_label("Token", exact=True)).to_have_value(kept)
    assert not AgentSource.objects.exists()


def open_sources(page: Page) -> None:
    """Go to the sources, past the sign-in, which is the proof they ask for."""
    make_user("ann", role="admin")
    page.goto("/sources/")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^[^?]*/sources/$"))
