"""GET /go/ and /go/suggest/: the box of the header."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from agents.views.core import search_box
from tests.helpers import make_agent, make_key_actor, make_user
from tests.views.browsing import is_page, signed_in, soup

pytestmark = pytest.mark.django_db


def leads(text: str) -> str:
    response = signed_in("viewer").get("/go/", {"q": text})
    assert response.status_code == 302
    return response["Location"]


def options(client: Client, text: str) -> list[tuple[str, str, str]]:
    """Name, note and address of each place offered."""
    response = client.get("/go/suggest/", {"q": text, "list": "go-options"})
    assert (response.status_code, is_page(response)) == (200, False)
    return [
        (
            option.select_one(".option-name").get_text(),
            option.select_one(".option-note").get_text(),
            option["data-value"],
        )
        for option in soup(response).select("[role=option]")
    ]


def test_an_id_leads_to_the_agent() -> None:
    agent = make_agent()
    assert leads(f" {agent.public_id} ") == f"/agents/{agent.public_id}/"


@pytest.mark.parametrize("tag", ["vip", "a/b?c#d%", "..", "<script>", " ends ", "line\nbreak"])
def test_a_tag_leads_to_its_page(tag: str) -> None:
    make_agent(tags=[tag])
    parts = urlsplit(leads(tag))
    assert (parts.path, parse_qs(parts.query)) == ("/tags/one/", {"name": [tag]})


def test_a_user_leads_to_their_page() -> None:
    make_agent(tags=["user_1"])
    assert leads("user_1") == "/users/one/?name=user_1"


def test_a_tag_is_found_with_spaces_around_it() -> None:
    make_agent(tags=["user_1"])
    assert leads(" user_1 ") == "/users/one/?name=user_1"


def test_a_name_of_one_agent_leads_to_it() -> None:
    agent = make_agent(name="Nova")
    assert leads("Nova") == f"/agents/{agent.public_id}/"


def test_a_name_of_several_is_a_search() -> None:
    make_agent(name="Nova")
    make_agent(name="Nova")
    assert leads("Nova") == "/agents/?q=Nova"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("no such & thing", "/agents/?q=no+such+%26+thing"),
        ("a\0b", "/agents/?q=a%00b"),
        ("//evil.example", "/agents/?q=%2F%2Fevil.example"),
    ],
)
def test_what_is_no_place_is_a_search(text: str, where: str) -> None:
    make_agent(name="Nova", tags=["user_1"])
    assert leads(text) == where


def test_a_text_of_any_length_is_answered() -> None:
    client = signed_in()
    response = client.get("/go/", {"q": "x" * 5000})
    assert response["Location"] == "/agents/?q=" + "x" * 5000
    assert options(client, "x" * 5000) == []
    assert options(client, "a\0b") == []


def test_agents_users_and_tags_are_offered() -> None:
    agent = make_agent(name="Gold digger", tags=["user_gold", "tier:gold"])
    make_agent(name="Other", tags=["tier:gold"])
    assert options(signed_in("viewer"), "gold") == [
        ("Gold digger", f"agent · {agent.short_id}", f"/agents/{agent.public_id}/"),
        ("tier:gold", "tag · 2 agents", "/tags/one/?name=tier%3Agold"),
        ("user_gold", "user · 1 agent", "/users/one/?name=user_gold"),
    ]


def test_an_agent_is_offered_by_the_beginning_of_its_id() -> None:
    agent = make_agent(name="Nova")
    client = signed_in()
    assert [name for name, _, _ in options(client, agent.public_id[:12])] == ["Nova"]
    assert options(client, "agent-zzz") == []


def test_nothing_typed_offers_pages() -> None:
    make_agent(tags=["user_1"])
    assert {note for _, note, _ in options(signed_in(), "")} == {"page"}


@pytest.mark.parametrize(
    ("role", "typed", "names"),
    [
        ("viewer", "webh", []),
        ("manager", "webh", ["Webhooks", "Add a webhook"]),
        ("admin", "key create", ["Create an API key"]),
        ("editor", "new ag", ["New agent"]),
    ],
)
def test_pages_and_actions_by_role(role: str, typed: str, names: list[str]) -> None:
    assert [name for name, _, _ in options(signed_in(role), typed)] == names


def test_without_script_it_is_a_page_of_all_commands() -> None:
    client = signed_in("admin")
    links = soup(client.get("/go/")).select(".command-list a")
    assert len(links) > 15
    assert {client.get(str(link["href"])).status_code for link in links} == {200}
    assert client.get("/go/", {"q": "api KEYS"})["Location"] == "/keys/"


def test_who_sees_one_user_is_led_nowhere_else() -> None:
    make_agent(name="theirs", tags=["user_2", "secret"])
    foreign = make_agent(name="foreign", tags=["user_2"])
    mine = make_agent(name="mine", tags=["user_1", "own"])
    actor = make_key_actor("user_1")
    for text in ("secret", "user_2", "theirs", foreign.public_id):
        assert (text, search_box._exact(text, actor)) == (text, None)
        assert (text, search_box._agents(text, actor), search_box._tags(text, actor)) == (
            text,
            [],
            [],
        )
    assert search_box._exact("own", actor) == "/tags/one/?name=own"
    assert search_box._exact("mine", actor) == f"/agents/{mine.public_id}/"


@pytest.mark.parametrize("path", ["/go/", "/go/suggest/"])
def test_nobody_is_sent_to_sign_in(path: str) -> None:
    assert Client().get(path)["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("path", ["/go/", "/go/suggest/"])
def test_it_is_read_only(path: str) -> None:
    assert signed_in().post(path).status_code == 405


def test_every_page_has_the_box_as_a_form_of_its_own() -> None:
    form: Any = soup(signed_in().get("/agents/")).select_one("header form#go")
    assert (form["action"], form["method"]) == ("/go/", "get")
    assert form.select_one("[name=q]")["type"] == "text"


def test_a_page_that_a_member_may_not_open_names_who_can_help() -> None:
    make_user("adele", role="admin", first_name="Adele Admin")
    page = signed_in("viewer").get("/keys/")
    assert page.status_code == 403
    assert "ask an admin: Adele Admin." in " ".join(soup(page).get_text().split())
