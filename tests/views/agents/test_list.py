"""GET /agents/: the list, its filter, its pages, and what it says when it is empty."""

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents
from agents.queries.core import bounds
from tests.helpers import ROOT, make_agent
from tests.queries.test_address import ODD_TAGS
from tests.views.browsing import HX, chips_in, is_page, signed_in, soup, text_at

pytestmark = pytest.mark.django_db


def names(response: Any) -> list[str]:
    """The names of the agents listed."""
    return [link.get_text() for link in soup(response).select(".row-agent > a")]


def notices(response: Any) -> list[str]:
    return [one.get_text() for one in soup(response).select(".list-head .message")]


def tokens(response: Any) -> list[str]:
    return [" ".join(one.get_text().split()) for one in soup(response).select(".token-text")]


def href(response: Any, text: str) -> str:
    """Where the one link of this text leads."""
    (link,) = [a for a in soup(response).select("main a") if a.get_text().strip() == text]
    return str(link["href"])


def follow(client: Client, response: Any, text: str) -> Any:
    return client.get(f"/agents/{href(response, text)}")


def make_named(count: int, **fields: Any) -> list[str]:
    """Agents named n000, n001, ...; their names, newest first."""
    spec = {"model": "m/1", "tags": ["t"], **fields}
    create_agents([NewAgent(name=f"n{i:03}", **spec) for i in range(count)], actor=ROOT)
    return [f"n{i:03}" for i in reversed(range(count))]


def test_it_works() -> None:
    make_agent(name="Bob", tags=["user_1", "vip"], model="openai/gpt-4.1")
    response = signed_in("viewer").get("/agents/")
    assert response.status_code == 200
    assert names(response) == ["Bob"]
    assert chips_in(response, ".row-owner") == ["user_1"]
    assert chips_in(response, ".row-tags") == ["vip"]
    assert text_at(response, ".row-model") == "openai/gpt-4.1"
    assert text_at(response, ".row-time time") == "now"
    assert text_at(response, ".list-sentence") == "Agents: 1"
    assert response["Vary"] == "HX-Request, Cookie, Accept-Encoding"


def test_list_for_htmx_is_the_results_and_their_address() -> None:
    make_agent(name="Bob", tags=["vip"])
    response = signed_in().get("/agents/?tag=&how=all&q=bo&sort=-created&all=vip", headers=HX)
    assert not is_page(response)
    assert names(response) == ["Bob"]
    assert text_at(response, "#list-status") == "1 agent."
    assert response["HX-Push-Url"] == "/agents/?all=vip&q=bo"
    assert response["Vary"] == "HX-Request, Cookie, Accept-Encoding"


def test_list_restored_by_htmx_is_a_page() -> None:
    headers = {**HX, "HX-History-Restore-Request": "true"}
    response = signed_in().get("/agents/", headers=headers)
    assert is_page(response)
    assert text_at(response, "#list-status") == ""


def test_list_is_for_members_of_staff() -> None:
    response = Client().get("/agents/?q=x")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=%2Fagents%2F%3Fq%3Dx"


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_list_is_read_only(method: str) -> None:
    assert getattr(signed_in(), method)("/agents/").status_code == 405


