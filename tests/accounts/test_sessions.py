"""How sessions end: idle, after their time, and by decision. Time is moved, never slept."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ade.accounts import members
from ade.accounts.members import By
from ade.models import Role
from ade.ops import noted_use
from tests.accounts.people import PASSWORD, is_in, sign_in
from tests.helpers import make_user

pytestmark = pytest.mark.django_db

ROOT = By("test", "test")


@pytest.fixture
def wait() -> Iterator[Callable[..., None]]:
    """Move time: `wait(minutes=29)`."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield lambda **delta: clock.shift(timedelta(**delta))


def use(client: Client) -> int:
    return client.get("/accounts/").status_code


def test_session_lasts_while_it_is_used(wait: Callable[..., None]) -> None:
    make_user("anna")
    client = sign_in("anna")
    for _ in range(10):
        wait(minutes=29)
        assert use(client) == 200


def test_session_and_member_are_read_by_one_statement() -> None:
    anna = make_user("anna")
    client = sign_in("anna")
    use(client)
    with CaptureQueriesContext(connection) as captured:
        use(client)
    reads = [query["sql"] for query in captured]
    assert len([sql for sql in reads if "FROM django_session" in sql]) == 1
    assert [sql for sql in reads if "FROM ade_user" in sql] == []
    anna.is_active = False  # the next request reads the member again
    anna.save()
    assert use(client) == 302


def test_session_idle_ends(wait: Callable[..., None]) -> None:
    make_user("anna")
    client = sign_in("anna")
    use(client)
    wait(minutes=30)
    answer = client.get("/accounts/")
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=%2Faccounts%2F&ended=1"
    page = client.get("/accounts/login/").content.decode()
    assert "You were away for 30 minutes. Please sign in again." in page


def test_session_polled_ends_as_if_it_were_not(wait: Callable[..., None]) -> None:
    make_user("anna")
    client = sign_in("anna")
    use(client)
    for _ in range(29):
        wait(minutes=1)
        assert is_in(client)
    wait(minutes=1)
    assert not is_in(client)


def test_session_ends_after_its_time_whatever_its_use(wait: Callable[..., None]) -> None:
    make_user("anna")
    client = sign_in("anna")
    use(client)
    for _ in range(71):
        wait(minutes=10)
        assert use(client) == 200
    wait(minutes=10)
    assert use(client) == 302


def test_session_ends_as_configured(wait: Callable[..., None], settings: Any) -> None:
    settings.SESSION_IDLE_SECONDS = 120
    make_user("anna")
    client = sign_in("anna")
    use(client)
    wait(seconds=119)
    assert use(client) == 200
    wait(seconds=120)
    assert use(client) == 302


def test_session_use_is_written_at_most_once_a_minute(
    wait: Callable[..., None], django_assert_num_queries: Any
) -> None:
    make_user("anna")
    client = sign_in("anna")
    began = client.session["used_at"]
    use(client)
    wait(seconds=54)
    use(client)
    noted_use.flush()
    assert client.session["used_at"] == began
    wait(seconds=6)
    with django_assert_num_queries(1):  # the session is read with the member, nothing is written
        use(client)
    noted_use.flush()
    stored = client.session["used_at"]
    assert stored == began + 60
    wait(seconds=30)
    use(client)
    noted_use.flush()
    assert client.session["used_at"] == stored


def test_the_use_of_a_session_that_was_ended_brings_it_not_back(wait: Callable[..., None]) -> None:
    make_user("anna")
    client = sign_in("anna")
    wait(seconds=60)
    assert use(client) == 200
    client.session.delete()
    noted_use.flush()
    assert not Session.objects.exists()
    assert use(client) == 302


def test_noting_the_use_of_a_session_keeps_what_others_wrote_to_it(
    wait: Callable[..., None],
) -> None:
    make_user("anna")
    client = sign_in("anna")
    wait(seconds=60)
    use(client)
    session = client.session
    session["other"] = "kept"
    session.save()
    noted_use.flush()
    assert client.session["other"] == "kept"
    assert client.session["used_at"] == client.session["started_at"] + 60


def test_session_over_tells_htmx_to_load_the_sign_in_page() -> None:
    answer = Client().post(
        "/accounts/logout/everywhere/",
        headers={
            "HX-Request": "true",
            "HX-Current-URL": "http://testserver/agents/one/?id=agent-1#tags",
        },
    )
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (
        401,
        "/accounts/login/?next=%2Fagents%2Fone%2F%3Fid%3Dagent-1%23tags",
    )


@pytest.mark.parametrize("url", ["https://evil.example/x", "http://testserver:81/x", "", "x"])
def test_session_over_comes_back_to_no_other_site(url: str) -> None:
    answer = Client().get("/accounts/", headers={"HX-Request": "true", "HX-Current-URL": url})
    assert answer.headers["HX-Redirect"] == "/accounts/login/?next=%2F"


