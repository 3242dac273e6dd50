"""The command that makes the first admin."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from ade.models import MemberEvent, User
from tests.accounts.people import is_in, sign_in
from tests.helpers import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part


def create_admin(*arguments: str) -> str:
    output = io.StringIO()
    call_command("create_admin", *arguments, stdout=output)
    return output.getvalue()


def test_it_prints_a_link_alone_on_its_line() -> None:
    link = create_admin("anna", "--address", "https://ade.example/")
    start = "https://ade.example/accounts/password/set/"
    assert (link.startswith(start), link.count("\n")) == (True, 1)
    path = link.strip().removeprefix("https://ade.example")
    assert Client().get(path, follow=True).status_code == 200
    assert User.objects.get().role == "admin"


def test_it_takes_a_password_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("battery staple 7\nmore\n"))
    assert create_admin("anna", "--password-stdin", "--full-name", "Anna A") == ""
    assert is_in(sign_in("anna", "battery staple 7"))
    assert [str(event) for event in MemberEvent.objects.order_by("id")] == [
        "create_admin added Anna A",
        "create_admin set the password of Anna A",
    ]


def test_a_weak_password_makes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="too short"):
        create_admin("anna", "--password-stdin")
    assert (User.objects.count(), MemberEvent.objects.count()) == (0, 0)


def test_a_bad_name_makes_nobody() -> None:
    with pytest.raises(CommandError, match="valid username"):
        create_admin("with space")
    assert User.objects.count() == 0


def test_it_is_the_way_back_in_for_a_member() -> None:
    make_user("anna", role="viewer", is_active=False)
    create_admin("Anna")
    anna = User.objects.get()
    assert (anna.role, anna.is_active) == ("admin", True)