@pytest.mark.parametrize(
    ("query", "found", "sentence"),
    [
        ("all=a", ["ab", "a"], "Agents with a: 2"),
        ("any=a&any=c", ["c", "ab", "a"], "Agents with any of a, c: 3"),
        ("all=a&all=b", ["ab"], "Agents with all of a, b: 1"),
        ("none=a", ["none", "c"], "Agents without a: 2"),
        ("none=a&none=c", ["none"], "Agents without any of a, c: 1"),
        ("all=a&none=b", ["a"], "Agents with a and not b: 1"),
        ("any=a&any=c&none=b&none=d", ["c", "a"], "Agents with any of a, c and none of b, d: 2"),
        ("any=a&any=c&all=b", ["ab"], "Agents with b and any of a, c: 1"),
        ("untagged=1", ["none"], "Agents without tags: 1"),
        ("q=AB", ["ab"], "Agents whose name holds AB: 1"),
        ("model=m/2", ["c"], "Agents on m/2: 1"),
        ("model=m/1&model=m/2&q=a", ["ab", "a"], "Agents on any of m/1, m/2 whose name holds a: 2"),
        ("tags=a&tags=b", ["ab", "a"], "Agents with any of a, b: 2"),
        ("tags=a&tags=b&match_all_tags=true", ["ab"], "Agents with all of a, b: 1"),
        ("sort=name", ["a", "ab", "c", "none"], "Agents: 4"),
    ],
)
def test_filter_shows_what_it_asks_for_and_says_so(
    query: str, found: list[str], sentence: str
) -> None:
    make_agent(name="a", tags=["a"], model="m/1")
    make_agent(name="ab", tags=["a", "b"], model="m/1")
    make_agent(name="c", tags=["c"], model="m/2")
    make_agent(name="none", tags=[], model="m/1")
    response = signed_in().get(f"/agents/?{query}")
    assert names(response) == found
    assert text_at(response, ".list-sentence") == sentence


def test_users_are_filters_too() -> None:
    make_agent(name="none", tags=["vip"])
    make_agent(name="one", tags=["user_1"])
    make_agent(name="two", tags=["user_1", "user_2"])
    client = signed_in()
    assert names(client.get("/agents/?userless=1")) == ["none"]
    assert names(client.get("/agents/?two_users=1")) == ["two"]
    assert tokens(client.get("/agents/?two_users=1")) == ["with two or more users"]


def test_search_finds_an_agent_by_its_whole_id() -> None:
    agent = make_agent(name="Bob")
    make_agent(name="Other")
    response = signed_in().get(f"/agents/?q={agent.public_id}")
    assert names(response) == ["Bob"]
    assert soup(response).select_one("#filter-q")["value"] == agent.public_id


def test_form_shows_the_state() -> None:
    make_agent(model="m/1")
    page = soup(signed_in().get("/agents/?q=bob&model=m/1&sort=name&untagged=1&size=25"))
    assert page.select_one("#filter-q")["value"] == "bob"
    assert page.select_one("#filter-model [selected]")["value"] == "m/1"
    assert page.select_one("#filter-sort [selected]")["value"] == "name"
    assert page.select_one("#filter-untagged").has_attr("checked")
    assert page.select_one("input[form=filter][name=size]")["value"] == "25"


def test_several_models_are_tokens() -> None:
    make_agent(name="one", model="m/1")
    make_agent(name="two", model="m/2")
    response = signed_in().get("/agents/?model=m/1&model=m/2")
    assert names(response) == ["two", "one"]
    assert tokens(response) == ["model m/1", "model m/2"]


def test_models_in_use_are_offered() -> None:
    for model in ("m/2", "m/1", "m/2"):
        make_agent(model=model)
    page = soup(signed_in().get("/agents/"))
    assert [one["value"] for one in page.select("#filter-model option")] == ["", "m/1", "m/2"]


def test_typed_tag_becomes_a_part_of_the_address() -> None:
    response = signed_in().get("/agents/?all=a&tag=b&how=none&q=&sort=-created")
    assert response.status_code == 302
    assert response["Location"] == "/agents/?all=a&none=b"


def test_typed_tag_that_is_refused_stands_in_the_field_again() -> None:
    long = "x" * 513
    response = signed_in().get(f"/agents/?all=a&tag={long}&how=all")
    assert response.status_code == 200
    assert notices(response) == [
        f"The tag “{'x' * 59}…” is 513 characters; the limit is 512, so it is ignored."
    ]
    assert soup(response).select_one("#filter-tag")["value"] == long
    assert tokens(response) == ["a"]


