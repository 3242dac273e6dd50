"""/v1/docs"""

from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Page

from tests.api.calls import call


@pytest.mark.django_db
def test_every_operation_is_on_the_page_without_a_key() -> None:
    response = call("GET", "/v1/docs", token="")
    page = BeautifulSoup(response.content, "lxml")
    paths = call("GET", "/v1/openapi.json", token="").json()["paths"]
    described = {f"{m.upper()} {path}" for path, methods in paths.items() for m in methods}
    shown = {code.text for code in page.select("article h3 code") if "/" in code.text}
    assert (response.status_code, shown) == (200, described)
    assert [script for script in page.select("script") if not script.get("src")] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_readable_to_all(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], theme: str
) -> None:
    page = new_page(theme=theme, width=360)
    page.goto("/v1/docs")
    assert page.locator("h1").inner_text().startswith("ADE API")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert axe(page) == []
