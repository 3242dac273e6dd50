"""POST /v1/agents/{id}/tags"""

from typing import Any

import pytest

from agents.models import ChangeSet
from tests.api.calls import NOBODY, call, make_token, wheres
from tests.helpers import make_agent, tags_of

pytestmark = pytest.mark.django_db


def test_it_works() -> None:
    agent = make_agent(tags=["a", "b"])
    url = f"/v1/agents/{agent.public_id}"
    response = call("POST", f"{url}/tags", {"add": ["c"], "remove": ["a"]})
    assert (response.status_code, response.json()) == (200, {"tags": ["b", "c"]})
    assert tags_of(agent) == ["b", "c"]
    assert response.headers["ETag"] == call("GET", url).headers["ETag"]


def test_the_same_again_changes_nothing() -> None:
    agent = make_agent(tags=["a"])
    url = f"/v1/agents/{agent.public_id}/tags"
    first = call("POST", url, {"add": ["b"], "remove": ["c"]})
    recorded = ChangeSet.objects.filter(act="tags").count()
    second = call("POST", url, {"add": ["b"], "remove": ["c"]})
    assert second.json() == first.json() == {"tags": ["a", "b"]}
    assert second.headers["ETag"] == first.headers["ETag"]
    assert ChangeSet.objects.filter(act="tags").count() == recorded == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"add": "x"}, ["body", "add"]),
        ({"add": [1]}, ["body", "add", 0]),
        ({"add": [""]}, ["body", "add"]),
        ({"remove": ["\u0000"]}, ["body", "remove"]),
        ({"add": ["x"], "remove": ["x"]}, ["body", "add"]),
        ({"tags": ["x"]}, ["body", "tags"]),
        ({"Tag": ["x"]}, ["body", "Tag"]),
        ({"Add": ["x"]}, ["body", "Add"]),
        ({"added": ["x"]}, ["body", "added"]),
        ({"add": [], "delete": ["a"]}, ["body", "delete"]),
        ([], ["body"]),
    ],
)
def test_a_wrong_value_is_422_and_changes_nothing(body: Any, where: list[Any]) -> None:
    agent = make_agent(tags=["a"])
    assert wheres(call("POST", f"/v1/agents/{agent.public_id}/tags", body)) == [where]
    assert tags_of(agent) == ["a"]


def test_if_match_is_heeded() -> None:
    url = f"/v1/agents/{make_agent().public_id}/tags"
    assert call("POST", url, {"add": ["x"]}, If_Match='"other"').status_code == 412


def test_unknown_is_404() -> None:
    assert call("POST", f"/v1/agents/{NOBODY}/tags", {"add": ["x"]}).status_code == 404


def test_a_limited_key_adds_no_other_user() -> None:
    agent, token = make_agent(tags=["user_1"]), make_token(limit_tag="user_1", may_tag=["vip"])
    url = f"/v1/agents/{agent.public_id}/tags"
    assert call("POST", url, {"add": ["vip"]}, token=token).status_code == 200
    refused = call("POST", url, {"add": ["user_2"]}, token=token)
    assert refused.status_code == 403
    assert refused.json() == {
        "code": "forbidden",
        "detail": "API key “app” may not add user_2: its rights do not include this tag.",
    }
    assert call("POST", url, {"remove": ["user_1"]}, token=token).status_code == 403
    assert tags_of(agent) == ["user_1", "vip"]


def test_what_an_edit_does_not_know_is_named() -> None:
    url = f"/v1/agents/{make_agent().public_id}/tags"
    answer = call("POST", url, {"add": ["x"], "colour": "red", "delete": None})
    assert (answer.json(), answer.headers["X-ADE-Not-Kept"]) == ({"tags": ["x"]}, "colour")
    assert call("POST", url, {}).json() == {"tags": ["x"]}