@pytest.mark.parametrize("tag", ODD_TAGS)
def test_every_legal_tag_can_be_linked_filtered_by_and_removed(tag: str) -> None:
    make_agent(name="with", tags=[tag, "vip"])
    make_agent(name="without", tags=["vip"])
    client = signed_in()
    (link,) = [
        chip["href"]
        for chip in soup(client.get("/agents/?all=vip")).select(".rows .chip")
        if parse_qsl(urlsplit(chip["href"]).query) == [("all", "vip"), ("all", tag)]
    ]
    narrowed = client.get(f"/agents/{link}")
    assert names(narrowed) == ["with"]
    page = soup(narrowed)
    sent = [one["value"] for one in page.select(".token input[name=all]")]
    assert sent == ["vip", tag]
    removal = page.select(".token-remove")[1]["href"]
    assert removal == "?all=vip"
    assert names(client.get(f"/agents/{removal}")) == ["without", "with"]
    without = client.get(f"/agents/?{urlencode({'none': tag})}")
    assert names(without) == ["without"]


def test_markup_in_names_and_tags_is_text() -> None:
    evil = "<script>alert(1)</script>"
    make_agent(name=evil, tags=[evil], model="m/1")
    response = signed_in().get(f"/agents/?all={quote(evil)}&q={quote(evil)}")
    assert names(response) == [evil]
    assert b"<script>alert" not in response.content


@pytest.mark.parametrize(
    ("query", "notice"),
    [
        ("sort=x", "sort=x is unknown, so it is ignored."),
        ("size=7", "size=7 is unknown, so it is ignored."),
        ("any=%00", "The tag “⟨U+0000⟩” contains a NUL character, so it is ignored."),
        ("q=%00", "The search contains a NUL character, so it is ignored."),
        ("untagged=x", "untagged=x is neither yes (1) nor no (0), so it is ignored."),
        ("after=x", "This link's position in the list cannot be read. This is the first page."),
    ],
)
def test_bad_value_gives_a_notice_and_the_rest_applies(query: str, notice: str) -> None:
    make_agent(name="good", tags=["good"])
    make_agent(name="other")
    response = signed_in().get(f"/agents/?all=good&{query}")
    assert response.status_code == 200
    assert notices(response) == [notice]
    assert names(response) == ["good"]


@pytest.mark.parametrize(
    "sort", ["", "-created", "created", "-updated", "updated", "name", "-name"]
)
def test_paging_shows_each_agent_once_and_leads_back(sort: str) -> None:
    expected = make_named(60)
    if sort in ("created", "updated", "name"):
        expected.reverse()
    client = signed_in()
    first = client.get(f"/agents/?all=t&size=25&sort={sort}")
    second = follow(client, first, "Older →")
    third = follow(client, second, "Older →")
    assert names(first) + names(second) + names(third) == expected
    assert soup(third).select("[rel=next]") == []
    assert soup(first).select("[rel=prev]") == []
    assert names(follow(client, third, "← Newer")) == names(second)
    assert text_at(second, ".list-sentence") == "Agents with t: 60"


def test_page_past_the_end_leads_to_the_first() -> None:
    expected = make_named(26)
    client = signed_in()
    first = client.get("/agents/?size=25")
    last = follow(client, first, "Older →")
    cursor = dict(parse_qsl(urlsplit(href(last, "← Newer")).query))["before"]
    beyond = client.get(f"/agents/?size=25&after={cursor}")
    assert text_at(beyond, ".list-empty h2") == "No more agents here"
    assert names(follow(client, beyond, "Go to the first page")) == expected[:25]


def test_page_cut_short_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BUDGETS", (5, 5, 10))
    monkeypatch.setattr(bounds, "GLANCED", 10)
    make_agent(name="deep", tags=["t", "u"])
    make_named(40)
    make_named(40, tags=["u"])
    client = signed_in()
    response = client.get("/agents/?all=t&all=u")
    assert names(response) == []
    assert text_at(response, ".list-note") == (
        "Looked through 20 agents so far, and none of them matches."
        " Continue with older ones, or narrow the filter."
    )
    assert text_at(response, ".list-sentence .count") == "0+"
    for _ in range(3):
        if names(response):
            break
        response = follow(client, response, "Continue")
    assert names(response) == ["deep"]


