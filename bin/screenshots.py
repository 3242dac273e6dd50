"""Takes the pictures of docs/images: the overview, the list and the tag editor, light and dark.

What follows are names of pictures, if not all are wanted.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from packages import need
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright
from processes import ROOT, start, stop
from serve import HOST, await_answer, free_port, server_command

IMAGES = ROOT / "docs" / "images"
PASSWORD = secrets.token_urlsafe(12)
AGENT = "Nova · Support"
WIDE = {"width": 1280, "height": 800}
EDITOR_HEIGHT = 560


@contextmanager
def running() -> Iterator[tuple[str, dict[str, str]]]:
    """The address and the settings of an ADE with demo data, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/ade.sqlite3",
            "STATIC_ROOT": f"{folder}/static",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "LOG_LEVEL": "WARNING",
        }
        for command in (
            ["migrate", "-v0"],
            ["demo_data", "--password", PASSWORD],
            ["collectstatic", "-v0", "--no-input"],
        ):
            manage = [sys.executable, str(ROOT / "manage.py"), *command]
            subprocess.run(manage, env=environment, check=True)
        port = free_port()
        server = start(server_command(port), env=environment)
        try:
            await_answer(server, port)
            yield f"http://{HOST}:{port}", environment
        finally:
            stop([server], polite=signal.SIGTERM)


@contextmanager
def signed_in(
    browser: Browser, address: str, size: Mapping[str, int], theme: str
) -> Iterator[Page]:
    """A page of someone who has signed in with the demo's account."""
    context = browser.new_context(
        base_url=address,
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill("demo")
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/")
    yield page
    context.close()


# --- What is done before a picture is taken ---------------------------------------------------


def show_list(page: Page) -> None:
    page.goto("/agents/?all=user_1&none=env:dev")


def show_overview(page: Page) -> None:
    page.goto("/")


def open_editor(page: Page) -> None:
    """The editor of the demo's agent, with the tags that it had in the beginning."""
    page.goto("/go/?q=" + AGENT)
    page.get_by_role("link", name="Advanced Settings").click()
    for name in ("weekend", "onboarding", "holiday"):
        button = page.get_by_role("button", name=f"Remove tag {name}", exact=True)
        if button.count():
            button.click()
            button.wait_for(state="detached")
    page.reload()
    page.locator("#tag-input").focus()


def show_added(page: Page) -> None:
    open_editor(page)
    page.keyboard.type("onboarding")
    page.keyboard.press("Enter")
    page.locator("#tag-undo-button").wait_for()
    page.locator(".is-new").wait_for()


def show_sources(page: Page) -> None:
    page.goto("/sources/")


def show_waiting(page: Page) -> None:
    """A tag that was just added to an agent of a source."""
    open_editor(page)
    page.keyboard.type("renewal")
    page.keyboard.press("Enter")
    page.locator(".chip-behind").wait_for()


Shot = tuple[Callable[[Page], None], Mapping[str, int], str]
LISTS: dict[str, Shot] = {
    "overview": (show_overview, WIDE, "light"),
    "list": (show_list, WIDE, "light"),
    "list-dark": (show_list, WIDE, "dark"),
}
EDITORS: dict[str, Shot] = {
    "tag-editor": (show_added, WIDE, "light"),
    "tag-editor-dark": (show_added, WIDE, "dark"),
}
# Taken after all others, with rows of sources in the database.
SOURCES: dict[str, Shot] = {
    "sources": (show_sources, WIDE, "light"),
    "source-tag": (show_waiting, WIDE, "light"),
}


def main(wanted: list[str]) -> int:
    shots = LISTS | EDITORS | SOURCES
    unknown = [name for name in wanted if name not in shots]
    if unknown:
        print(f"No picture is named {unknown[0]}: there are {', '.join(shots)}.", file=sys.stderr)
        return 2
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running() as (address, environment), sync_playwright() as playwright:
        # As root in a container there is no sandbox to have.
        browser = playwright.chromium.launch(
            executable_path=need("chromium"), args=["--no-sandbox", "--no-first-run"]
        )
        chosen = [name for name in shots if name in (wanted or shots)]
        connected = False
        for name in chosen:
            if name in SOURCES and not connected:
                connected = True
                with (ROOT / "bin/shown_sources.py").open() as rows:
                    manage = [sys.executable, str(ROOT / "manage.py"), "shell", "-v0"]
                    subprocess.run(manage, env=environment, stdin=rows, check=True)
            path = IMAGES / f"{name}.png"
            take(
                browser,
                address,
                path,
                *shots[name],
                is_editor=name in EDITORS or name == "source-tag",
            )
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} kB")
        browser.close()
    return 0


def take(
    browser: Browser,
    address: str,
    path: Path,
    prepare: Callable[[Page], None],
    size: Mapping[str, int],
    theme: str,
    *,
    is_editor: bool,
) -> None:
    """Prepare the page and take its picture; of a wide editor only the part above its settings."""
    with signed_in(browser, address, size, theme) as page:
        prepare(page)
        page.wait_for_timeout(300)  # what fades in has faded in
        height = EDITOR_HEIGHT if is_editor else size["height"]
        clip: FloatRect = {"x": 0, "y": 0, "width": size["width"], "height": height}
        page.screenshot(path=path, clip=clip)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
