"""Every page that has a next one links to it, also in lists of ADE's own."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from agents.models import Scope
from tests.api.calls import call, make_token
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db


def followed(path: str, token: str, items: Callable[[Any], list[Any]]) -> list[Any]:
    """The items of a page and of all pages that its links lead to."""
    found: list[Any] = []
    while path:
        answer = call("GET", path, token=token)
        assert answer.status_code == 200, answer.content
        assert items(answer.json()), "a link leads to an empty page"
        found += items(answer.json())
        link = re.fullmatch(
            r'<http://testserver(/[^>]+)>; rel="next"', answer.headers.get("Link", "")
        )
        path = link[1] if link else ""
    return found


def plain(answer: Any) -> list[Any]:
    return list(answer)


def test_keys() -> None:
    token = make_token(scope=Scope.MANAGE)
    for number in range(3):
        body = {"name": f"k{number}", "limit_tag": "user_1"}
        assert call("POST", "/v1/keys/", body, token=token).status_code == 200
    names = [key["name"] for key in followed("/v1/keys/?limit=2", token, plain)]
    assert names == ["k2", "k1", "k0"]


def test_blocks_of_an_agent() -> None:
    token = make_token()
    blocks = [{"label": f"b{n}"} for n in range(5)]
    agent = call(
        "POST", "/v1/agents/", {"model": "a/b", "memory_blocks": blocks}, token=token
    ).json()
    url, ids = f"/v1/agents/{agent['id']}/core-memory/blocks", [b["id"] for b in agent["blocks"]]
    found = followed(f"{url}?limit=2", token, plain)
    assert [block["id"] for block in found] == ids
    between = followed(f"{url}?limit=1&after={ids[0]}&before={ids[3]}", token, plain)
    assert [block["id"] for block in between] == ids[1:3]
    rest = followed(f"{url}?limit=2&before={ids[3]}", token, plain)
    assert [block["id"] for block in rest] == ids[1:]
    assert "Link" not in call("GET", url, token=token).headers


def test_history_and_a_change_set() -> None:
    token = make_token(scope=Scope.MANAGE)
    for number in range(3):
        make_agent(tags=[f"t{number}"])
    whole = call("GET", "/v1/history/", token=token).json()["history"]
    found = followed("/v1/history/?limit=2", token, lambda answer: list(answer["history"]))
    assert [one["id"] for one in found] == [one["id"] for one in whole]


def test_bulk_changes() -> None:
    token = make_token(scope=Scope.MANAGE)
    for number in range(3):
        make_agent(tags=["a"])
        body = {"op": "add", "filter": {"tags": ["a"]}, "add": [f"new{number}"]}
        plan = call("POST", "/v1/bulk/", body, token=token)
        assert plan.status_code == 200, plan.content
    assert len(followed("/v1/bulk/?limit=1", token, plain)) == 3
