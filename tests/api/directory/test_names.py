"""GET /v1/tags/"""

import pytest

from tests.api.calls import call, make_token, wheres
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Zoo", "a_b", "tier:gold", "user_1", "user_2", "Ünï"]),
        ("?name=USER", ["user_1", "user_2"]),
        ("?query_text=uni", ["Ünï"]),
        ("?name=_", ["a_b", "user_1", "user_2"]),
        ("?name=none", []),
        ("?name=%25%25%25", []),
        ("?name=%22%22%22", []),
        ("?limit=2", ["Zoo", "a_b"]),
        ("?limit=0", ["Zoo", "a_b", "tier:gold", "user_1", "user_2", "Ünï"]),
        ("?after=tier:gold&limit=2", ["user_1", "user_2"]),
        ("?after=tier:h&limit=1", ["user_1"]),
        ("?before=user_1&limit=2", ["a_b", "tier:gold"]),
        ("?after=a_b&before=user_2", ["tier:gold", "user_1"]),
        ("?after=Zoo&before=user_2&limit=1", ["a_b"]),
        ("?after=Ünï&before=a_b&order=desc&limit=2", ["user_2", "user_1"]),
        ("?after=user_1&before=a_b", []),
        ("?order=desc&limit=2", ["Ünï", "user_2"]),
        ("?order=desc&after=user_1&limit=2", ["tier:gold", "a_b"]),
        ("?order=desc&before=a_b&limit=2", ["user_1", "tier:gold"]),
    ],
)
def test_it_works(query: str, expected: list[str]) -> None:
    make_agent(tags=["user_1", "tier:gold", "Zoo"])
    make_agent(tags=["user_2", "tier:gold", "Ünï", "a_b"])
    response = call("GET", f"/v1/tags/{query}")
    assert (response.status_code, response.json()) == (200, expected)


def test_fifty_come_without_a_limit() -> None:
    make_agent(tags=[f"t{n:02}" for n in range(60)])
    assert call("GET", "/v1/tags").json() == [f"t{n:02}" for n in range(50)]


def test_a_tag_leaves_with_its_last_agent() -> None:
    agent = make_agent(tags=["a", "b"])
    call("PATCH", f"/v1/agents/{agent.public_id}", {"tags": ["b"]})
    assert call("GET", "/v1/tags/").json() == ["b"]


def test_a_limited_key_sees_the_tags_of_its_own_agents() -> None:
    make_agent(tags=["user_1", "a"])
    make_agent(tags=["user_2", "b"])
    token = make_token(limit_tag="user_1")
    assert call("GET", "/v1/tags/", token=token).json() == ["a", "user_1"]
    assert call("GET", "/v1/tags/?name=user", token=token).json() == ["user_1"]


def test_each_page_with_a_next_one_links_to_it() -> None:
    make_agent(tags=[f"t&{n}" for n in range(5)])
    link = call("GET", "/v1/tags/?limit=2&name=t").headers["Link"]
    assert link == '<http://testserver/v1/tags/?limit=2&name=t&after=t%261>; rel="next"'
    assert "Link" not in call("GET", "/v1/tags/?limit=2&after=t%262").headers
    assert "after=t%261" in call("GET", "/v1/tags/?limit=1&before=t%262").headers["Link"]


@pytest.mark.parametrize(
    "query", ["order_by=count", "limit=-1", "limit=1001", "limit=x", "order=up", "name=%00"]
)
def test_a_wrong_parameter_is_422(query: str) -> None:
    assert wheres(call("GET", f"/v1/tags/?{query}")) == [["query", query.split("=")[0]]]