def test_session_over_at_a_form_comes_back_to_its_page() -> None:
    answer = Client().post(
        "/accounts/logout/everywhere/", headers={"Referer": "http://testserver/accounts/"}
    )
    assert (answer.status_code, answer["Location"]) == (303, "/accounts/login/?next=%2Faccounts%2F")


def test_account_disabled_ends_every_session() -> None:
    member = make_user("anna")
    first, second = sign_in("anna"), sign_in("anna")
    assert (is_in(first), is_in(second)) == (True, True)
    members.disable(member, by=ROOT)
    assert (is_in(first), is_in(second)) == (False, False)
    members.enable(member, by=ROOT)
    assert (is_in(first), is_in(second)) == (False, False)


def test_sessions_ended_by_an_admin_end() -> None:
    member = make_user("anna")
    first, second = sign_in("anna"), sign_in("anna")
    members.end_sessions(member, by=ROOT)
    assert (is_in(first), is_in(second)) == (False, False)
    assert is_in(sign_in("anna"))


def test_sign_out_everywhere_ends_every_session_and_is_recorded() -> None:
    make_user("anna")
    first, second = sign_in("anna"), sign_in("anna")
    answer = first.post("/accounts/logout/everywhere/")
    assert (answer.status_code, answer["Location"]) == (303, "/accounts/login/")
    assert (is_in(first), is_in(second)) == (False, False)
    event = members.MemberEvent.objects.get()
    assert str(event) == "anna ended all sessions of anna"


def test_password_changed_ends_the_other_sessions_only() -> None:
    make_user("anna")
    first, second = sign_in("anna"), sign_in("anna")
    answer = first.post(
        "/accounts/password/",
        {
            "old_password": PASSWORD,
            "new_password1": "battery staple 7",
            "new_password2": "battery staple 7",
        },
    )
    assert (answer.status_code, answer["Location"]) == (303, "/accounts/")
    assert (is_in(first), is_in(second)) == (True, False)
    assert is_in(sign_in("anna", "battery staple 7"))


def test_password_change_with_the_wrong_old_one_is_refused_and_slowed() -> None:
    make_user("anna")
    client = sign_in("anna")
    data = {"old_password": "wrong", "new_password1": "battery 7 s", "new_password2": "battery 7 s"}
    with time_machine.travel(timezone.now(), tick=False):
        answers = [client.post("/accounts/password/", data).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]


def test_role_taken_is_gone_at_the_next_request() -> None:
    make_user("root", role="admin")
    member = make_user("anna", role="admin")
    client = sign_in("anna")
    assert client.get("/members/").status_code == 200
    members.change_role(member, role=Role.VIEWER, by=ROOT)
    assert client.get("/members/").status_code == 403


def test_changes_of_members_ask_for_the_password_again_after_hours(
    wait: Callable[..., None], settings: Any
) -> None:
    make_user("anna", role="admin")
    client = sign_in("anna")
    settings.SESSION_IDLE_SECONDS = 6 * 3600
    new = {"username": "bob", "role": "viewer"}
    page = {"Referer": "http://testserver/members/"}
    wait(hours=4)
    assert client.get("/members/").status_code == 200
    answer = client.post("/members/", new, headers=page)
    assert (answer.status_code, answer["Location"]) == (
        303,
        "/accounts/reauthenticate/?next=%2Fmembers%2F",
    )
    answer = client.post(answer["Location"], {"password": "wrong"})
    assert answer.status_code == 200
    assert client.post("/members/", new, headers=page).status_code == 303
    answer = client.post("/accounts/reauthenticate/?next=/members/", {"password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/members/")
    assert client.post("/members/", new, headers=page).status_code == 200


def test_members_post_without_fresh_proof_changes_nothing(
    wait: Callable[..., None], settings: Any
) -> None:
    admin = make_user("anna", role="admin")
    make_user("bob", role="admin")
    client = sign_in("anna")
    settings.SESSION_IDLE_SECONDS = 6 * 3600
    wait(hours=5)
    page = f"http://testserver/members/{admin.pk}/"
    answer = client.post(
        f"/members/{admin.pk}/role/", {"role": "viewer"}, headers={"Referer": page}
    )
    assert (answer.status_code, answer["Location"]) == (
        303,
        f"/accounts/reauthenticate/?next=%2Fmembers%2F{admin.pk}%2F",
    )
    client.post(answer["Location"], {"password": PASSWORD})
    admin.refresh_from_db()
    assert admin.role == "admin"


def test_sessions_that_ended_leave_no_rows(wait: Callable[..., None]) -> None:
    make_user("anna")
    sign_in("anna")
    wait(hours=13)
    sign_in("anna")
    assert Session.objects.count() == 1


def test_session_outlives_a_new_secret_key_while_the_old_one_is_named(settings: Any) -> None:
    make_user("anna")
    seen, unseen = sign_in("anna"), sign_in("anna")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert is_in(seen)
    settings.SECRET_KEY_FALLBACKS = []
    assert (is_in(seen), is_in(unseen)) == (True, False)
