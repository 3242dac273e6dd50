"""The pages of API keys: what they show, make and end, and that a token is seen once."""

from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from agents.domain.core.key_tokens import find_key
from agents.domain.keys import create_key, disable_key, is_good
from agents.models import ApiKey, ChangeSet
from tests.accounts.people import sign_in
from tests.helpers import ROOT, make_agent, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part
FORM = {"name": "app", "scope": "write", "reach": "all", "may_tag": "", "expires_at": ""}


@pytest.fixture
def admin() -> Client:
    make_user("anna", role="admin", first_name="Anna")
    return sign_in("anna")


def soup(answer: HttpResponse) -> BeautifulSoup:
    return BeautifulSoup(answer.content, "lxml")


def make(admin: Client, **fields: str) -> HttpResponse:
    limited = {"reach": "some"} if "limit_tag" in fields else {}
    return admin.post("/keys/", FORM | limited | fields)


def token_in(answer: HttpResponse) -> str:
    assert answer.status_code == 200
    return str(soup(answer).select_one("#token")["value"])


def test_it_works(admin: Client) -> None:
    answer = make(admin, name="phone", limit_tag="user_1", may_tag="note:*\r\ndone\r\n\r\n")
    key = find_key(token_in(answer))
    assert (key.name, key.scope, key.limit_tag, key.may_tag, key.created_by) == (
        "phone",
        "write",
        "user_1",
        '["note:*","done"]',
        "Anna",
    )
    assert ChangeSet.objects.get().actor_name == "Anna"


@pytest.mark.parametrize(
    ("api_open", "words"),
    [
        (
            False,
            (
                "No API keys yet. An application sends a key with each request; without one it gets 401. Give "
                "each application a key of its own, limited to a user's tag where it serves one user."
            ),
        ),
        (True, "No API keys. The API answers requests from this machine without a key."),
    ],
)
def test_without_keys_the_page_says_who_may_call(
    admin: Client, settings: Any, api_open: bool, words: str
) -> None:
    settings.API_OPEN = api_open
    assert soup(admin.get("/keys/")).select_one(".empty").get_text(strip=True) == words


