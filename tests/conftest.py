"""The plumbing of all tests: two databases, a running server, a browser.

What makes data lies beside the tests that need it. What is here is either a fixture or a hook.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.test import Client, TransactionTestCase
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from processes import ROOT, start, stop
from serve import HOST, answers, free_port, server_command

from ade.ops import noted_use, outage, writable
from tests.app_server import _app_server, app_server, app_server_package  # noqa: F401  # fixtures
from tests.domain.sources.fixtures import letta, letta_source  # noqa: F401  # fixtures
from tests.emptying import empty_tables

# Hashing a password costs a third of a second by intent. The hash names its rounds, so the running
# server still understands it.
PBKDF2PasswordHasher.iterations = 1

# Seconds for whatever is awaited: a busy machine may be slow, and what comes sooner ends the wait.
PATIENCE = 60
expect.set_options(timeout=PATIENCE * 1000)

# On a busy machine a slow example says nothing. Every run has the same examples, so that a change is
# judged by what it changed; `make prove` looks for new ones.
SLOW = [hypothesis.HealthCheck.too_slow]
NORMAL = {"deadline": None, "print_blob": True, "suppress_health_check": SLOW}
hypothesis.settings.register_profile("make test", **NORMAL, derandomize=True)
hypothesis.settings.register_profile("make prove", **NORMAL)
hypothesis.settings.load_profile("make test")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr == "prove":
        hypothesis.settings.load_profile("make prove")


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before -m is applied, and after they are shuffled
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Mark what uses the browser, and leave out what is for the other database only.

    Left out and not skipped: in CI a skipped test is a failed one. What takes longest comes first,
    or one worker would be at it while the others have nothing left to do.
    """
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    other = "only_postgres" if connection.vendor == "sqlite" else "only_sqlite"
    left_out = [item for item in items if item.get_closest_marker(other)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    yield
    items.sort(key=lambda item: item.get_closest_marker("whole") is None)


# --- Data -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On SQLite a file, not memory: only that has WAL, and lets threads and processes share it."""
    if connection.vendor == "sqlite":
        folder = tmp_path_factory.mktemp("database")
        connection.settings_dict["TEST"]["NAME"] = str(folder / "ade.sqlite3")


TransactionTestCase._fixture_teardown = empty_tables


@pytest.fixture(autouse=True)
def fresh_process() -> None:
    """Forget what a process remembers, as after a start: noted uses, outages, how long a lock is held."""
    noted_use.forget()
    outage.forget()
    writable.forget()


@pytest.fixture
def database_url(transactional_db: None) -> str:
    """DATABASE_URL for other processes that write to the test database."""
    return _url_of_test_database()


@pytest.fixture
def is_postgres() -> bool:
    return connection.vendor == "postgresql"


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Recorded requests, answers and files of a real Letta server, where the machine has them."""
    folder = os.environ.get("ADE_REFERENCE_DIR")
    if not folder:
        pytest.skip("needs the recorded data that ADE_REFERENCE_DIR names")
    return Path(folder)


# --- A running server -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the running servers write."""
    return tmp_path_factory.mktemp("server") / "log"


@pytest.fixture(scope="session")
def serve(django_db_setup: None, server_log: Path) -> Iterator[Callable[..., str]]:
    """Start the production server on the test database: `serve(API_OPEN="true")` gives its address.

    Another process, as in production; one for each set of settings, kept for the whole session.
    """
    common = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.live_settings",
        "DATABASE_URL": _url_of_test_database(),
        "SECRET_KEY": settings.SECRET_KEY,
        "STATIC_ROOT": str(server_log.parent / "static"),
    }
    running: dict[tuple[tuple[str, str], ...], str] = {}

    def serve(**environment: str) -> str:
        key = tuple(sorted(environment.items()))
        if key not in running:
            port = free_port()
            server = start(server_command(port), env=common | environment, output=output)
            stack.callback(stop, [server], polite=signal.SIGTERM, seconds=10)
            deadline = time.monotonic() + 3 * PATIENCE
            while not answers(port):
                assert server.poll() is None, server_log.read_text()
                assert time.monotonic() < deadline, server_log.read_text()
            running[key] = f"http://{HOST}:{port}"
        return running[key]

    with server_log.open("wb") as output, contextlib.ExitStack() as stack:
        command = [sys.executable, ROOT / "manage.py", "collectstatic", "--no-input", "-v0"]
        subprocess.run(command, env=common, check=True)
        yield serve


