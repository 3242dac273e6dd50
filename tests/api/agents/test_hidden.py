"""Hidden agents and blocks are in lists and counts only where they are asked for."""

from typing import Any
from urllib.parse import urlencode

import pytest

from agents.models import Agent
from tests.api.calls import call, ids, make_token
from tests.views.browsing import signed_in

pytestmark = pytest.mark.django_db

NEW = {"model": "openai/gpt-4.1", "embedding": None}


def make(**fields: Any) -> str:
    response = call("POST", "/v1/agents/", NEW | fields)
    assert response.status_code == 200, response.content
    return str(response.json()["id"])


def found(token: str = "", **query: Any) -> list[str]:
    token = token or make_token()
    text = urlencode(query, doseq=True)
    listed = ids(call("GET", f"/v1/agents/?{text}", token=token))
    assert call("GET", f"/v1/agents/count?{text}", token=token).json() == len(listed)
    return listed


FILTERS: list[dict[str, Any]] = [
    {"tags": "user_hid"},
    {"tags": ["user_hid", "other"]},
    {"tags": ["user_hid", "role:subagent"], "match_all_tags": "true"},
    {"exclude_tags": "other"},
    {"name": "x"},
    {"query_text": "x"},
    {"model": "openai/gpt-4.1"},
    {"order": "asc"},
    {"order_by": "updated_at"},
    {},
]


@pytest.mark.parametrize("query", FILTERS)
def test_lists_and_counts_leave_out_hidden_agents(query: dict[str, Any]) -> None:
    tags = ["user_hid", "role:subagent"]
    for _ in range(3):
        make(name="x", tags=tags, hidden=True)
    shown = {make(name="x", tags=tags), make(name="x", tags=tags, hidden=False)}
    limited = make_token(limit_tag="user_hid")
    for token in (make_token(), limited):
        assert set(found(token, **query)) == shown
        assert len(found(token, **query, show_hidden_agents="true")) == 5
        assert len(found(token, **query, show_hidden_agents="false")) == 2


def test_an_agent_can_be_hidden_and_shown_again() -> None:
    agent = make(tags=["a"])
    for hidden in (True, False):
        call("PATCH", f"/v1/agents/{agent}", {"hidden": hidden})
        assert found(tags="a") == ([] if hidden else [agent])
        assert call("GET", f"/v1/agents/{agent}").json()["hidden"] is hidden
    call("PATCH", f"/v1/agents/{agent}", {"hidden": True, "tags": ["b"]})
    call("PATCH", f"/v1/agents/{agent}", {"name": "still hidden"})
    assert found(tags="b") == []
    assert Agent.objects.filter(hidden=True).count() == 1


def test_lists_of_a_block_and_of_an_identity_leave_them_out() -> None:
    block = call("POST", "/v1/blocks/", {"label": "a"}).json()["id"]
    body = {"identifier_key": "k", "name": "n", "identity_type": "user"}
    identity = call("POST", "/v1/identities/", body).json()["id"]
    links = {"block_ids": [block], "identity_ids": [identity]}
    make(hidden=True, **links)
    shown = make(**links)
    for url in (f"/v1/blocks/{block}/agents", f"/v1/identities/{identity}/agents"):
        assert ids(call("GET", url)) == [shown]
        assert len(ids(call("GET", f"{url}?show_hidden_agents=true"))) == 2


def test_hidden_blocks_are_left_out() -> None:
    for hidden in (None, True, False):
        call("POST", "/v1/blocks/", {"label": "a", "tags": ['"hidden":true'], "hidden": hidden})
    for query, number in (("", 2), ("label=a", 2), ("show_hidden_blocks=true", 3)):
        assert len(call("GET", f"/v1/blocks/?{query}").json()) == number
        assert call("GET", f"/v1/blocks/count?{query}").json() == number


def test_a_bulk_change_takes_what_the_list_shows() -> None:
    hidden, shown = make(tags=["a"], hidden=True), make(tags=["a"])
    token = make_token(scope="manage")

    def planned(**body: Any) -> list[str]:
        request = {"op": "add", "add": ["new"], "filter": {"tags": ["a"]}} | body
        plan = call("POST", "/v1/bulk/", request, token=token).json()
        return [sample["agent_id"] for sample in plan["sample"]]

    assert planned() == [shown]
    assert set(planned(filter={"tags": ["a"], "show_hidden_agents": True})) == {hidden, shown}
    assert planned(agent_ids=[hidden]) == [hidden]


def test_the_console_shows_them_on_request() -> None:
    client = signed_in()
    hidden, shown = make(name="hidden one", tags=["a"], hidden=True), make(tags=["a"])
    for query in ("?any=a", "?", "?q=one"):
        page = client.get(f"/agents/{query}").content.decode()
        assert hidden not in page
        assert (shown in page) is not query.startswith("?q=")
        assert hidden in client.get(f"/agents/{query}&show_hidden=1").content.decode()
    assert hidden in client.get(f"/agents/?q={hidden}").content.decode()
