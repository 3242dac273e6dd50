"""/v1/docs"""

import gzip
from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Page

from tests.api.calls import call


def pages() -> dict[str, BeautifulSoup]:
    """The page of each group, by its address."""
    index = BeautifulSoup(call("GET", "/v1/docs", token="").content, "lxml")
    found = {}
    for link in index.select("nav[aria-label=Groups] a"):
        response = call("GET", str(link["href"]), token="")
        assert response.status_code == 200
        assert len(gzip.compress(response.content, 6)) <= 60_000
        found[str(link["href"])] = BeautifulSoup(response.content, "lxml")
    return found


@pytest.mark.django_db
def test_every_operation_has_its_place_without_a_key() -> None:
    index = BeautifulSoup(call("GET", "/v1/docs", token="").content, "lxml")
    paths = call("GET", "/v1/openapi.json", token="").json()["paths"]
    described = {f"{m.upper()} {path}" for path, methods in paths.items() for m in methods}
    assert {code.text for code in index.select(".api-index code")} == described
    groups = pages()
    shown = {code.text for page in groups.values() for code in page.select("article h2 code")}
    assert shown == described
    for link in index.select(".api-index a"):
        url, _, anchor = str(link["href"]).partition("#")
        assert groups[url].select_one(f"[id='{anchor}']")
    scripts = [s for page in (index, *groups.values()) for s in page.select("script")]
    assert [script for script in scripts if not script.get("src")] == []


@pytest.mark.django_db
@pytest.mark.parametrize(("q", "some"), [("POST webhooks", True), ("nothing such", False)])
def test_search_keeps_the_operations_with_all_words(q: str, some: bool) -> None:
    response = call("GET", f"/v1/docs?q={q.replace(' ', '+')}", token="")
    found = [
        code.text for code in BeautifulSoup(response.content, "lxml").select(".api-index code")
    ]
    assert bool(found) is some
    assert all("POST" in one or "webhooks" in one for one in found)


@pytest.mark.django_db
def test_an_unknown_group_is_not_found() -> None:
    assert call("GET", "/v1/docs/nothing", token="").status_code == 404


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_readable_to_all(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], theme: str
) -> None:
    page = new_page(theme=theme, width=360)
    for url in ("/v1/docs", "/v1/docs/agents"):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert axe(page) == []
