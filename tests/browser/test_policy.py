"""The content security policy, in a real browser: that a breach of it is noticed, and that no page
breaches it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from agents.domain.keys import create_key
from tests.helpers import ROOT, make_agent, make_user

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]

# Each does what the policy forbids; the page answers with what its browser reported.
PLANTED = {
    "script-src-elem": """
        const script = document.createElement("script");
        script.textContent = "window.planted = true";
        document.body.append(script);""",
    "script-src-attr": "document.body.setAttribute('onclick', 'window.planted = true');",
    "style-src-attr": "document.body.setAttribute('style', 'color: red');",
    "img-src": "new Image().src = 'http://127.0.0.1:9/x.png';",
    "connect-src": "fetch('http://127.0.0.1:9/').catch(() => {});",
    "frame-src": """
        const frame = document.createElement("iframe");
        frame.src = "http://127.0.0.1:9/";
        document.body.append(frame);""",
}


@pytest.mark.parametrize("directive", PLANTED)
def test_a_planted_breach_is_noticed(
    directive: str, new_page: NewPage, page_problems: list[str]
) -> None:
    page = new_page()
    page.goto("/accounts/login/")
    reported = page.evaluate(
        f"""new Promise((resolve) => {{
            document.addEventListener("securitypolicyviolation", (event) =>
                resolve(event.effectiveDirective));
            {PLANTED[directive]}
        }})"""
    )
    page.wait_for_function("true")  # what the page reported has come here
    assert (reported, page.evaluate("window.planted")) == (directive, None)
    assert [text for text in page_problems if text.startswith(f"policy: {directive} ")] != []
    page_problems.clear()


def test_no_page_breaches_it(new_page: NewPage) -> None:
    agent = make_agent(name="Bob", tags=["user_1", "<script>alert(1)</script>"])
    key = create_key(name="app", actor=ROOT, limit_tag="user_1").key
    admin = make_user("anna", role="admin")
    page = new_page()
    page.goto("/members/")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^[^?]*/members/$"))
    own = f"/agents/{agent.public_id}/"
    for path in (
        "/agents/",
        "/agents/?any=nothing",
        own,
        f"{own}?edit=about",
        f"{own}settings/",
        f"{own}settings/?edit=model",
        f"{own}memory/",
        f"{own}history/",
        f"{own}json/",
        "/members/",
        f"/members/{admin.pk}/",
        "/keys/",
        f"/keys/{key.key_id}/",
        "/accounts/",
        "/accounts/password/",
        "/nonexistent",
    ):
        page.goto(path)
        page.wait_for_load_state("networkidle")