def test_tags_beyond_the_first_few_open_on_request() -> None:
    make_agent(tags=[f"t{i}" for i in range(11)])
    page = soup(signed_in().get("/agents/"))
    assert page.select_one(".more-tags summary").get_text() == "+7 more tags"
    assert len(page.select(".row-tags > .chips > .chip")) == 4
    assert len(page.select(".more-tags .chip")) == 7


@pytest.mark.parametrize("query", ["", "all=t", "all=t&none=x&q=n", "sort=name&all=t"])
def test_queries_do_not_grow_with_the_rows(query: str) -> None:
    client = signed_in()
    client.get("/agents/")  # notes that the session is used
    counts = []
    for more in (1, 2, 47, 60):
        create_agents(
            [NewAgent(model=f"m/{i % 3}", name="n", tags=["t", f"x{i}"]) for i in range(more)],
            actor=ROOT,
        )
        with CaptureQueriesContext(connection) as queries:
            response = client.get(f"/agents/?{query}&size=50")
        counts.append((len(names(response)), len(queries)))
    shown, sql = zip(*counts, strict=True)
    assert shown == (1, 3, 50, 50)
    # A list of one page is counted by reading it; a longer one takes up to three statements more.
    assert sql[0] == sql[1] == sql[2]
    assert sql[3] - sql[0] <= 4


def test_empty_console_says_how_to_begin() -> None:
    response = signed_in().get("/agents/")
    assert text_at(response, ".list-empty h2") == "No agents yet"
    commands = [one.get_text().split()[0] for one in soup(response).select(".list-empty pre")]
    assert commands == ["curl", "python"]


def test_empty_list_counts_what_each_part_costs() -> None:
    make_agent(name="Bob", tags=["a"])
    make_agent(name="Eve", tags=["b"])
    response = signed_in().get("/agents/?all=a&none=b&q=Eve")
    assert text_at(response, ".list-empty h2") == "No agent matches"
    ways = [" ".join(one.get_text().split()) for one in soup(response).select(".ways li")]
    assert ways == [
        "Leave out a: 0 agents",
        "Leave out not b: 0 agents",
        "Leave out search Eve: 1 agent",
    ]
    links = [one["href"] for one in soup(response).select(".ways a")]
    assert links == ["?none=b&q=Eve", "?all=a&q=Eve", "?all=a&none=b"]


def test_unknown_tag_gets_the_nearest_spellings() -> None:
    make_agent(name="Bob", tags=["user_1"])
    make_agent(tags=["user_2"])
    client = signed_in()
    response = client.get("/agents/?all=User-01")
    assert text_at(response, ".list-empty p") == (
        "No agent carries User-01. Did you mean user_1 (1), user_2 (1)?"
    )
    assert names(follow(client, response, "user_1")) == ["Bob"]


def test_untagged_list_may_be_empty() -> None:
    make_agent(tags=["a"])
    response = signed_in().get("/agents/?untagged=1")
    assert text_at(response, ".list-sentence") == "Agents without tags: 0"
    ways = [" ".join(one.get_text().split()) for one in soup(response).select(".ways li")]
    assert ways == ["Leave out without tags: 1 agent"]


def test_any_and_all_change_places_together() -> None:
    make_agent(name="a", tags=["a"])
    make_agent(name="ab", tags=["a", "b"])
    client = signed_in()
    response = client.get("/agents/?all=a&all=b&none=c")
    assert tokens(response) == ["all a", "all b", "not c"]
    other = follow(client, response, "Match any of them")
    assert names(other) == ["ab", "a"]
    assert names(follow(client, other, "Match all of them")) == ["ab"]


def test_name_with_marks_stays_inside_its_label() -> None:
    make_agent(name='Marks \u202e "reversed"')
    page = soup(signed_in("manager").get("/agents/"))
    (box,) = page.select(".pick[name=agent]")
    assert box["aria-label"] == 'Select Marks ⟨U+202E⟩ "reversed"'
    page = soup(signed_in().get("/agents/?q=Marks&none=a%E2%80%AEb"))
    labels = [one["aria-label"] for one in page.select(".token-remove")]
    assert labels == ["Remove filter not a⟨U+202E⟩b"]
