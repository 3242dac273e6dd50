"""/v1/identities/, and the agents that belong to them."""

from typing import Any

import pytest

from agents.core.filters import AgentFilter
from agents.models import AgentIdentity, Change, Identity
from agents.queries.agents import capped_count, count
from tests.api.calls import SEED, call, ids, make_token, wheres
from tests.helpers import ROOT, everything, make_agent

pytestmark = pytest.mark.django_db
URL = "/v1/identities/"
ANN = {"identifier_key": "crm-7", "name": "Ann", "identity_type": "user"}
NOBODY = "identity-123e4567-e89b-42d3-8456-426614174000"


def make_identity(**fields: Any) -> str:
    """The id of a new identity."""
    response = call("POST", URL, ANN | fields)
    assert response.status_code == 200, response.content
    return response.json()["id"]


def keys(query: str) -> list[str]:
    return [one["identifier_key"] for one in call("GET", f"{URL}{query}").json()]


def test_an_identity_is_made_read_edited_and_deleted() -> None:
    properties = [{"key": "plan", "value": {"a": 1}, "type": "json"}]
    made = call("POST", URL, ANN | {"properties": properties}).json()
    assert made == ANN | {
        "id": made["id"],
        "project_id": None,
        "agent_ids": [],
        "block_ids": [],
        "organization_id": None,
        "properties": properties,
    }
    one = f"{URL}{made['id']}"
    assert call("GET", one).json() == made
    assert call("PATCH", one, {"name": "Ann2"}).json() == made | {"name": "Ann2"}
    more = [{"key": "age", "value": 7, "type": "number"}]
    assert call("PUT", f"{one}/properties", more).json()["properties"] == properties + more
    gone = call("DELETE", one)
    assert (gone.status_code, gone.content) == (200, b"null")
    assert call("GET", one).status_code == 404


def test_a_taken_key_is_409_and_put_takes_it() -> None:
    first = make_identity()
    assert call("POST", URL, ANN).status_code == 409
    assert call("PUT", URL, ANN | {"name": "New"}).json()["id"] == first
    assert call("GET", f"{URL}{first}").json()["name"] == "New"
    other = make_identity(identifier_key="crm-8")
    assert call("PATCH", f"{URL}{other}", {"identifier_key": "crm-7"}).status_code == 409
    assert call("PUT", URL, ANN | {"identifier_key": "crm-9"}).status_code == 200
    assert keys("?order=asc") == ["crm-7", "crm-8", "crm-9"]


def test_lists_are_filtered_and_paged() -> None:
    a = make_identity(identifier_key="a", name="Ann")
    b = make_identity(identifier_key="b", name="Bob", identity_type="org")
    assert keys("") == ["b", "a"]
    assert keys(f"?after={b}") == keys("?name=ANN") == keys("?identifier_key=a") == ["a"]
    assert keys(f"?before={a}&limit=1") == keys("?identity_type=org") == ["b"]
    assert call("GET", f"{URL}count").json() == 2
    assert call("GET", f"{URL}?after={NOBODY}").status_code == 400


def test_agents_are_found_by_identity() -> None:
    one, other = make_identity(), make_identity(identifier_key="crm-8")
    agent = call("POST", "/v1/agents/", SEED | {"identity_ids": [one]}).json()
    make_agent()
    assert (agent["identity_ids"], agent["identities"][0]["name"]) == ([one], "Ann")
    for query in (f"identity_id={one}", "identifier_keys=crm-7&identifier_keys=x"):
        assert ids(call("GET", f"/v1/agents/?{query}")) == [agent["id"]]
        assert call("GET", f"/v1/agents/count?{query}").json() == 1
    assert ids(call("GET", f"/v1/agents/?identity_id={other}")) == []
    assert ids(call("GET", f"/v1/agents/?identity_id={one}&identifier_keys=crm-8")) == []
    assert ids(call("GET", f"{URL}{one}/agents")) == [agent["id"]]
    assert call("GET", f"{URL}{one}/blocks").json() == []
    small = call("GET", f"/v1/agents/{agent['id']}?include=agent.tags").json()
    assert (small["identity_ids"], small["identities"]) == ([one], [])


