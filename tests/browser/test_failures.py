"""The page of what no view answered: it stands by itself, in light and dark, and leads on."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_refusal_is_a_page(
    new_page: Callable[..., Page],
    serve: Callable[..., str],
    axe: Callable[[Page], list[str]],
    page_problems: list[str],
    theme: str,
) -> None:
    address = serve(RATE_PER_ADDRESS="1")
    page = new_page(theme=theme, width=320)
    page.goto(f"{address}/accounts/login/")
    answer = page.goto(f"{address}/accounts/login/")
    assert answer is not None
    assert answer.status == 429
    assert page.locator("h1").inner_text() == "Too many requests"
    assert "ask an admin" in page.get_by_role("alert").inner_text()
    assert answer.headers["x-request-id"] in page.get_by_role("alert").inner_text()
    assert page.get_by_role("link", name="Try again").get_attribute("href") == "/accounts/login/"
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page_problems.clear()  # another server's address is a foreign one to the watch
