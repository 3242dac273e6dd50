"""A member's whole life, in the browser: added, signed in, demoted, disabled."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from ade.models import MemberEvent
from tests.accounts.people import PASSWORD
from tests.helpers import make_user

NEW = "battery staple 7"


def fill_sign_in(page: Page, username: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("javascript", [True, False])
def test_member_is_added_signs_in_is_demoted_and_disabled(
    new_page: Callable[..., Page], javascript: bool, axe: Callable[[Page], list[str]]
) -> None:
    make_user("anna", role="admin")
    admin, member = new_page(javascript=javascript), new_page(javascript=javascript)

    def check(page: Page) -> None:
        assert not javascript or axe(page) == []

    # The admin signs in, and adds a member.
    admin.goto("/accounts/login/")
    check(admin)
    fill_sign_in(admin, "anna", "wrong")
    expect(admin.get_by_label("Username")).to_have_value("anna")
    check(admin)
    fill_sign_in(admin, "anna", PASSWORD)
    admin.get_by_role("link", name="Members").click()
    check(admin)
    admin.get_by_label("Username").fill("bob")
    admin.get_by_label("Full name").fill("Bob Builder")
    admin.get_by_label("Role").select_option("Admin")
    admin.get_by_role("button", name="Add member").click()
    link = admin.get_by_label("Link").input_value()
    check(admin)

    # The member follows the link, sets a password, and signs in.
    member.goto(link)
    check(member)
    member.get_by_label("New password", exact=True).fill(NEW)
    member.get_by_label("New password confirmation").fill(NEW)
    member.get_by_role("button", name="Set password").click()
    expect(member.get_by_text("Your password is set. Sign in with it.")).to_be_visible()
    fill_sign_in(member, "bob", NEW)
    member.get_by_role("link", name="Members").click()
    expect(member.get_by_role("heading", name="Members")).to_be_visible()
    member.goto("/accounts/")
    check(member)

    # Demoted: the next page is not for them.
    admin.get_by_role("link", name="Done").click()
    check(admin)
    admin.get_by_role("combobox", name="Role").select_option("Viewer")
    admin.get_by_role("button", name="Change role").click()
    expect(admin.get_by_text("The role is now Viewer.")).to_be_visible()
    member.goto("/members/")
    expect(member.get_by_text("You may not do this.")).to_be_visible()

    # Disabled: out at the next page, and not in again.
    admin.get_by_role("button", name="Disable").click()
    expect(admin.get_by_text("The account is disabled.")).to_be_visible()
    member.goto("/agents/")
    expect(member.get_by_role("heading", name="Sign in to ADE")).to_be_visible()
    fill_sign_in(member, "bob", NEW)
    expect(member.get_by_text("or the account is disabled")).to_be_visible()
    assert [str(event) for event in MemberEvent.objects.order_by("id")] == [
        "anna added Bob Builder",
        "anna made a password link for Bob Builder",
        "Bob Builder set the password of Bob Builder",
        "anna changed the role of Bob Builder",
        "anna disabled Bob Builder",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_fit_a_narrow_screen_in_both_themes(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], theme: str
) -> None:
    anna = make_user("anna", role="admin")
    page = new_page(theme=theme, width=320)
    fill_sign_in(page, "anna", PASSWORD)
    for path in ("/members/", f"/members/{anna.pk}/", "/accounts/", "/accounts/password/"):
        page.goto(path)
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path


def test_idle_session_leads_a_fragment_request_to_the_sign_in_and_back(
    new_page: Callable[..., Page],
) -> None:
    anna = make_user("anna")
    page = new_page()
    fill_sign_in(page, "anna", PASSWORD)
    page.goto("/agents/?sort=name")
    anna.session_series = 1
    anna.save()
    page.evaluate("htmx.ajax('GET', '/agents/', '#main')")
    expect(page.get_by_role("heading", name="Sign in to ADE")).to_be_visible()
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/agents/?sort=name")
