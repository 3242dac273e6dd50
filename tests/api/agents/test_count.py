"""GET /v1/agents/count"""

import pytest

from tests.api.calls import call, make_token, wheres
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db
URL = "/v1/agents/count"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 3),
        ("?tags=a", 2),
        ("?tags=a&tags=b", 3),
        ("?tags=a&tags=b&match_all_tags=true", 1),
        ("?tags=none", 0),
        ("?exclude_tags=a", 1),
        ("?untagged=true", 0),
        ("?query_text=MAX", 3),
        ("?model=x/y", 0),
        ("?project_id=p", 0),
    ],
)
def test_it_works(query: str, expected: int) -> None:
    for tags in (["a"], ["a", "b"], ["b"]):
        make_agent(tags=tags, name="Max")
    response = call("GET", URL + query)
    assert (response.status_code, response.content) == (200, str(expected).encode())


def test_a_wrong_parameter_is_422() -> None:
    assert wheres(call("GET", f"{URL}?match_all_tags=maybe")) == [["query", "match_all_tags"]]


def test_a_limited_key_counts_its_own() -> None:
    make_agent(tags=["user_1"])
    make_agent(tags=["user_2"])
    assert call("GET", URL, token=make_token(limit_tag="user_1")).json() == 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_other_methods_are_405(method: str) -> None:
    response = call(method, URL, {})
    assert response.status_code == 405
    assert response.json() == {"detail": "Method Not Allowed", "code": "method_not_allowed"}
    assert response.headers["Allow"] == "GET"
