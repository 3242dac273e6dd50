"""/v1/blocks/, and which agents have them."""

from typing import Any

import pytest
from django.http import HttpResponse

from agents.models import Agent, Block, Change
from tests.api.calls import call, ids, make_token, wheres
from tests.helpers import ROOT, everything, make_agent

pytestmark = pytest.mark.django_db
URL = "/v1/blocks/"
NOBODY = "block-123e4567-e89b-42d3-8456-426614174000"


def make_block(label: str = "notes", **fields: Any) -> str:
    """The id of a new block."""
    response = call("POST", URL, {"label": label, **fields})
    assert response.status_code == 200, response.content
    return response.json()["id"]


def attach(agent: Agent, block_id: str, *, token: str | None = None) -> HttpResponse:
    path = f"/v1/agents/{agent.public_id}/core-memory/blocks/attach/{block_id}"
    return call("PATCH", path, token=token)


def detach(agent: Agent, block_id: str) -> HttpResponse:
    return call("PATCH", f"/v1/agents/{agent.public_id}/core-memory/blocks/detach/{block_id}")


def labels(query: str, *, token: str | None = None) -> list[str]:
    return [block["label"] for block in call("GET", f"{URL}{query}", token=token).json()]


def test_a_block_is_made_read_edited_and_deleted() -> None:
    made = call("POST", URL, {"label": "notes", "value": "v", "limit": 9, "tags": ["t"]}).json()
    assert (made["label"], made["value"], made["limit"], made["tags"]) == ("notes", "v", 9, ["t"])
    one = f"{URL}{made['id']}"
    assert call("GET", one).json() == made
    edit = {"value": "w", "label": "rules", "read_only": True, "hidden": True, "metadata": {"a": 1}}
    edited = call("PATCH", one, edit).json()
    assert edited == made | edit
    assert call("GET", one).json() == edited
    assert call("DELETE", one).status_code == 200
    assert call("GET", one).status_code == call("DELETE", one).status_code == 404


def test_lists_are_filtered_and_paged() -> None:
    a, b, c = make_block("a", value="One"), make_block("b", tags=["x", "y"]), make_block("a")
    assert labels("") == ["a", "b", "a"]
    assert labels("?order=desc&limit=2") == ["a", "b"]
    assert [one["id"] for one in call("GET", f"{URL}?after={a}").json()] == [b, c]
    assert [one["id"] for one in call("GET", f"{URL}?before={c}&limit=1").json()] == [b]
    assert labels(f"?after={c}") == []
    assert labels("?label=a&value_search=ONE") == ["a"]
    assert labels("?tags=x&tags=z") == ["b"]
    assert labels("?tags=x&tags=z&match_all_tags=true") == []
    assert labels("?tags=x&tags=y&match_all_tags=true") == ["b"]
    assert labels("?label_search=B") == ["b"]
    assert labels("?name=a") == labels("?project_id=p") == []
    assert call("GET", f"{URL}count?label=a").json() == 2
    assert call("GET", f"{URL}count?tags=x").json() == 1


def test_blocks_are_found_by_how_many_agents_have_them() -> None:
    shared, alone, own = make_block("s"), make_block("t"), make_block("u")
    for agent in (make_agent(), make_agent()):
        attach(agent, shared)
    attach(Agent.objects.get(seq=Agent.objects.first().seq), own)
    assert labels("?connected_to_agents_count_gt=1") == ["s"]
    assert labels("?connected_to_agents_count_eq=0&connected_to_agents_count_eq=1") == ["t", "u"]
    assert labels("?connected_to_agents_count_lt=1") == ["t"]
    assert alone in str(call("GET", URL).json())


def test_a_shared_block_is_edited_for_all_and_they_move_on() -> None:
    block = make_block(value="v")
    first, second = make_agent(name="Ann"), make_agent(name="Bob")
    for agent in (first, second):
        assert attach(agent, block).json()["blocks"][0]["id"] == block
    etags = [call("GET", f"/v1/agents/{one.public_id}").headers["ETag"] for one in (first, second)]
    assert ids(call("GET", f"{URL}{block}/agents")) == [second.public_id, first.public_id]
    call("PATCH", f"/v1/agents/{first.public_id}/core-memory/blocks/notes", {"value": "w"})
    memory = call("GET", f"/v1/agents/{second.public_id}/core-memory").json()
    assert [one["value"] for one in memory["blocks"]] == ["w"]
    after = [call("GET", f"/v1/agents/{one.public_id}").headers["ETag"] for one in (first, second)]
    assert [old == new for old, new in zip(etags, after, strict=True)] == [False, False]
    changes = Change.objects.filter(field="block notes: value").order_by("id")
    told = list(changes.values_list("agent_name", "old", "new"))
    assert told == [("Ann", "v", "w"), ("Bob", "v", "w")]


