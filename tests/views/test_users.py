"""GET /users/, GET and POST /users/one/, GET and POST /users/offboard/."""

import hashlib
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from agents.domain.directory.rename import describe_tag
from agents.domain.upkeep import directory
from agents.domain.users import move
from agents.models import Agent, ChangeSet, Offboarding, Tag, TagUse
from agents.views.users import pages
from tests.helpers import ROOT, everything, make_agent, tags_of
from tests.views.browsing import HX, form_at, is_page, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def names(response: object, selector: str = ".dir tbody th bdi") -> list[str]:
    return [one.get_text() for one in soup(response).select(selector)]


def test_it_works() -> None:
    make_agent(tags=["user_2", "user_1"])
    make_agent(tags=["user_2", "vip"])
    make_agent()
    response = signed_in("viewer").get("/users/")
    assert names(response) == ["user_1", "user_2"]
    assert text_at(response, ".page-head .muted") == (
        "2 users · 1 agent without a user · 1 with two or more"
    )
    assert [row.get_text() for row in soup(response).select("td time")] == ["now", "now"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=1", ["user:1", "user_1", "user_12"]),
        ("?q=user_1", ["user_1", "user_12"]),
        ("?q=us", ["user:1", "user_1", "user_2", "user_12"]),
        ("?q=USER_1", ["user_1", "user_12"]),
        ("?q=vip", []),
        ("?q=%00", ["user:1", "user_1", "user_2", "user_12"]),
        ("?sort=use", ["user_12", "user:1", "user_1", "user_2"]),
    ],
)
def test_users_are_searched_by_the_beginning(query: str, expected: list[str]) -> None:
    make_agent(tags=["user_1", "user_12", "user:1", "user_2", "vip"])
    make_agent(tags=["user_12"])
    assert names(signed_in().get(f"/users/{query}")) == expected


@pytest.mark.parametrize("query", ["sort=use", "sort=name", "q=0"])
def test_pages_show_each_user_once_and_lead_back(query: str) -> None:
    for number in range(60):
        make_agent(tags=[f"user_0{number:03}", f"user:0{number:03}"])
    client, pages, link = signed_in(), [], f"?{query}"
    while link:
        response = client.get(f"/users/{link}")
        pages.append(names(response))
        after = soup(response).select("a[rel=next]")
        back = soup(response).select("a[rel=prev]")
        link = after[0]["href"] if after else ""
    shown = [name for page in pages for name in page]
    assert (len(set(shown)), [len(page) for page in pages]) == (120, [50, 50, 20])
    assert names(client.get(f"/users/{back[0]['href']}")) == pages[1]


