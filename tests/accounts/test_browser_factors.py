"""Second factors and passkeys, switched on, in the browser and under the content policy."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Page, expect

from ade.models import MemberEvent
from tests.accounts.people import PASSWORD
from tests.helpers import make_user


@pytest.fixture
def live(serve: Callable[..., str], transactional_db: None) -> str:
    """A server with everything switched on; a passkey needs a host that has a name."""
    return serve(MFA="true", PASSKEYS="true").replace("127.0.0.1", "localhost")


@pytest.fixture
def browser(browser: Browser) -> Iterator[Browser]:
    """The same Chromium, which may know `localhost`."""
    named = browser.browser_type.launch(
        executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
        args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"],
    )
    yield named
    named.close()


def send_sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to ADE")).to_be_visible()


def confirm(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def code_of(secret: str, ahead: int = 0) -> str:
    """The code of now, or of so many half-minutes ahead: none works twice."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead))


def test_authenticator_app_from_the_first_code_to_its_removal(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]]
) -> None:
    anna = make_user("anna", role="admin")
    page = new_page()
    send_sign_in(page)
    page.goto("/accounts/")
    page.get_by_role("link", name="Second factors").click()
    assert axe(page) == []
    page.get_by_role("link", name="Activate").click()
    assert axe(page) == []
    confirm(page)
    assert axe(page) == []
    secret = page.get_by_label("Authenticator secret").input_value()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Activate").click()
    codes = page.get_by_label("Unused codes").input_value().split()
    assert (len(codes), axe(page)) == (10, [])
    page.get_by_label("I have saved my recovery codes").check()

    sign_out(page)
    send_sign_in(page)
    assert axe(page) == []
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    assert axe(page) == []
    page.goto("/agents/")  # not in with the password alone
    expect(page).not_to_have_url("**/agents/")
    page.get_by_label("Code").fill(code_of(secret, ahead=1))
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()

    sign_out(page)
    send_sign_in(page)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()

    page.goto(f"/members/{anna.pk}/")
    page.get_by_role("button", name="Remove second factors").click()
    expect(page.get_by_text("The second factors are removed.")).to_be_visible()
    assert str(MemberEvent.objects.get()) == "anna removed the second factors of anna"
    sign_out(page)
    send_sign_in(page)
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()


def authenticator(page: Page) -> Any:
    """A passkey authenticator inside the browser, with a willing owner."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_passkey_is_added_and_signs_in_alone(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]]
) -> None:
    anna = make_user("anna")
    page = new_page()
    authenticator(page)
    send_sign_in(page)
    page.goto("/accounts/2fa/webauthn/add/")
    confirm(page)
    assert axe(page) == []
    page.get_by_label("Name").fill("Laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_label("Unused codes")).to_be_visible()
    page.get_by_label("I have saved my recovery codes").check()
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_text("Laptop")).to_be_visible()
    assert axe(page) == []

    sign_out(page)
    assert axe(page) == []
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()

    # A disabled member's passkey opens nothing.
    sign_out(page)
    anna.refresh_from_db()
    anna.is_active = False
    anna.save()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("This account is disabled. Ask an admin.")).to_be_visible()


def test_passkey_that_is_not_there_says_so(new_page: Callable[..., Page]) -> None:
    make_user("anna")
    page = new_page()
    authenticator(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_have_text(
        "The passkey was not used. Try again, or sign in another way."
    )
