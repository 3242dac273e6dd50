"""One-time password links: they work once, for a day, until an admin takes them back."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from bs4 import BeautifulSoup
from django.test import Client
from django.utils import timezone

from ade.accounts import members, password_links
from ade.accounts.members import By
from ade.models import MemberEvent, Role, User
from tests.accounts.people import is_in, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part

ROOT = By("test", "Root")
NEW = "battery staple 7"


def make_member() -> User:
    return members.add(username="bob", full_name="", role=Role.VIEWER, by=ROOT)


def open_link(path: str, client: Client | None = None) -> tuple[int, str]:
    """The status of the page that the link leads to, and its heading."""
    answer = (client or Client()).get(path, follow=True)
    heading = BeautifulSoup(answer.content, "lxml").select_one("h1")
    return answer.status_code, heading.get_text(strip=True)


def follow(path: str, password: str = NEW) -> Any:
    """Open the link in a browser of its own and send the form."""
    client = Client()
    page = client.get(path, follow=True)
    where = page.redirect_chain[-1][0] if page.redirect_chain else path
    return client.post(where, {"new_password1": password, "new_password2": password})


def test_link_sets_a_password_with_which_the_member_signs_in() -> None:
    answer = follow(password_links.make(make_member(), by=ROOT))
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")
    assert is_in(sign_in("bob", NEW))
    assert [str(event) for event in MemberEvent.objects.order_by("id")] == [
        "Root added bob",
        "Root made a password link for bob",
        "bob set the password of bob",
    ]


def test_link_keeps_its_token_out_of_the_page_that_is_shown() -> None:
    path = password_links.make(make_member(), by=ROOT)
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"].endswith("/set-password/")) == (302, True)


def test_link_works_once() -> None:
    path = password_links.make(make_member(), by=ROOT)
    follow(path)
    assert open_link(path) == (410, "This link no longer works")


def test_link_of_before_dies_when_a_later_one_is_used() -> None:
    member = make_member()
    first, second = password_links.make(member, by=ROOT), password_links.make(member, by=ROOT)
    follow(second)
    assert open_link(first) == (410, "This link no longer works")


def test_link_dies_of_age() -> None:
    path = password_links.make(make_member(), by=ROOT)
    with time_machine.travel(timezone.now() + timedelta(hours=23, minutes=59), tick=False) as clock:
        assert open_link(path) == (200, "Set your password")
        clock.shift(timedelta(minutes=2))
        assert open_link(path) == (410, "This link no longer works")


def test_link_dies_when_sessions_are_ended_or_the_account_is_disabled() -> None:
    member = make_member()
    path = password_links.make(member, by=ROOT)
    members.end_sessions(member, by=ROOT)
    assert open_link(path) == (410, "This link no longer works")
    path = password_links.make(member, by=ROOT)
    members.disable(member, by=ROOT)
    assert open_link(path) == (410, "This link no longer works")
    members.enable(member, by=ROOT)
    assert open_link(path) == (410, "This link no longer works")


@pytest.mark.parametrize(
    "path", ["x/y", "MQ/set-password", "MQ/abc-def", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk/x-y"]
)
def test_link_made_up_is_dead(path: str) -> None:
    make_member()
    assert open_link(f"/accounts/password/set/{path}/") == (410, "This link no longer works")


@pytest.mark.parametrize("password", ["short", "password123", "1234567890"])
def test_link_refuses_a_weak_password(password: str) -> None:
    path = password_links.make(make_member(), by=ROOT)
    answer = follow(path, password)
    assert answer.status_code == 422
    assert open_link(path) == (200, "Set your password")


def test_link_page_can_be_filled_by_a_password_manager() -> None:
    page = Client().get(password_links.make(make_member(), by=ROOT), follow=True)
    fields = BeautifulSoup(page.content, "lxml").select("main input[autocomplete]")
    assert [(field["name"], field["autocomplete"]) for field in fields] == [
        ("username", "username"),
        ("new_password1", "new-password"),
        ("new_password2", "new-password"),
    ]