@pytest.mark.parametrize("size", [2, 50])
def test_users_are_sorted_by_their_last_change_and_use(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_SIZE", size)
    now = timezone.now()
    for number in range(1, 6):
        agent = make_agent(tags=[f"user_{number}", "vip"])
        minutes = timedelta(minutes=number % 3 * 10 + number)
        Agent.objects.filter(seq=agent.seq).update(updated_at=now - minutes)
    for name, minutes in (("user_4", 1), ("vip", 2), ("user_2", 3)):
        tag = Tag.objects.get(name=name)
        TagUse.objects.create(tag_id=tag.id, used_at=now - timedelta(minutes=minutes))
    client = signed_in()
    assert "The worker has not read" in text_at(client.get("/users/?sort=changed"), ".dir-empty")
    while directory.note_changed():
        pass
    shown, link = [], "?sort=changed"
    while link:
        response = client.get(f"/users/{link}")
        shown += names(response)
        after = soup(response).select("a[rel=next]")
        link = after[0]["href"] if after else ""
    assert shown == ["user_3", "user_1", "user_4", "user_2", "user_5"]
    assert directory.all_changes_noted()
    assert names(client.get("/users/?sort=used")) == ["user_4", "user_2"]


def test_fragment_and_queries() -> None:
    client, counts = signed_in(), []
    for size in (1, 3):
        make_agent(tags=[f"user_{size}{number}" for number in range(size)])
        assert not is_page(client.get("/users/", headers=HX))
        with CaptureQueriesContext(connection) as queries:
            client.get("/users/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_one_user() -> None:
    make_agent(name="Ada", tags=["user_1", "user_2"])
    make_agent(name="Bea", tags=["user_1"], model="a/b")
    make_agent(tags=["user_01"])
    response = signed_in("viewer").get("/users/one/?name=user_1")
    assert response.status_code == 200
    assert names(response, ".row-agent > a") == ["Bea", "Ada"]
    messages = [" ".join(one.get_text().split()) for one in soup(response).select(".message")]
    assert messages == [
        "1 of its agents also belongs to another user.",
        "Looks like user_01 (user) (1).",
    ]
    (call, _, _) = [one.get_text() for one in soup(response).select("pre code")]
    assert call == (
        'curl "http://testserver/v1/agents/?tags=user_1" -H "Authorization: Bearer $ADE_KEY"'
    )
    assert (
        soup(response).select("main form[method=post]:not(.menu-panel, [action='/tags/watch/'])")
        == []
    )


def test_list_of_a_user_has_the_tools_of_the_list_and_keeps_to_the_user() -> None:
    make_agent(name="Ada", tags=["user_1", "vip"])
    make_agent(name="Bea", tags=["user_1"])
    make_agent(name="Cem", tags=["user_2", "vip"])
    client = signed_in("manager")
    page = client.get("/users/one/?name=user_1&all=vip")
    assert names(page, ".row-agent > a") == ["Ada"]
    assert text_at(page, ".list-sentence") == "Agents with all of user_1, vip: 1"
    links = {a.get_text(): a["href"] for a in soup(page).select("#results a[href]")}
    assert links["×"] == "?name=user_1"
    assert links["Clear all filters"] == "/users/one/?name=user_1"
    assert links["vip"] == "?name=user_1&all=vip&all=vip"
    assert links["Save as a view"] == "/views/new/?all=user_1&all=vip"
    assert links["Export CSV"] == "/agents/export.csv?all=user_1&all=vip"
    form = form_at(page, "#filter") | {"tag": "vip", "how": "none"}
    response = client.get("/users/one/", form | {"all": ""}, follow=True)
    assert response.redirect_chain == [("/users/one/?name=user_1&none=vip", 302)]
    assert names(response, ".row-agent > a") == ["Bea"]


def test_list_of_a_user_as_fragment() -> None:
    make_agent(tags=["user_1"])
    response = signed_in().get("/users/one/?name=user_1&q=x", headers=HX)
    assert not is_page(response)
    assert response.headers["HX-Push-Url"] == "/users/one/?name=user_1&q=x"
    assert text_at(response, ".list-empty h2") == "No agent matches"


def test_agents_are_picked_on_the_page_of_a_user() -> None:
    agent, client = make_agent(name="Ada", tags=["user_1"]), signed_in("manager")
    form = form_at(client.get("/users/one/?name=user_1&q=a"), "#bulk")
    back = client.post("/bulk/selection/", form | {"agent": agent.public_id, "q": "a"})
    assert back.headers["Location"] == "/users/one/?name=user_1&q=a"
    on = client.post("/bulk/selection/", form | {"agent": agent.public_id, "act": "add"})
    assert on.headers["Location"] == "/bulk/new/?all=user_1&q=a&op=add"
    assert text_at(client.get("/agents/?all=user_1&q=a"), ".bulk-said") == "1 selected."


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("all=user_1", "name=user_1"),
        ("any=user_1&any=b", "name=user_1&any=user_1&any=b"),
        ("sort=name&size=25", "name=user_1&sort=name&size=25"),
    ],
)
def test_user_stands_in_the_address_once(query: str, kept: str) -> None:
    make_agent(tags=["user_1"])
    response = signed_in().get(f"/users/one/?name=user_1&{query}", headers=HX)
    assert response.headers["HX-Push-Url"] == f"/users/one/?{kept}"


def test_row_editor_closes_to_chips_of_the_user() -> None:
    agent = make_agent(tags=["user_1", "vip"])
    url = "http://testserver/users/one/?name=user_1&q=a"
    headers = {**HX, "HX-Current-URL": url}
    response = signed_in().get(f"/agents/{agent.public_id}/tags/row/", headers=headers)
    links = [chip["href"] for chip in soup(response).select(".chip")]
    assert links == ["?name=user_1&q=a&all=vip"]


@pytest.mark.parametrize("name", ['a"b', "$(x)", "a'b`c", "a b&c", "ü\n"])
def test_calls_quote_the_tag(name: str) -> None:
    make_agent(tags=[name])
    response = signed_in().get("/users/one/", {"name": name})
    curl, python, _ = [one.get_text() for one in soup(response).select("pre code")]
    assert not set("$`'\n") & set(curl.partition("tags=")[2].partition('"')[0])
    listed = python.rpartition("tags=[")[2].rpartition("]")[0]
    assert eval(listed) == name


