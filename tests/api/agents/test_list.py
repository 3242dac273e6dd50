"""GET /v1/agents/"""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from agents.domain.agents.write import delete_agent
from agents.models import Agent
from tests.api.calls import NOBODY, call, ids, make_token, wheres
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db


def get(token: str = "", **query: Any) -> HttpResponse:
    path = f"/v1/agents/?{urlencode(query, doseq=True)}"
    return call("GET", path, token=token or make_token())


def make_agents(*tag_lists: list[str]) -> list[Agent]:
    """Agents, oldest first, named by their number."""
    return [make_agent(tags=tags, name=f"Agent {n}") for n, tags in enumerate(tag_lists)]


def names(response: HttpResponse) -> list[str]:
    assert response.status_code == 200, response.content
    return [agent["name"].removeprefix("Agent ") for agent in response.json()]


def test_it_works() -> None:
    old, new = make_agents(["user_1"], ["user_1", "vip"])
    response = get(tags="user_1")
    assert ids(response) == [new.public_id, old.public_id]
    assert [agent["tags"] for agent in response.json()] == [["user_1", "vip"], ["user_1"]]


def test_nothing_is_an_empty_array() -> None:
    assert get().content == b"[]"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "43210"),
        ({"tags": "a"}, "4310"),
        ({"tags": ["a", "b"]}, "43210"),
        ({"tags": ["a", "b"], "match_all_tags": "true"}, "31"),
        ({"tags": ["a", "b"], "match_all_tags": "on"}, "31"),
        ({"tags": ["a", "b"], "match_all_tags": "0"}, "43210"),
        ({"tags": ["a", "a"], "match_all_tags": "1"}, "4310"),
        ({"tags": ["a", "none"], "match_all_tags": "true"}, ""),
        ({"tags": "a,b"}, ""),
        ({"tags": "A"}, ""),
        ({"exclude_tags": "a"}, "2"),
        ({"tags": "a", "exclude_tags": ["b", "none"]}, "40"),
        ({"untagged": "true"}, ""),
        ({"name": "Agent 3"}, "3"),
        ({"name": "agent 3"}, ""),
        ({"query_text": "AGENT"}, "43210"),
        ({"query_text": "t 4"}, "4"),
        ({"query_text": "a"}, "43210"),
        ({"query_text": "user"}, ""),
        ({"model": "letta/letta-free"}, "43210"),
        ({"model": ["x/y", "letta/letta-free"], "tags": "b"}, "321"),
        ({"model": "x/y"}, ""),
        ({"order": "asc"}, "01234"),
        ({"order_by": "last_run_completion"}, "43210"),
        ({"limit": "2"}, "43"),
        ({"limit": "0"}, "43210"),
        ({"tags": "a", "ascending": "true", "sort_by": "x", "foo": "1"}, "4310"),
        ({"ascending": "true", "sort_by": "created_at"}, "43210"),
        ({"tags[]": "a"}, "4310"),
        ({"tag": "a"}, "4310"),
        ({"Tags": ["a", "b"], "matchAllTags": "true"}, "31"),
        ({"tags": "b", "tags[0]": "a"}, "43210"),
        ({"exclude_tag": "a"}, "2"),
        ({"excludeTags[]": "a"}, "2"),
        ({"exclude-tags": "a"}, "2"),
        ({"models": "x/y"}, ""),
        ({"last_stop_reason": "error"}, ""),
        ({"identity_id": "identity-1"}, ""),
        ({"project_id": "p"}, ""),
    ],
)
def test_a_filter_finds_what_fits(query: dict[str, Any], expected: str) -> None:
    make_agents(["a"], ["a", "b"], ["b"], ["a", "b"], ["a"])
    assert "".join(names(get(**query))) == expected


def test_untagged_finds_agents_without_tags() -> None:
    make_agents([], ["a"])
    assert names(get(untagged="true")) == ["0"]


def test_order_by_updated_at_follows_edits() -> None:
    first, *_ = make_agents([], [], [])
    call("PATCH", f"/v1/agents/{first.public_id}", {"description": "new"})
    assert names(get(order_by="updated_at")) == ["0", "2", "1"]
    assert names(get(order_by="updated_at", order="asc")) == ["1", "2", "0"]


@pytest.mark.parametrize(
    "query", [{}, {"order": "asc"}, {"tags": "a"}, {"tags": ["a", "b"]}, {"order_by": "updated_at"}]
)
def test_pages_after_and_before_cover_the_list_once(query: dict[str, Any]) -> None:
    make_agents(["a"], ["a", "b"], ["b"], ["a", "b"], ["a"], ["b"], ["a"])
    token = make_token()
    whole = ids(get(token, **query))
    page, pages = ids(get(token, limit=2, **query)), []
    while page:
        pages += page
        page = ids(get(token, limit=2, after=page[-1], **query))
    assert pages == whole
    assert ids(get(token, limit=2, before=whole[-1], **query)) == whole[-3:-1]
    assert ids(get(token, limit=2, before=whole[0], **query)) == []


def test_a_page_goes_on_from_the_place_of_a_deleted_agent() -> None:
    agents = make_agents([], [], [], [])
    delete_agent(agent_id=agents[2].public_id, actor=ROOT)
    assert names(get(after=agents[2].public_id)) == ["1", "0"]
    assert names(get(before=agents[2].public_id)) == ["3"]


