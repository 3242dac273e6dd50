"""GET /v1/agents/{id}"""

import pytest

from agents.domain.tags.edit import change_tags
from tests.api.calls import NOBODY, call, make_token, wheres
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db


def test_it_works() -> None:
    agent = make_agent(tags=["user_1"], name="Max", system="Be kind.")
    response = call("GET", f"/v1/agents/{agent.public_id}")
    assert response.status_code == 200
    body = response.json()
    assert (body["id"], body["name"], body["tags"]) == (agent.public_id, "Max", ["user_1"])
    assert body["system"] == "Be kind."
    assert body["created_at"] == agent.created_at.isoformat().replace("+00:00", "Z")
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Request-ID"] != ""


def test_the_etag_is_the_same_for_every_include_and_moves_with_the_tags() -> None:
    url = f"/v1/agents/{make_agent(tags=['a']).public_id}"
    first = call("GET", url).headers["ETag"]
    assert call("GET", f"{url}?include=agent.blocks").headers["ETag"] == first
    assert call("GET", url, X_Stainless_Package_Version="1.12.1").headers["ETag"] == first
    change_tags(agent_id=url[11:], add=["b"], actor=ROOT)
    assert call("GET", url).headers["ETag"] != first


def test_unknown_is_404() -> None:
    response = call("GET", f"/v1/agents/{NOBODY}")
    assert response.status_code == 404
    assert response.json() == {
        "detail": f"Agent with ID {NOBODY} not found",
        "code": "not_found",
    }


@pytest.mark.parametrize(
    "bad", ["nope", NOBODY.upper(), NOBODY.replace("-42d3", "-12d3"), f"{NOBODY}%0A", "agent-"]
)
def test_what_is_no_id_is_422(bad: str) -> None:
    assert wheres(call("GET", f"/v1/agents/{bad}")) == [["path", "agent_id"]]


def test_a_stray_slash_answers() -> None:
    agent = make_agent()
    assert call("GET", f"/v1/agents/{agent.public_id}/").json()["id"] == agent.public_id


def test_a_limited_key_gets_404_for_the_agent_of_another() -> None:
    token = make_token(limit_tag="user_1")
    own, other = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    assert call("GET", f"/v1/agents/{own.public_id}", token=token).status_code == 200
    refused = call("GET", f"/v1/agents/{other.public_id}", token=token)
    assert refused.status_code == 404
    assert refused.json() == {
        "detail": f"Agent with ID {other.public_id} not found",
        "code": "not_found",
    }


def test_other_methods_are_405() -> None:
    response = call("PUT", f"/v1/agents/{make_agent().public_id}", {})
    assert (response.status_code, response.json()) == (
        405,
        {"detail": "Method Not Allowed", "code": "method_not_allowed"},
    )
