"""The members pages: who may, and what they show."""

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from ade.models import MemberEvent, User
from tests.accounts.people import is_in, sign_in
from tests.helpers import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part

# Method, path, what is sent, and what an admin gets.
ROUTES = [
    ("GET", "/members/", {}, 200),
    ("POST", "/members/", {"username": "new", "role": "viewer"}, 200),
    ("GET", "/members/{pk}/", {}, 200),
    ("POST", "/members/{pk}/role/", {"role": "manager"}, 303),
    ("POST", "/members/{pk}/disable/", {}, 303),
    ("POST", "/members/{pk}/enable/", {}, 303),
    ("POST", "/members/{pk}/link/", {}, 200),
    ("POST", "/members/{pk}/sessions/end/", {}, 303),
    ("POST", "/members/{pk}/factors/remove/", {}, 303),
]


def ask(client: Client, method: str, path: str, data: dict[str, str]) -> int:
    return client.generic(
        method,
        path,
        "&".join(f"{key}={value}" for key, value in data.items()),
        "application/x-www-form-urlencoded",
    ).status_code


@pytest.mark.parametrize(("method", "path", "data", "status"), ROUTES)
def test_route_works_for_an_admin(
    method: str, path: str, data: dict[str, str], status: int
) -> None:
    make_user("anna", role="admin")
    member = make_user("bob")
    assert ask(sign_in("anna"), method, path.format(pk=member.pk), data) == status


@pytest.mark.parametrize("role", ["viewer", "editor", "manager"])
@pytest.mark.parametrize(("method", "path", "data", "_status"), ROUTES)
def test_route_is_forbidden_to_other_roles(
    role: str, method: str, path: str, data: dict[str, str], _status: int
) -> None:
    make_user("root", role="admin")
    make_user("anna", role=role)
    member = make_user("bob")
    before = list(User.objects.order_by("pk").values("role", "is_active", "session_series"))
    assert ask(sign_in("anna"), method, path.format(pk=member.pk), data) == 403
    after = list(User.objects.order_by("pk").values("role", "is_active", "session_series"))
    assert (after, MemberEvent.objects.count()) == (before, 0)


@pytest.mark.parametrize(("method", "path", "data", "_status"), ROUTES)
def test_route_asks_nobody_to_sign_in(
    method: str, path: str, data: dict[str, str], _status: int
) -> None:
    member = make_user("bob")
    status = ask(Client(), method, path.format(pk=member.pk), data)
    assert status == (302 if method == "GET" else 303)
    assert MemberEvent.objects.count() == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [(method, path) for method, path, *_ in ROUTES if path != "/members/"],
)
def test_route_with_the_wrong_method_is_refused(method: str, path: str) -> None:
    make_user("anna", role="admin")
    member = make_user("bob")
    wrong = "POST" if method == "GET" else "GET"
    assert ask(sign_in("anna"), wrong, path.format(pk=member.pk), {}) == 405
    assert MemberEvent.objects.count() == 0


@pytest.mark.parametrize("pk", [999, 1 << 63, 10**40])
@pytest.mark.parametrize(
    ("method", "path", "data", "_status"), [row for row in ROUTES if "{pk}" in row[1]]
)
def test_route_of_no_member_is_404(
    method: str, path: str, data: dict[str, str], _status: int, pk: int
) -> None:
    make_user("anna", role="admin")
    assert ask(sign_in("anna"), method, path.format(pk=pk), data) == 404


def test_add_refused_keeps_what_was_typed() -> None:
    make_user("anna", role="admin")
    data = {"username": "ANNA", "full_name": "Änna", "role": "manager"}
    answer = sign_in("anna").post("/members/", data)
    page = BeautifulSoup(answer.content, "lxml")
    assert answer.status_code == 422
    assert page.select_one("#id_username_error").get_text(strip=True) == (
        "There is a member of that name already."
    )
    assert page.select_one("#id_username")["value"] == "ANNA"
    assert page.select_one("#id_full_name")["value"] == "Änna"
    assert page.select_one("#id_role option[selected]")["value"] == "manager"
    assert User.objects.count() == 1


def test_add_shows_a_link_once_and_stores_it_nowhere() -> None:
    make_user("anna", role="admin")
    client = sign_in("anna")
    answer = client.post("/members/", {"username": "bob", "role": "viewer"})
    link = BeautifulSoup(answer.content, "lxml").select_one("#link")["value"]
    assert Client().get(link, follow=True).status_code == 200
    again = (
        client.get("/members/").content.decode()
        + client.get(f"/members/{User.objects.get(username='bob').pk}/").content.decode()
    )
    assert "password/set" not in again
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("role", ["", "root", "ADMIN"])
def test_change_to_a_role_that_is_none_is_refused(role: str) -> None:
    make_user("anna", role="admin")
    member = make_user("bob", role="editor")
    assert sign_in("anna").post(f"/members/{member.pk}/role/", {"role": role}).status_code == 422
    member.refresh_from_db()
    assert member.role == "editor"


def test_last_admin_is_told_why() -> None:
    admin = make_user("anna", role="admin")
    client = sign_in("anna")
    for path in ("disable/", "role/"):
        answer = client.post(f"/members/{admin.pk}/{path}", {"role": "viewer"})
        problem = BeautifulSoup(answer.content, "lxml").select_one("[role=alert]")
        assert (answer.status_code, problem.get_text(strip=True)) == (
            422,
            "This is the last active admin. Make another member an admin first.",
        )
    assert is_in(client)


@pytest.mark.parametrize("count", [1, 3])
def test_members_page_reads_as_often_for_many(
    count: int, django_assert_num_queries: object
) -> None:
    make_user("anna", role="admin")
    client = sign_in("anna")
    client.get("/members/")
    for number in range(count):
        client.post("/members/", {"username": f"bob{number}", "role": "viewer"})
    with django_assert_num_queries(3):  # the session with oneself, members, history
        client.get("/members/")


def test_names_are_shown_as_text() -> None:
    make_user("anna", role="admin")
    client = sign_in("anna")
    client.post("/members/", {"username": "b", "full_name": "<b>x</b>", "role": "viewer"})
    page = BeautifulSoup(client.get("/members/").content, "lxml")
    assert page.select("main b") == []


def test_history_goes_on_page_by_page() -> None:
    anna = make_user("anna", role="admin")
    client = sign_in("anna")
    for _ in range(60):
        client.post(f"/members/{anna.pk}/link/")
    seen: list[int] = []
    path: str | None = ""
    while path is not None:
        page = BeautifulSoup(client.get(f"/members/{anna.pk}/{path}").content, "lxml")
        seen.append(len(page.select(".event-list li")))
        older = page.find("a", string="Older")
        path = older["href"] if older else None
    assert seen == [50, 10]


@pytest.mark.parametrize("before", ["", "x", "-1", "1" * 19, "²"])
def test_history_from_nowhere_is_404(before: str) -> None:
    make_user("anna", role="admin")
    assert sign_in("anna").get("/members/", {"before": before}).status_code == 404