def _url_of_test_database() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return re.sub(r"/[^/]*$", f"/{name}", os.environ["DATABASE_URL"])


@pytest.fixture
def live(serve: Callable[..., str], server_log: Path, transactional_db: None) -> Iterator[str]:
    """The address of a running ADE; what the test writes is committed, and flushed afterwards."""
    address = serve()
    before = server_log.stat().st_size
    yield address
    print(server_log.read_text()[before:])  # pytest shows it if the test failed


# --- A browser ------------------------------------------------------------------------------

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # as root in a container there is no sandbox to have
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Nothing but the server under test can be reached, whatever a page asks for.
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.fail("Set CHROMIUM to the path of a Chromium; make test finds or installs one.")
    # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page_problems() -> list[str]:
    """What the pages of this test did wrong; a test that provokes something empties the list."""
    return []


def _watch(context: BrowserContext, address: str, problems: list[str]) -> None:
    """Record script errors, refusals of the content security policy, 5xx, and foreign requests.

    Chromium reports a 4xx answer on the console too. That is how a refusal looks, and not recorded;
    a missing file of the page is.
    """
    home = urlsplit(address).netloc

    # htmx calls it an error when a newer request replaces one for suggestions.
    no_problem = ("Failed to load resource", "htmx:afterRequest", "htmx:sendAbort")

    def on_console(message: object) -> None:
        if message.type == "error" and not message.text.startswith(no_problem):
            problems.append(f"console: {message.text}")

    def on_request(request: object) -> None:
        where = urlsplit(request.url)
        if where.scheme not in ("data", "blob", "about") and where.netloc != home:
            problems.append(f"foreign request: {request.url}")

    def on_response(response: object) -> None:
        part_of_page = response.request.resource_type not in ("document", "xhr", "fetch")
        if response.status >= 500 or (response.status >= 400 and part_of_page):
            problems.append(f"{response.status}: {response.url}")

    # Not by eval, which the policy forbids: Chromium runs this before the page's own.
    context.expose_binding("violated", lambda _, what: problems.append(f"policy: {what}"))
    context.add_init_script(
        "document.addEventListener('securitypolicyviolation', (event) =>"
        " window.violated(`${event.effectiveDirective} ${event.blockedURI}`))"
    )
    context.on("console", on_console)
    context.on("weberror", lambda error: problems.append(f"script: {error.error}"))
    context.on("request", on_request)
    context.on("response", on_response)


@pytest.fixture
def new_page(
    browser: Browser, live: str, page_problems: list[str]
) -> Iterator[Callable[..., Page]]:
    """Open a page of a browser of its own: `new_page(user, theme="dark", width=320, ...)`.

    Signed in as `user` where one is given. The test fails at its end if a page did wrong.
    """
    with contextlib.ExitStack() as stack:

        def new_page(
            user: object = None,
            *,
            theme: str = "light",
            width: int = 1280,
            height: int = 800,
            javascript: bool = True,
            **more: object,
        ) -> Page:
            context = browser.new_context(
                base_url=live,
                color_scheme=theme,
                viewport={"width": width, "height": height},
                java_script_enabled=javascript,
                **more,
            )
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE * 1000)
            _watch(context, live, page_problems)
            if user is not None:
                client = Client()
                client.force_login(user)
                session = client.cookies[settings.SESSION_COOKIE_NAME].value
                context.add_cookies(
                    [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live}]
                )
            return context.new_page()

        yield new_page
    assert page_problems == []


@pytest.fixture
def page(new_page: Callable[..., Page], request: pytest.FixtureRequest) -> Page:
    """A page nobody is signed in to; `parametrize("page", [{"theme": "dark"}], indirect=True)`."""
    return new_page(**getattr(request, "param", {}))


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """The WCAG 2.2 AA rules that the page breaks: assert that there are none."""
    levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

    def axe(page: Page) -> list[str]:
        page.wait_for_load_state()  # without its styles a page breaks rules that it keeps with them
        answer = Axe().run(page, options={"runOnly": levels}).response
        return [
            f"{rule['id']}: {rule['help']}: {node['html']}"
            for rule in answer["violations"]
            for node in rule["nodes"]
        ]

    return axe