def test_unknown_user_is_404_with_look_alikes() -> None:
    make_agent(tags=["user_01", "User_1"])
    response = signed_in().get("/users/one/?name=user_1")
    assert response.status_code == 404
    assert text_at(response, "h1") == "No agent carries user_1"
    assert names(response, "main .chip bdi") == ["User_1", "user_01"]
    assert signed_in("viewer").get("/users/one/").status_code == 404


def test_assign_by_ids() -> None:
    agent, client = make_agent(), signed_in()
    make_agent(tags=["user_1"])
    response = client.post("/users/one/", {"name": "user_1", "agents": f" {agent.public_id}\r\n"})
    assert response.headers["Location"] == "/users/one/?name=user_1"
    assert tags_of(agent) == ["user_1"]


@pytest.mark.parametrize("ids", ["", "agent-0", "x\x00"])
def test_assign_refused_keeps_what_was_typed(ids: str) -> None:
    make_agent(tags=["user_1"])
    before = everything()
    response = signed_in().post("/users/one/", {"name": "user_1", "agents": ids})
    assert (response.status_code, everything() == before) == (422, True)
    assert len(soup(response).select("#id_agents_error")) == 1
    assert text_at(response, "textarea") == ids.replace("\x00", "\ufffd")


def planned(client: object, path: str) -> dict[str, str]:
    """What the form of a plan sends."""
    form = soup(client.get(path)).select("main form[method=post]")[0]
    return {one["name"]: one.get("value", "") for one in form.select("input[name]")}


@pytest.mark.parametrize(("how", "left"), [("tag", 2), ("agents", 1)])
def test_offboarding_by_plan(how: str, left: int) -> None:
    make_agent(tags=["user_1"])
    make_agent(tags=["user_1", "user_2"])
    client = signed_in("manager")
    form = planned(client, f"/users/offboard/?name=user_1&how={how}") | {"typed": "user_1"}
    response = client.post("/users/offboard/", form)
    newest = ChangeSet.objects.latest("id")
    row = Offboarding.objects.get()
    assert response.headers["Location"] == f"/users/receipts/{row.id}/"
    page = client.get(response.headers["Location"])
    assert "Everything was read back and is as planned." in text_at(page, ".message")
    file = client.get(f"/users/receipts/{row.id}/receipt.json")
    assert hashlib.sha256(file.content).hexdigest() == row.digest
    assert "off-boarding-user_1-" in file.headers["Content-Disposition"]
    assert (Agent.objects.count(), Tag.objects.filter(name="user_1").count()) == (left, 0)
    receipt = client.get(f"/history/{newest.id}/receipt.csv")
    lines = b"".join(receipt.streaming_content).decode("utf-8-sig").splitlines()
    assert len({line.partition(",")[0] for line in lines[1:]} - {""}) == 2


def test_offboarding_asks_how_and_takes_the_name_typed() -> None:
    make_agent(tags=["user_1"])
    client = signed_in("manager")
    assert soup(client.get("/users/offboard/?name=user_1")).select(".impact") == []
    form = planned(client, "/users/offboard/?name=user_1&how=tag")
    before = everything()
    assert client.post("/users/offboard/", form | {"typed": "user_2"}).status_code == 422
    make_agent(tags=["user_1"])
    before = everything()
    response = client.post("/users/offboard/", form | {"typed": "user_1"})
    assert (response.status_code, everything() == before) == (409, True)


def test_a_user_has_a_name_a_note_and_a_link_and_a_former_one_says_where_the_agents_went(
    settings: Settings,
) -> None:
    settings.USER_LINK = "https://crm.example.com/{id}"
    agent, client = make_agent(tags=["user_7/a"]), signed_in("manager")
    describe_tag(name="user_7/a", display_name="Ann Example", description="VIP", actor=ROOT)
    page = client.get("/users/one/", {"name": "user_7/a"})
    assert "Ann Example" in text_at(page, "h1")
    assert "VIP" in text_at(page, "section[aria-labelledby=facts-h]")
    assert "https://crm.example.com/7%2Fa" in page.content.decode()
    assert "Ann Example" in text_at(client.get(f"/agents/{agent.public_id}/"), ".agent-facts")
    make_agent(tags=["user_2"])
    move(name="user_7/a", to="user_2", actor=ROOT)
    gone = client.get("/users/one/", {"name": "user_7/a"})
    assert "Its agents went to user_2" in text_at(gone, "main section")
    move(name="user_2", to="user_3", actor=ROOT)
    assert "went to user_3" in text_at(client.get("/users/one/?name=user_2"), "main section")
