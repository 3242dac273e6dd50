"""Signing in: what it says, what it costs to guess, and where it leads."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from bs4 import BeautifulSoup
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client
from django.utils import timezone

from ade.ops.logs import JsonFormatter
from tests.accounts.people import PASSWORD, is_in, sign_in
from tests.helpers import make_user

pytestmark = pytest.mark.django_db

MISMATCH = "The username or the password is not right, or the account is disabled."
TOO_MANY = "Too many failed attempts. Wait a few minutes, then try again."


def attempt(
    username: str, password: str = "wrong", address: str = "192.0.2.1", host: str = "testserver"
) -> tuple[int, str]:
    """The status, and the error that stands under the password."""
    answer = Client(REMOTE_ADDR=address, HTTP_HOST=host).post(
        "/accounts/login/", {"login": username, "password": password}
    )
    error = BeautifulSoup(answer.content, "lxml").select_one("#id_password_error")
    return answer.status_code, error.get_text(strip=True) if error else ""


def test_sign_in_works() -> None:
    make_user("anna")
    answer = Client().post("/accounts/login/", {"login": "anna", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_sign_in_gives_a_new_session() -> None:
    make_user("anna")
    client = Client()
    client.session["before"] = True
    client.session.save()
    before = client.session.session_key
    sign_in("anna", client=client)
    assert client.session.session_key != before


def test_sign_in_page_can_be_filled_by_a_password_manager() -> None:
    page = BeautifulSoup(Client().get("/accounts/login/").content, "lxml")
    fields = {field["name"]: field for field in page.select("main input:not([type=hidden])")}
    assert {name: field["autocomplete"] for name, field in fields.items()} == {
        "login": "username",
        "password": "current-password",
    }
    labels = {label["for"]: label.get_text(strip=True) for label in page.select("label")}
    assert labels == {"id_login": "Username", "id_password": "Password"}


def test_sign_in_refused_keeps_the_name_and_not_the_password() -> None:
    answer = Client().post("/accounts/login/", {"login": "annä", "password": "wrong"})
    page = BeautifulSoup(answer.content, "lxml")
    assert answer.status_code == 422
    assert page.select_one("#id_login")["value"] == "annä"
    password = page.select_one("#id_password")
    assert password.get("value") is None
    assert (password["aria-invalid"], password["aria-describedby"]) == ("true", "id_password_error")


@pytest.mark.parametrize("username", ["anna", "nobody", "gone", "fresh", "with\nline"])
def test_sign_in_refused_says_the_same_to_all(username: str) -> None:
    make_user("anna")
    make_user("gone", is_active=False)
    make_user("fresh").set_unusable_password()
    assert attempt(username) == (422, MISMATCH)


def test_sign_in_disabled_member_with_the_right_password_learns_nothing() -> None:
    make_user("gone", is_active=False)
    assert attempt("gone", PASSWORD) == (422, MISMATCH)


class CountingHasher(PBKDF2PasswordHasher):
    """A hasher that counts, because hashing is what takes the time."""

    algorithm = "counting"
    iterations = 1
    hashed = 0

    def encode(self, *args: Any, **kwargs: Any) -> str:
        CountingHasher.hashed += 1
        return super().encode(*args, **kwargs)


@pytest.mark.parametrize("username", ["anna", "nobody", "gone", "fresh"])
def test_sign_in_refused_takes_as_long_for_all(username: str, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["tests.accounts.test_sign_in.CountingHasher"]
    make_user("anna")
    make_user("gone", is_active=False)
    fresh = make_user("fresh")
    fresh.set_unusable_password()
    fresh.save()
    CountingHasher.hashed = 0
    attempt(username)
    assert CountingHasher.hashed == 1


def test_guessing_is_slowed_for_a_name_that_nobody_has() -> None:
    with time_machine.travel(timezone.now(), tick=False):
        answers = [attempt("nobody", address=f"192.0.2.{n}") for n in range(6)]
    assert answers == [(422, MISMATCH)] * 5 + [(422, TOO_MANY)]


def test_guessing_is_slowed_by_account_whatever_the_address() -> None:
    make_user("anna")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        answers = [attempt("anna", address=f"192.0.2.{n}") for n in range(6)]
        assert answers == [(422, MISMATCH)] * 5 + [(422, TOO_MANY)]
        assert attempt("anna", PASSWORD, "192.0.2.99") == (422, TOO_MANY)
        assert attempt("ANNA", PASSWORD, "192.0.2.99") == (422, TOO_MANY)
        clock.shift(timedelta(minutes=5, seconds=1))
        assert attempt("anna", PASSWORD, "192.0.2.99") == (302, "")


def test_guessing_is_slowed_by_account_however_it_is_addressed(is_postgres: bool) -> None:
    make_user("boss")
    # What PostgreSQL takes for the same name, SQLite does not: both are right for themselves.
    names = ["boss", "BOSS", "Boss", "bo\u017f\u017f" if is_postgres else "bOsS", "bosS"]
    with time_machine.travel(timezone.now(), tick=False):
        for number, name in enumerate(names):
            host = f"testserver:{number + 1}"
            assert attempt(name, address=f"192.0.2.{number}", host=host) == (422, MISMATCH)
        assert attempt("boss", PASSWORD, "192.0.2.99", "127.0.0.1") == (422, TOO_MANY)


def test_guessing_is_slowed_by_address_whatever_the_account() -> None:
    make_user("anna")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        answers = [attempt(f"name-{n}") for n in range(11)]
        assert answers == [(422, MISMATCH)] * 10 + [(422, TOO_MANY)]
        assert attempt("anna", PASSWORD) == (422, TOO_MANY)
        assert attempt("anna", PASSWORD, "192.0.2.2") == (302, "")
        clock.shift(timedelta(minutes=1, seconds=1))
        assert attempt("anna", PASSWORD) == (302, "")


def test_guessing_is_slowed_by_address_however_it_goes() -> None:
    make_user("anna")
    with time_machine.travel(timezone.now(), tick=False):
        answers = [attempt("anna", PASSWORD)[0] for _ in range(31)]
    assert answers == [302] * 30 + [429]


def test_guessing_cannot_hide_behind_a_forwarded_address() -> None:
    with time_machine.travel(timezone.now(), tick=False):
        answers = [
            Client(HTTP_X_FORWARDED_FOR=f"198.51.100.{n}").post(
                "/accounts/login/", {"login": f"name-{n}", "password": "wrong"}
            )
            for n in range(11)
        ]
    assert TOO_MANY in answers[-1].content.decode()


def test_guessing_behind_our_proxy_is_counted_by_what_the_proxy_saw(settings: Any) -> None:
    settings.BEHIND_PROXY = True
    proxied = [f'for=198.51.100.{n}, for="203.0.113.7"' for n in range(11)]
    with time_machine.travel(timezone.now(), tick=False):
        answers = [
            Client(HTTP_FORWARDED=line).post(
                "/accounts/login/", {"login": f"name-{n}", "password": "wrong"}
            )
            for n, line in enumerate(proxied)
        ]
    assert TOO_MANY in answers[-1].content.decode()


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/agents/?any=user_1#tags", "/agents/?any=user_1#tags"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("http://localhost/", "/"),  # in ALLOWED_HOSTS, and another site all the same
        ("javascript:alert(1)", "/"),
        ("/\\evil.example", "/"),
    ],
)
def test_sign_in_leads_on_to_this_site_only(target: str, location: str) -> None:
    make_user("anna")
    answer = Client().post(
        "/accounts/login/", {"login": "anna", "password": PASSWORD, "next": target}
    )
    assert answer["Location"] == location


def test_sign_in_failed_is_logged_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    attempt("anna\nSign-in of root")
    (record,) = [record for record in caplog.records if record.name == "ade.security"]
    line = JsonFormatter().format(record)
    assert '"username": "anna\\nSign-in of root", "address": "192.0.2.1"' in line
    assert line.isprintable()


def test_sign_out_ends_the_session_on_the_server() -> None:
    make_user("anna")
    client = sign_in("anna")
    copy = Client()
    copy.cookies[settings.SESSION_COOKIE_NAME] = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert is_in(copy)
    client.post("/accounts/logout/")
    assert (is_in(client), is_in(copy)) == (False, False)


def test_sign_out_by_a_link_asks_first() -> None:
    make_user("anna")
    client = sign_in("anna")
    assert client.get("/accounts/logout/").status_code == 200
    assert is_in(client)


@pytest.mark.parametrize(
    "path",
    ["signup/", "email/", "password/reset/", "login/code/confirm/", "2fa/", "oidc/sso/login/"],
)
def test_pages_that_are_not_wanted_do_not_exist(path: str) -> None:
    make_user("anna")
    assert sign_in("anna").get(f"/accounts/{path}").status_code == 404
