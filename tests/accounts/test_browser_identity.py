"""Sign-in by an identity provider, in the browser: whom it lets in, and as whom."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from ade.models import MemberEvent, User
from agents.domain.members import limit_of
from tests.accounts.idp import Provider, provider
from tests.helpers import make_user

BOB = {"sub": "1", "preferred_username": "bob", "name": "Bob Builder"}


@pytest.fixture(scope="module")
def running_idp() -> Iterator[Provider]:
    with provider() as server:
        yield server


@pytest.fixture
def idp(running_idp: Provider) -> Provider:
    running_idp.claims = dict(BOB)
    running_idp.asked.clear()
    return running_idp


@pytest.fixture
def live(
    serve: Callable[..., str],
    idp: Provider,
    transactional_db: None,
    request: pytest.FixtureRequest,
) -> str:
    """A server that trusts the provider; `parametrize("live", [{...}], indirect=True)`."""
    return serve(**idp.settings, **getattr(request, "param", {}))


@pytest.fixture
def page(new_page: Callable[..., Page], page_problems: list[str], idp: Provider) -> Iterator[Page]:
    yield new_page()
    # The provider's own page is on another site, as it should be; nothing else may be.
    page_problems[:] = [problem for problem in page_problems if idp.url not in problem]


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/?next=/accounts/")
    page.get_by_role("button", name="Sign in with Example ID").click()


def refused(page: Page) -> None:
    expect(page.get_by_text("you have no active account here. Ask an admin")).to_be_visible()
    page.goto("/accounts/")
    expect(page.get_by_role("heading", name="Sign in to ADE")).to_be_visible()


def let_in(page: Page) -> None:
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def test_member_is_known_by_name_first_and_by_subject_then(page: Page, idp: Provider) -> None:
    bob = make_user("bob")
    sign_in(page)
    let_in(page)
    assert [str(event) for event in MemberEvent.objects.all()] == ["bob linked an identity to bob"]
    assert idp.asked[0]["code_challenge_method"] == ["S256"]

    page.context.clear_cookies()
    idp.claims["preferred_username"] = "robert"
    sign_in(page)
    let_in(page)

    page.context.clear_cookies()
    bob.is_active = False
    bob.save()
    sign_in(page)
    refused(page)


def test_stranger_is_refused(page: Page) -> None:
    make_user("bobby")
    sign_in(page)
    refused(page)
    assert User.objects.count() == 1


def test_disabled_member_is_refused(page: Page) -> None:
    make_user("bob", is_active=False)
    sign_in(page)
    refused(page)


def test_other_subject_of_a_known_name_is_refused(page: Page, idp: Provider) -> None:
    make_user("bob")
    sign_in(page)
    let_in(page)
    page.context.clear_cookies()
    idp.claims["sub"] = "2"
    sign_in(page)
    refused(page)


@pytest.mark.parametrize("live", [{"OIDC_USERNAME_CLAIM": "email"}], indirect=True)
def test_address_counts_only_if_it_is_verified(page: Page, idp: Provider) -> None:
    make_user("bob@example.org")
    idp.claims |= {"email": "bob@example.org", "email_verified": False}
    sign_in(page)
    refused(page)
    idp.claims["email_verified"] = True
    sign_in(page)
    let_in(page)


@pytest.mark.parametrize("live", [{"OIDC_AUTO_CREATE_ROLE": "viewer"}], indirect=True)
def test_stranger_becomes_a_member_where_that_is_set(page: Page, idp: Provider) -> None:
    sign_in(page)
    let_in(page)
    bob = User.objects.get()
    assert (bob.username, bob.display_name, bob.role) == ("bob", "Bob Builder", "viewer")
    assert str(MemberEvent.objects.get()) == "Example ID added Bob Builder"

    page.context.clear_cookies()
    idp.claims |= {"sub": "2", "preferred_username": "BOB"}
    sign_in(page)
    refused(page)
    page.context.clear_cookies()
    idp.claims |= {"sub": "3", "preferred_username": "not a user name"}
    sign_in(page)
    refused(page)


def test_proof_without_a_password_comes_from_the_provider(page: Page, idp: Provider) -> None:
    bob = make_user("bob", role="admin")
    bob.set_unusable_password()
    bob.save()
    sign_in(page)
    let_in(page)
    _age_proof(page)
    page.goto("/members/")
    page.evaluate("document.querySelector('main form[method=post]').submit()")  # a change
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Members")).to_be_visible()
    assert idp.asked[-1]["prompt"] == ["login"]


def _age_proof(page: Page) -> None:
    """Date this browser's sign-in back."""
    cookies: list[Any] = page.context.cookies()
    (key,) = [row["value"] for row in cookies if row["name"] == settings.SESSION_COOKIE_NAME]
    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    for record in session["account_authentication_methods"]:
        record["at"] -= settings.PROOF_SECONDS + 1
    session.save()


CLAIMS = {"OIDC_ROLE_CLAIM": "groups", "OIDC_LIMIT_CLAIM": "ade_tags"}


@pytest.mark.parametrize("live", [CLAIMS], indirect=True)
def test_claims_set_role_and_limit_at_each_sign_in(page: Page, idp: Provider) -> None:
    bob = make_user("bob", role="manager")
    idp.claims |= {"groups": ["staff", "editor", "viewer"], "ade_tags": ["team:care", "user_1"]}
    sign_in(page)
    let_in(page)
    bob.refresh_from_db()
    assert (bob.role, limit_of(bob)) == ("editor", ("team:care", "user_1"))
    expect(page.locator(".limit")).to_contain_text("team:care, user_1")

    page.context.clear_cookies()
    idp.claims |= {"ade_tags": "*"}
    sign_in(page)
    let_in(page)
    bob.refresh_from_db()
    assert bob.stored_reach is None

    del idp.claims["ade_tags"]  # a mistake in the provider's settings must not give access to all
    page.context.clear_cookies()
    sign_in(page)
    expect(page.get_by_text("does not say which agents you can access")).to_be_visible()
    idp.claims |= {"ade_tags": "*", "groups": ["staff"]}
    sign_in(page)
    expect(page.get_by_text("sends no role for you that ADE knows")).to_be_visible()