def test_attaching_and_detaching_twice_changes_nothing_more() -> None:
    agent, block = make_agent(), make_block()
    attach(agent, block)
    once, told = everything()["Agent"], Change.objects.filter(change_set__act="blocks").count()
    attach(agent, block)
    assert everything()["Agent"] == once
    assert Change.objects.filter(change_set__act="blocks").count() == told
    assert detach(agent, block).json()["blocks"] == []
    gone = everything()["Agent"]
    assert detach(agent, block).status_code == 200
    assert everything()["Agent"] == gone
    assert Block.objects.filter(public_id=block).exists()


def test_labels_are_unique_within_an_agent() -> None:
    agent, one, other, third = make_agent(), make_block("a"), make_block("a"), make_block("b")
    attach(agent, one)
    attach(agent, third)
    assert attach(agent, other).status_code == 409
    assert call("PATCH", f"{URL}{third}", {"label": "a"}).status_code == 409
    body = {"model": "a/b", "block_ids": [one, other]}
    assert call("POST", "/v1/agents/", body).status_code == 422
    assert Agent.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ["body", "label"]),
        ({"label": ""}, ["body", "label"]),
        ({"label": "a" * 257}, ["body", "label"]),
        ({"label": "a\0"}, ["body", "label"]),
        ({"label": "a", "value": 5}, ["body", "value"]),
        ({"label": "a", "value": "xx", "limit": 1}, ["body", "value"]),
        ({"label": "a", "limit": 0}, ["body", "limit"]),
        ({"label": "a", "tags": "x"}, ["body", "tags"]),
        ({"label": "a", "metadata": [1]}, ["body", "metadata"]),
    ],
)
def test_a_wrong_block_is_422_and_changes_nothing(body: Any, where: list[str]) -> None:
    token = make_token()
    call("GET", URL, token=token)
    before = everything()
    assert wheres(call("POST", URL, body, token=token)) == [where]
    assert everything() == before


@pytest.mark.parametrize("query", ["limit=-1", "limit=1001", "order=up", "label=%00",
                                   "connected_to_agents_count_gt=99999999999999999999"])  # fmt: skip
def test_a_wrong_query_is_422(query: str) -> None:
    assert wheres(call("GET", f"{URL}?{query}"))[0][0] == "query"


@pytest.mark.parametrize("block_id", ["x", "block-x", "agent-123e4567-e89b-42d3-8456-426614174000"])
def test_a_wrong_id_is_422_and_an_unknown_one_404(block_id: str) -> None:
    assert wheres(call("GET", f"{URL}{block_id}")) == [["path", "block_id"]]
    assert call("GET", f"{URL}{NOBODY}").status_code == 404
    assert attach(make_agent(), NOBODY).status_code == 404
    assert call("GET", f"{URL}?after={NOBODY}").status_code == 400


def test_a_limited_key_reads_what_its_agents_share_and_writes_only_what_is_its_own() -> None:
    token = make_token(limit_tag="user_1")
    mine, other = make_agent(tags=["user_1"], actor=ROOT), make_agent(tags=["user_2"])
    own, shared, foreign = make_block("own"), make_block("shared"), make_block("foreign")
    for agent, block in ((mine, own), (mine, shared), (other, shared), (other, foreign)):
        attach(agent, block)
    assert labels("", token=token) == ["own", "shared"]
    assert call("GET", f"{URL}count", token=token).json() == 2
    assert labels("?connected_to_agents_count_gt=1", token=token) == []
    assert ids(call("GET", f"{URL}{shared}/agents", token=token)) == [mine.public_id]
    assert call("PATCH", f"{URL}{own}", {"value": "x"}, token=token).status_code == 200
    assert call("PATCH", f"{URL}{shared}", {"value": "x"}, token=token).status_code == 403
    assert call("DELETE", f"{URL}{shared}", token=token).status_code == 403
    assert call("GET", f"{URL}{foreign}", token=token).status_code == 404
    assert attach(mine, foreign, token=token).status_code == 404
    assert call("POST", URL, {"label": "new"}, token=token).status_code == 403
