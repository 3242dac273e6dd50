"""Changes to accounts: what they do, what they refuse, and that each is recorded."""

import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections

from ade.accounts import members, password_links
from ade.accounts.members import By
from ade.models import MemberEvent, Role, User
from tests.helpers import make_user

ROOT = By("test", "Root")


def history() -> list[str]:
    return [f"{event} {event.detail}".strip() for event in MemberEvent.objects.order_by("id")]


def add(username: str = "bob", full_name: str = "Bob", role: Role = Role.EDITOR) -> User:
    return members.add(username=username, full_name=full_name, role=role, by=ROOT)


@pytest.mark.django_db
def test_add_makes_an_account_without_a_password() -> None:
    member = add()
    assert (member.display_name, member.role, member.has_usable_password()) == (
        "Bob",
        "editor",
        False,
    )
    assert history() == ["Root added Bob as Editor"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"username": "anna"}, "username"),
        ({"username": "with space"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "b" * 151}, "username"),
        ({"full_name": "Bob\nBob"}, "full_name"),
        ({"full_name": "b" * 151}, "first_name"),
    ],
)
def test_add_of_a_bad_name_is_refused(fields: dict[str, Any], where: str) -> None:
    make_user("anna")
    with pytest.raises(ValidationError) as caught:
        add(**fields)
    assert list(caught.value.error_dict) == [where]
    assert (User.objects.count(), history()) == (1, [])


@pytest.mark.django_db
def test_add_of_a_name_that_differs_by_case_only_is_refused() -> None:
    make_user("anna")
    with pytest.raises(ValidationError, match="There is a member of that name already"):
        add("ANNA")


@pytest.mark.django_db
def test_changes_are_recorded_once_and_repeated_are_none() -> None:
    member = add()
    for _ in range(2):
        members.change_role(member, role=Role.MANAGER, by=ROOT)
        members.disable(member, by=ROOT)
    for _ in range(2):
        members.enable(member, by=ROOT)
    members.set_password(member, "correct horse", by=By.member(member))
    assert history() == [
        "Root added Bob as Editor",
        "Root changed the role of Bob Editor → Manager",
        "Root disabled Bob",
        "Root enabled Bob",
        "Bob set the password of Bob",
    ]


@pytest.mark.django_db
def test_last_active_admin_can_be_neither_demoted_nor_disabled() -> None:
    admin = make_user("anna", role="admin")
    make_user("gone", role="admin", is_active=False)
    for refused in (
        lambda: members.change_role(admin, role=Role.MANAGER, by=ROOT),
        lambda: members.disable(admin, by=ROOT),
    ):
        with pytest.raises(ValidationError, match="last active admin"):
            refused()
    admin.refresh_from_db()
    assert (admin.role, admin.is_active, history()) == ("admin", True, [])


@pytest.mark.django_db
def test_change_is_undone_where_history_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    member = add()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ade_memberevent RENAME TO elsewhere")
    for change in (
        lambda: members.disable(member, by=ROOT),
        lambda: members.change_role(member, role=Role.ADMIN, by=ROOT),
        lambda: add("carl"),
    ):
        with pytest.raises(Exception, match="ade_memberevent"):
            change()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE elsewhere RENAME TO ade_memberevent")
    member.refresh_from_db()
    assert (member.is_active, member.role, User.objects.count()) == (True, "editor", 1)


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_leave_one() -> None:
    anna, bob = make_user("anna", role="admin"), make_user("bob", role="admin")
    together = threading.Barrier(2)
    refused: list[str] = []

    def demote(victim: User, by: User) -> None:
        together.wait()
        try:
            members.change_role(victim, role=Role.VIEWER, by=By.member(by))
        except ValidationError as error:
            refused.extend(error.messages)
        connections.close_all()

    threads = [threading.Thread(target=demote, args=pair) for pair in ((anna, bob), (bob, anna))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [members.LAST_ADMIN]
    assert User.objects.filter(role="admin").count() == 1


@pytest.mark.django_db
def test_link_for_a_disabled_member_is_refused() -> None:
    member = make_user("anna", is_active=False)
    with pytest.raises(ValidationError, match="Enable it first"):
        password_links.make(member, by=ROOT)
    assert history() == []
