"""A page on another origin, in a real browser, with a key of user_1."""

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.api.calls import make_token
from tests.helpers import make_agent, tags_of

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]

# What an application's page does: it answers with all that its browser lets it know.
ASK = """
async ([method, url, token, body]) => {
    try {
        const answer = await fetch(url, {
            method,
            headers: {"Authorization": `Bearer ${token}`, "Content-Type": "application/json"},
            body: body && JSON.stringify(body),
        });
        return [answer.status, await answer.json(), answer.headers.get("ETag")];
    } catch (error) {
        return [error.name, null, null];
    }
}
"""


class Site(http.server.BaseHTTPRequestHandler):
    """An application's own web server: one empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>An application</title>")

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def site() -> Iterator[str]:
    """The origin of a running one."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def listed() -> Iterator[str]:
    with site() as origin:
        yield origin


@pytest.fixture(scope="session")
def unlisted() -> Iterator[str]:
    with site() as origin:
        yield origin


@pytest.fixture
def api(live: str, serve: Callable[..., str], listed: str) -> str:
    """The address of an ADE that lists one of the two sites."""
    return serve(CORS_ALLOWED_ORIGINS=listed)


@pytest.fixture
def elsewhere(new_page: NewPage, page_problems: list[str]) -> Iterator[Callable[[str], Page]]:
    """Open a page of that origin; what a page of ours must not do, this one may."""

    def elsewhere(origin: str) -> Page:
        page = new_page()
        page.goto(f"{origin}/")
        return page

    yield elsewhere
    page_problems.clear()


def ask(page: Page, method: str, url: str, token: str, body: Any = None) -> Any:
    return page.evaluate(ASK, [method, url, token, body])


def test_a_listed_page_lists_its_user_s_agents(
    elsewhere: Callable[[str], Page], api: str, listed: str
) -> None:
    own, _ = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    token = make_token(limit_tag="user_1")
    page = elsewhere(listed)
    status, agents, _ = ask(page, "GET", f"{api}/v1/agents/", token)
    assert (status, [agent["id"] for agent in agents]) == (200, [own.public_id])
    _, agent, etag = ask(page, "GET", f"{api}/v1/agents/{own.public_id}", token)
    assert (agent["id"], etag[:1]) == (own.public_id, '"')


def test_a_listed_page_is_told_why_it_may_not(
    elsewhere: Callable[[str], Page], api: str, listed: str
) -> None:
    own = make_agent(tags=["user_1"])
    url = f"{api}/v1/agents/{own.public_id}/tags"
    page = elsewhere(listed)
    token = make_token(limit_tag="user_1", any_label=True)
    assert ask(page, "POST", url, token, {"add": ["user_2"]})[:2] == [
        403,
        {
            "detail": "API key “app” may not add user_2: its rights do not include this tag.",
            "code": "forbidden",
        },
    ]
    assert ask(page, "POST", url, token, {"add": ["vip"]})[:2] == [
        200,
        {"tags": ["user_1", "vip"]},
    ]
    assert ask(page, "GET", f"{api}/v1/agents/", "wrong")[:2] == [
        401,
        {"detail": "Unauthorized", "code": "unauthorized"},
    ]


def test_an_unlisted_page_is_refused(
    elsewhere: Callable[[str], Page], api: str, unlisted: str
) -> None:
    own = make_agent(tags=["user_1"])
    token = make_token(limit_tag="user_1", any_label=True)
    page = elsewhere(unlisted)
    assert ask(page, "GET", f"{api}/v1/agents/", token)[0] == "TypeError"
    url = f"{api}/v1/agents/{own.public_id}/tags"
    assert ask(page, "POST", url, token, {"add": ["vip"]})[0] == "TypeError"
    assert tags_of(own) == ["user_1"]


def test_without_a_list_no_other_page_may(
    elsewhere: Callable[[str], Page], live: str, listed: str
) -> None:
    make_agent(tags=["user_1"])
    token = make_token(limit_tag="user_1")
    assert ask(elsewhere(listed), "GET", f"{live}/v1/agents/", token)[0] == "TypeError"


def test_an_open_api_answers_no_other_page(
    elsewhere: Callable[[str], Page], live: str, serve: Callable[..., str], unlisted: str
) -> None:
    address = serve(API_OPEN="true")
    page = elsewhere(unlisted)
    # Such a request is sent without asking first, so that the server has to refuse it.
    with page.expect_response(f"{address}/v1/agents/") as sent:
        page.evaluate("(url) => fetch(url, {mode: 'no-cors'})", f"{address}/v1/agents/")
    assert sent.value.status == 403
