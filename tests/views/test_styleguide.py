"""GET /styleguide/: every component in every state, for developers."""

from collections.abc import Callable

import pytest
from django.conf import settings as project
from django.test import Client
from playwright.sync_api import Browser, Page

from tests.helpers import make_user
from tests.views.browsing import signed_in, soup


@pytest.mark.django_db
def test_it_works(settings: object) -> None:
    settings.DEBUG = True
    page = soup(signed_in("viewer").get("/styleguide/"))
    assert len(page.select("tag-editor")) == 7
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids))
    assert page.select("script[src*=tag-]") == []


@pytest.mark.django_db
def test_it_is_not_there_without_debug() -> None:
    assert signed_in("admin").get("/styleguide/").status_code == 404


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_breaks_no_rule_of_accessibility(
    browser: Browser,
    serve: Callable[..., str],
    transactional_db: None,
    axe: Callable[[Page], list[str]],
    theme: str,
    width: int,
) -> None:
    address = serve(DEBUG="true")
    client = Client()
    client.force_login(make_user())
    context = browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    name = project.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/styleguide/")
    assert page.title().startswith("Style guide")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    context.close()