@pytest.mark.parametrize("role", ["viewer", "editor", "manager"])
def test_other_roles_may_not(role: str) -> None:
    key = create_key(name="app", actor=ROOT).key
    make_user("bob", role=role)
    client = sign_in("bob")
    answers = [
        client.get("/keys/"),
        make(client),
        client.get(f"/keys/{key.key_id}/"),
        client.post(f"/keys/{key.key_id}/rotate/", {"overlap": "0"}),
        client.post(f"/keys/{key.key_id}/disable/"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    assert (ApiKey.objects.count(), is_good(ApiKey.objects.get())) == (1, True)
    assert soup(client.get("/agents/")).select('nav a[href="/keys/"]') == []


def test_a_change_wants_a_recent_proof_and_a_look_does_not() -> None:
    client = Client()
    client.force_login(make_user("anna", role="admin"))
    assert client.get("/keys/").status_code == 200
    answer = client.post("/keys/", FORM)
    assert answer.status_code in (302, 303)
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/?next=")
    assert ApiKey.objects.count() == 0


def test_token_is_seen_once(admin: Client) -> None:
    answer = make(admin)
    token = token_in(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    kept = [str(session.get_decoded()) for session in Session.objects.all()]
    pages = [admin.get(path).content.decode() for path in ("/keys/", "/agents/")]
    pages.append(admin.get(f"/keys/{ApiKey.objects.get().key_id}/").content.decode())
    secret = token.split("_", 2)[2]
    assert [text for text in kept + pages if secret in text] == []


def test_page_shows_what_each_key_may(admin: Client) -> None:
    make(admin, name="phone", limit_tag="user_1", scope="read", expires_at="30")
    row = soup(admin.get("/keys/")).select_one("tbody tr")
    key = ApiKey.objects.get()
    cells = [" ".join(cell.get_text(" ").split()) for cell in row.select("th, td")]
    assert cells == [
        "phone",
        f"ade_{key.key_id}…",
        "Read",
        "user_1 (user)",
        "now by Anna",
        "never",
        f"{key.expires_at:%Y-%m-%d %H:%M}",
        "Good",
    ]
    assert key.expires_at - key.created_at > timedelta(days=29)


def test_ended_keys_stand_apart(admin: Client) -> None:
    create_key(name="good", actor=ROOT)
    create_key(name="limited", actor=ROOT, limit_tag="user_1")
    off = create_key(name="off", actor=ROOT).key
    disable_key(key_id=off.key_id, actor=ROOT)
    create_key(name="old", actor=ROOT, expires_at=timezone.now() + timedelta(hours=1))
    ApiKey.objects.filter(name="old").update(expires_at=timezone.now())
    page = soup(admin.get("/keys/"))
    shown = {
        card.select_one("h2").get_text(): [
            (row.select_one("th").get_text(strip=True), row.select("td")[-1].get_text())
            for row in card.select("tbody tr")
        ]
        for card in page.select(".card")[:3]
    }
    assert shown == {
        "For all agents": [("good", "Good")],
        "Limited to a tag": [("limited", "Good")],
        "Expired and disabled": [("old", "Expired"), ("off", "Disabled")],
    }


@pytest.mark.parametrize(
    ("fields", "place", "why"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"name": "  "}, "name", "Enter a name for the key."),
        ({"scope": "root"}, "scope", "Select a valid choice. root is not one of the available choices."),
        ({"limit_tag": "a\x07"}, "limit_tag", "Tag “a⟨U+0007⟩” contains a control character."),
        ({"scope": "manage", "limit_tag": "user_1"}, "scope", "A limited key cannot have the scope manage. Choose read or write."),
        ({"may_tag": "note:*"}, "may_tag", "Without a limit, only patterns of protected tags can be given, such as view:*."),
        ({"expires_at": "0"}, "expires_at", "Select a valid choice. 0 is not one of the available choices."),
    ],
)  # fmt: skip
def test_bad_input_is_named_where_it_stands_and_kept(
    admin: Client, fields: dict[str, str], place: str, why: str
) -> None:
    answer = make(
        admin,
        **({"may_tag": "x\ny", "limit_tag": "user_1"} | fields if place == "name" else fields),
    )
    page = soup(answer)
    assert (answer.status_code, ApiKey.objects.count()) == (422, 0)
    assert page.select_one(f"#id_{place}_error").get_text() == why
    if place == "name":
        assert page.select_one("#id_may_tag")["value"] == "x\ny"
        assert page.select_one("#id_limit_tag")["value"] == "user_1"
    if place == "may_tag":
        assert page.select_one("#id_may_tag")["value"] == "note:*"


def test_a_limit_that_no_agent_carries_is_pointed_out(admin: Client) -> None:
    make_agent(tags=["user_1"])
    warned = [
        [note.get_text() for note in soup(make(admin, limit_tag=tag)).select(".message-warning")]
        for tag in ("user_1", "user_01")
    ]
    assert warned == [[], ["No agent has the tag user_01 yet, so the key can access no agents."]]


def test_disabled_key_ends_at_once(admin: Client) -> None:
    key = create_key(name="app", actor=ROOT).key
    for _ in range(2):
        answer = admin.post(f"/keys/{key.key_id}/disable/")
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/keys/{key.key_id}/")
    assert is_good(ApiKey.objects.get()) is False
    page = soup(admin.get(f"/keys/{key.key_id}/"))
    assert page.select("main form") == []


def test_rotated_key_shows_the_new_token_and_when_the_old_ends(admin: Client) -> None:
    old = create_key(name="app", actor=ROOT, limit_tag="user_1", scope="read")
    answer = admin.post(f"/keys/{old.key.key_id}/rotate/", {"overlap": "86400"})
    new = find_key(token_in(answer))
    left = ApiKey.objects.get(key_id=old.key.key_id)
    assert (new.scope, new.limit_tag, new.expires_at) == ("read", "user_1", None)
    assert is_good(left, timezone.now() + timedelta(hours=23))
    assert not is_good(left, timezone.now() + timedelta(hours=25))


def test_rotating_an_ended_key_is_a_conflict(admin: Client) -> None:
    key = create_key(name="app", actor=ROOT).key
    disable_key(key_id=key.key_id, actor=ROOT)
    answer = admin.post(f"/keys/{key.key_id}/rotate/", {"overlap": "0"})
    assert (answer.status_code, soup(answer).select_one("[role=alert]").get_text()) == (
        409,
        "This key is disabled or has expired. Create a new key instead.",
    )


def test_rotating_for_an_unknown_time_is_refused(admin: Client) -> None:
    key = create_key(name="app", actor=ROOT).key
    assert admin.post(f"/keys/{key.key_id}/rotate/", {"overlap": "5"}).status_code == 422
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("key_id", ["000000000000", "x%00y", "%F0%9F%98%80", "..%2F"])
def test_unknown_key_is_404(admin: Client, key_id: str) -> None:
    answers: list[Any] = [
        admin.get(f"/keys/{key_id}/"),
        admin.post(f"/keys/{key_id}/rotate/", {"overlap": "0"}),
        admin.post(f"/keys/{key_id}/disable/"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3


@pytest.mark.parametrize("rest", ["rotate/", "disable/"])
def test_wrong_method_is_405(admin: Client, rest: str) -> None:
    key = create_key(name="app", actor=ROOT).key
    assert admin.get(f"/keys/{key.key_id}/{rest}").status_code == 405
    assert admin.post(f"/keys/{key.key_id}/").status_code == 405


def test_names_are_shown_as_text(admin: Client) -> None:
    make(admin, name="<b>x</b>\u202e", limit_tag="<i>y</i>", may_tag="<u>*</u>")
    key = ApiKey.objects.get()
    for path in ("/keys/", f"/keys/{key.key_id}/"):
        page = soup(admin.get(path))
        assert page.select("main b, main i, main u") == []
        assert "\u202e" not in page.select_one("main").get_text()


@pytest.mark.parametrize("count", [1, 3])
def test_page_reads_as_often_for_many(
    admin: Client, count: int, django_assert_num_queries: Any
) -> None:
    for number in range(count):
        create_key(name=f"{number}", actor=ROOT, limit_tag=f"user_{number}")
    admin.get("/keys/")
    with django_assert_num_queries(4):  # the session with oneself, the three sorts of keys
        admin.get("/keys/")


def test_a_key_says_what_it_may_write_and_an_old_one_is_flagged(admin: Client) -> None:
    made = make(admin, name="phone", limit_tag="user_1", any_label="on")
    assert "any label" in made.content.decode()
    listed = make(admin, name="bare", limit_tag="user_1")
    assert ">none" in listed.content.decode().replace("\n", "").replace(" ", "")
    assert [key.any_label for key in ApiKey.objects.order_by("id")] == [True, False]
    assert "Can write any label" not in admin.get("/keys/").content.decode()
    ApiKey.objects.filter(name="bare").update(any_label=None)
    assert admin.get("/keys/").content.decode().count("Can write any label") == 1
    key_id = ApiKey.objects.get(name="bare").key_id
    page = admin.get(f"/keys/{key_id}/").content.decode()
    assert "created before keys had to choose this" in page


def test_the_page_offers_to_mark_the_limit_as_a_user_s(admin: Client) -> None:
    agent = make_agent(tags=["my_uuid"])
    assert make(admin, name="phone", limit_tag="my_uuid", names_user="on").status_code == 200
    agent.refresh_from_db()
    assert agent.user_tag_count == 1
    page = admin.get("/tags/one/?name=my_uuid")
    assert "· user tag" in page.content.decode()
    assert soup(page).select_one("#id_user option[selected]")["value"] == "yes"
    refused = make(admin, name="phone", names_user="on")
    assert refused.status_code == 422
    assert "Enter the tag that the key is limited to." in refused.content.decode()
