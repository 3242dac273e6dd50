"""Pages of other origins in Chromium, through real nginx and Caddy: who may read a stream, and who not."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext

from agents.models import AgentSource
from tests.api.calls import make_token
from tests.door.conftest import place
from tests.door.letta import Letta
from tests.door.proxies import DOORS, SECRET
from tests.helpers import make_agent

pytestmark = [pytest.mark.whole, pytest.mark.only_sqlite]  # the database plays no part

# Reads the first word of a stream, says so, and reads on. A refused fetch throws a TypeError.
FETCH = """async ({url, token}) => {
    try {
        const headers = {"Authorization": `Bearer ${token}`, "Content-Type": "application/json"};
        const answer = await fetch(url, {method: "POST", headers, body: "{}"});
        if (answer.status !== 200) return [answer.status];
        const reader = answer.body.getReader(), text = new TextDecoder(), words = [];
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
            words.push(text.decode(part.value));
            if (words.length === 1) await window.heard();
        }
        return words;
    } catch (error) {
        return [error.name];
    }
}"""


@contextmanager
def origin() -> Iterator[str]:
    """Serve an empty page on a port of its own; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>An application</title>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def words(context: BrowserContext, home: str, url: str, token: str) -> list[str | int]:
    """What a page of an origin reads of a stream."""
    page = context.new_page()
    page.goto(home)
    read: list[str | int] = page.evaluate(FETCH, {"url": url, "token": token})
    page.close()
    return read


@pytest.mark.parametrize("kind", DOORS)
def test_only_allowed_origins_read_a_stream(
    kind: str,
    browser: Browser,
    serve: Callable[..., str],
    database_url: str,
    source: AgentSource,
    letta: Letta,
    tmp_path: Path,
) -> None:
    agent = place(make_agent(tags=["user_1"]), source)
    key = make_token(limit_tag="user_1")
    whole = ["data: one\n\n", "data: two\n\n"]
    with ExitStack() as stack:
        allowed, other, named = (stack.enter_context(origin()) for _ in range(3))
        ade = serve(
            BEHIND_PROXY="true",
            ALLOWED_HOSTS="127.0.0.1",
            DOOR_SECRET=SECRET,
            CORS_ALLOWED_ORIGINS=allowed,
            SOURCE_ALLOWED_NETWORKS="127.0.0.0/8",
        )
        door = DOORS[kind](tmp_path, urlsplit(ade).netloc, urlsplit(letta.url).netloc, stack)
        made = httpx.post(
            f"{door}/v1/client-side-access-tokens",
            headers={"Authorization": f"Bearer {key}"},
            json={
                "hostname": named,
                "policy": [{"type": "agent", "id": agent, "access": ["write_messages"]}],
            },
            timeout=60,
        )
        assert made.status_code in (200, 201), made.text
        token = made.json()["token"]
        context = stack.enter_context(browser.new_context())
        context.expose_function("heard", letta.read.set)  # only then comes the second word
        url = f"{door}/v1/agents/{agent}/messages/stream"

        def reads(home: str, secret: str) -> list[str | int]:
            letta.read.clear()
            return words(context, home, url, secret)

        assert reads(allowed, key) == whole
        assert reads(other, key) == ["TypeError"]
        assert reads(named, key) == ["TypeError"]
        assert reads(named, token) == whole
        assert reads(other, token) == ["TypeError"]
        assert reads(allowed, token) == [403]
        assert reads(allowed, "wrong") == [401]