@pytest.mark.parametrize("tags", [[], ["rare"], ["rare", "huge"]])
def test_an_identity_and_tags_are_both_asked(tags: list[str]) -> None:
    one = make_identity()
    both = make_agent(tags=["rare", "huge"], identity_ids=[one])
    make_agent(tags=["huge"], identity_ids=[one] if not tags else [])
    make_agent(tags=["rare"])
    wanted = AgentFilter(all=tuple(tags), identities=(one,))
    expected = 2 if not tags else 1
    assert count(wanted, actor=ROOT) == capped_count(wanted, actor=ROOT).n == expected
    query = "&".join(f"tags={tag}" for tag in tags)
    found = ids(call("GET", f"/v1/agents/?identity_id={one}&match_all_tags=1&{query}"))
    assert (len(found), found[-1]) == (expected, both.public_id)


def test_identities_are_attached_replaced_and_detached() -> None:
    agent, one, other = make_agent(), make_identity(), make_identity(identifier_key="crm-8")
    url = f"/v1/agents/{agent.public_id}"
    assert call("PATCH", f"{url}/identities/attach/{one}").json()["identity_ids"] == [one]
    assert call("PATCH", url, {"identity_ids": [other]}).json()["identity_ids"] == [other]
    assert [found["id"] for found in call("GET", f"{url}/identities").json()] == [other]
    version = make_version(agent.seq)
    assert call("PATCH", url, {"identity_ids": [other]}).status_code == 200
    assert make_version(agent.seq) == version
    assert call("PATCH", f"{url}/identities/detach/{other}").json()["identity_ids"] == []
    told = list(Change.objects.filter(field="identities").order_by("id").values_list("old", "new"))
    assert told == [(None, "crm-7"), ("crm-7", "crm-8"), ("crm-8", None)]


def make_version(seq: int) -> int:
    return next(row[10] for row in everything()["Agent"] if row[0] == seq)


def test_agents_named_with_an_identity_get_it_and_lose_it() -> None:
    first, second = make_agent(), make_agent()
    one = make_identity(agent_ids=[first.public_id])
    call("PATCH", f"{URL}{one}", {"agent_ids": [second.public_id]})
    assert list(AgentIdentity.objects.values_list("agent_id", flat=True)) == [second.seq]
    gone = "agent-123e4567-e89b-42d3-8456-426614174000"
    assert call("PATCH", f"{URL}{one}", {"agent_ids": [gone]}).status_code == 404
    call("DELETE", f"{URL}{one}")
    assert not AgentIdentity.objects.exists()
    assert call("GET", f"/v1/agents/{second.public_id}").json()["identity_ids"] == []


def test_an_agent_with_an_identity_is_deleted() -> None:
    agent = make_agent(identity_ids=[make_identity()])
    assert call("DELETE", f"/v1/agents/{agent.public_id}").status_code == 200
    assert (AgentIdentity.objects.count(), Identity.objects.count()) == (0, 1)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"identifier_key": ""}, ["body", "identifier_key"]),
        ({"identifier_key": "x" * 513}, ["body", "identifier_key"]),
        ({"identifier_key": "\0"}, ["body", "identifier_key"]),
        ({"name": " "}, ["body", "name"]),
        ({"identity_type": "cat"}, ["body", "identity_type"]),
        ({"agent_ids": ["\0"]}, ["body", "agent_ids"]),
        ({"agent_ids": ["a"] * 1001}, ["body", "agent_ids"]),
    ],
)
def test_a_wrong_identity_is_422_and_changes_nothing(fields: Any, where: list[str]) -> None:
    token = make_token()
    call("GET", URL, token=token)
    before = everything()
    assert wheres(call("POST", URL, ANN | fields, token=token)) == [where]
    assert everything() == before


def test_a_limited_key_knows_of_no_identity() -> None:
    token = make_token(limit_tag="user_1")
    one = make_identity()
    agent = make_agent(tags=["user_1"], identity_ids=[one])
    url = f"/v1/agents/{agent.public_id}"
    assert call("GET", URL, token=token).json() == []
    assert call("GET", f"{URL}count", token=token).json() == 0
    assert call("GET", f"{URL}{one}", token=token).status_code == 404
    assert call("POST", URL, ANN | {"identifier_key": "x"}, token=token).status_code == 403
    seen = call("GET", url, token=token).json()
    assert (seen["identity_ids"], seen["identities"]) == ([], [])
    assert call("GET", f"{url}/identities", token=token).json() == []
    assert ids(call("GET", f"/v1/agents/?identity_id={one}", token=token)) == []
    assert call("GET", "/v1/agents/count?identifier_keys=crm-7", token=token).json() == 0
    # It writes back what it read, and that takes nothing off.
    assert call("PATCH", url, {"identity_ids": []}, token=token).status_code == 200
    assert call("GET", url).json()["identity_ids"] == [one]
    body = SEED | {"identity_ids": [one]}
    assert call("POST", "/v1/agents/", body, token=token).status_code == 404
