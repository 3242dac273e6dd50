"""PATCH /v1/agents/{id}"""

from typing import Any

import pytest

from agents.models import ChangeSet
from tests.api.calls import NOBODY, call, make_token, wheres
from tests.helpers import everything, make_agent, tags_of

pytestmark = pytest.mark.django_db


def test_tags_are_the_whole_new_set() -> None:
    agent = make_agent(tags=["a", "b"])
    url = f"/v1/agents/{agent.public_id}"
    assert call("PATCH", url, {"tags": ["c", "b", "c"]}).json()["tags"] == ["b", "c"]
    assert tags_of(agent) == ["b", "c"]
    assert call("PATCH", url, {"tags": []}).json()["tags"] == []
    assert tags_of(agent) == []


@pytest.mark.parametrize("body", [{"tags": None}, {}, {"name": None}])
def test_null_and_absent_leave(body: dict[str, Any]) -> None:
    agent = make_agent(tags=["a"], name="Max")
    token = make_token()
    call("GET", "/v1/agents/", token=token)  # its first use is written
    before = everything()
    answer = call("PATCH", f"/v1/agents/{agent.public_id}", body, token=token).json()
    assert (answer["tags"], answer["name"]) == (["a"], "Max")
    assert everything() == before


def test_fields_are_set_and_updated_at_moves() -> None:
    agent = make_agent(name="Max")
    url = f"/v1/agents/{agent.public_id}"
    before = call("GET", url).json()
    body = {
        "name": "Moritz",
        "description": "d",
        "system": "s",
        "model": "a/b",
        "embedding": "c/d",
        "context_window_limit": 5000,
        "metadata": {"k": 1},
        "timezone": "Europe/Berlin",
    }
    after = call("PATCH", url, body).json()
    assert after["llm_config"]["context_window"] == 5000
    assert {name: after[name] for name in body if name != "context_window_limit"} == {
        name: value for name, value in body.items() if name != "context_window_limit"
    }
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]


def test_llm_is_another_name_for_model() -> None:
    agent = make_agent()
    answer = call("PATCH", f"/v1/agents/{agent.public_id}", {"llm": "x/y"}).json()
    assert answer["model"] == "x/y"


def test_of_two_with_one_etag_the_second_gets_412() -> None:
    agent = make_agent(tags=["a"])
    url = f"/v1/agents/{agent.public_id}"
    etag = call("GET", url).headers["ETag"]
    first = call("PATCH", url, {"tags": ["b"]}, If_Match=etag)
    second = call("PATCH", url, {"tags": ["c"]}, If_Match=etag)
    assert (first.status_code, second.status_code) == (200, 412)
    assert tags_of(agent) == ["b"]
    third = call("PATCH", url, {"tags": ["c"]}, If_Match=first.headers["ETag"])
    assert third.status_code == 200
    assert call("PATCH", url, {"tags": ["d"]}, If_Match="*").status_code == 200


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"tags": "a"}, ["body", "tags"]),
        ({"tags": ["ok", ""]}, ["body", "tags"]),
        ({"name": ""}, ["body", "name"]),
        ({"embedding": "ada"}, ["body", "embedding"]),
        ([], ["body"]),
        (None, ["body"]),
        (b"{", ["body"]),
    ],
)
def test_a_wrong_value_is_422_and_changes_nothing(body: Any, where: list[Any]) -> None:
    agent = make_agent(tags=["a"])
    before = ChangeSet.objects.count()
    token = make_token()
    response = call("PATCH", f"/v1/agents/{agent.public_id}", body, token=token)
    assert wheres(response) == [where]
    assert tags_of(agent) == ["a"]
    assert ChangeSet.objects.exclude(act="key").count() == before


def test_unknown_is_404_and_no_id_is_422() -> None:
    assert call("PATCH", f"/v1/agents/{NOBODY}", {"tags": ["a"]}).status_code == 404
    assert wheres(call("PATCH", "/v1/agents/nope", {"tags": ["a"]})) == [["path", "agent_id"]]


def test_a_limited_key_keeps_its_tag_on() -> None:
    agent, token = (
        make_agent(tags=["user_1", "a"]),
        make_token(limit_tag="user_1", may_tag=["a", "b"]),
    )
    url = f"/v1/agents/{agent.public_id}"
    assert call("PATCH", url, {"tags": ["user_1", "b"]}, token=token).status_code == 200
    assert call("PATCH", url, {"tags": ["b"]}, token=token).status_code == 403
    assert call("PATCH", url, {"tags": ["user_1", "user_2"]}, token=token).status_code == 403
    assert tags_of(agent) == ["b", "user_1"]


def test_a_read_key_changes_nothing() -> None:
    agent = make_agent(tags=["a"])
    token = make_token(scope="read")
    response = call("PATCH", f"/v1/agents/{agent.public_id}", {"tags": []}, token=token)
    assert response.status_code == 403
    assert tags_of(agent) == ["a"]