@pytest.mark.parametrize("cursor", [NOBODY, "nope"])
@pytest.mark.parametrize("name", ["after", "before"])
def test_a_cursor_that_never_was_is_400(name: str, cursor: str) -> None:
    assert get(**{name: cursor}).status_code == 400


@pytest.mark.parametrize(
    "query", [{}, {"order": "asc"}, {"tags": "a"}, {"tags": ["a", "b"]}, {"order_by": "updated_at"}]
)
def test_after_with_before_gives_the_rows_between(query: dict[str, Any]) -> None:
    make_agents(["a"], ["a", "b"], ["b"], ["a", "b"], ["a"], ["b"], ["a"])
    token = make_token()
    whole = ids(get(token, **query))
    first, last = whole[0], whole[-1]
    between = get(token, after=first, before=last, **query)
    assert ids(between) == whole[1:-1]
    assert "Link" not in between.headers
    assert ids(get(token, after=last, before=first, **query)) == []
    assert ids(get(token, after=first, before=first, **query)) == []
    page = get(token, after=first, before=last, limit=2, **query)
    assert ids(page) == whole[1:3]
    assert followed(page, token) == whole[1:-1]


@pytest.mark.parametrize("query", [{}, {"tags": "a"}, {"exclude_tags": "a", "order": "asc"}])
def test_each_page_with_a_next_one_links_to_it(query: dict[str, Any]) -> None:
    make_agents(["a"], ["a", "b"], ["b"], ["a", "b"], ["a"], ["b"], ["a"], ["b"])
    token = make_token()
    whole = ids(get(token, **query))
    assert followed(get(token, limit=2, **query), token) == whole
    assert followed(get(token, limit=1, before=whole[-1], **query), token) == whole[-2:]
    assert "Link" not in get(token, limit=len(whole), **query).headers


def followed(response: HttpResponse, token: str) -> list[str]:
    """The ids of a page and of all pages that its links lead to."""
    found = ids(response)
    while link := response.headers.get("Link"):
        address = re.fullmatch(r'<http://testserver(/[^>]+)>; rel="next"', link)
        assert address, link
        response = call("GET", address[1], token=token)
        assert ids(response), "a link leads to an empty page"
        found += ids(response)
    return found


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"limit": "abc"}, ["query", "limit"]),
        ({"limit": "-1"}, ["query", "limit"]),
        ({"limit": "1001"}, ["query", "limit"]),
        ({"order": "up"}, ["query", "order"]),
        ({"order_by": "name"}, ["query", "order_by"]),
        ({"match_all_tags": "maybe"}, ["query", "match_all_tags"]),
        ({"include": "tags"}, ["query", "include", 0]),
        ({"tags": "a\0"}, ["query", "tags"]),
        ({"tags": [str(n) for n in range(51)]}, ["query", "tags"]),
        ({"query_text": "x" * 257}, ["query", "query_text"]),
        ({"tgas": "a"}, ["query", "tgas"]),
        ({"user_tag": "a"}, ["query", "user_tag"]),
        ({"tags": "a", "exclude_tgas": "b"}, ["query", "exclude_tgas"]),
        ({"foo": "1"}, ["query", "foo"]),
        ({"owner": "user_1", "limit": "5"}, ["query", "owner"]),
    ],
)
def test_a_wrong_parameter_is_422_where_it_is(query: dict[str, Any], where: list[Any]) -> None:
    assert wheres(get(**query)) == [where]


def test_blocks_come_unless_an_sdk_does_not_ask() -> None:
    body = {"model": "a/b", "memory_blocks": [{"label": "human"}], "tags": ["t"]}
    call("POST", "/v1/agents/", body)

    def labels(query: str = "", **headers: str) -> list[str]:
        (agent,) = call("GET", f"/v1/agents/{query}", **headers).json()
        assert agent["tags"] == ["t"]
        return [block["label"] for block in agent["blocks"]]

    sdk = {"X_Stainless_Package_Version": "1.12.1"}
    assert labels() == ["human"]
    assert labels("?include=agent.tags") == []
    assert labels("?include=agent.blocks") == ["human"]
    assert labels("?include_relationships=blocks") == ["human"]
    assert labels("?include_relationships=bogus") == []
    assert labels(**sdk) == []
    assert labels("?include=agent.tags&include=agent.blocks", **sdk) == ["human"]


def test_both_slash_forms_answer_directly() -> None:
    make_agents(["a"], [])
    assert names(call("GET", "/v1/agents?tags=a")) == ["0"]


def test_three_agents_take_as_many_queries_as_one() -> None:
    token = make_token()
    make_agents(["a", "b"])
    get(token)  # the key's first use is written

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            get(token, tags="a")
        return len(captured)

    one = queries()
    make_agents(["a"], ["a", "c"])
    assert queries() == one


def test_a_limited_key_lists_its_own() -> None:
    own, other = make_agents(["user_1", "x"], ["user_2", "x"])
    token = make_token(limit_tag="user_1")
    assert ids(get(token)) == [own.public_id]
    assert ids(get(token, tags="x")) == [own.public_id]
    assert ids(get(token, tags="user_2")) == []
    assert get(token, after=other.public_id).status_code == 400
