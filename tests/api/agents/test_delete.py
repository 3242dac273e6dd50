"""DELETE /v1/agents/{id}"""

import pytest

from agents.models import Agent
from tests.api.calls import call, make_token, wheres
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db


def test_it_works_once() -> None:
    agent = make_agent(tags=["a"])
    url = f"/v1/agents/{agent.public_id}"
    response = call("DELETE", url)
    assert response.status_code == 200
    assert response.json() == {"message": f"Agent id={agent.public_id} successfully deleted"}
    assert call("DELETE", url).status_code == 404
    assert call("GET", url).status_code == 404
    assert call("GET", "/v1/tags/").json() == []


def test_if_match_is_heeded() -> None:
    url = f"/v1/agents/{make_agent().public_id}"
    etag = call("GET", url).headers["ETag"]
    assert call("DELETE", url, If_Match='"other"').status_code == 412
    assert call("DELETE", url, If_Match=etag).status_code == 200


def test_a_stray_slash_deletes_nothing() -> None:
    url = f"/v1/agents/{make_agent().public_id}"
    assert call("DELETE", f"{url}/").status_code == 404
    assert call("DELETE", f"{url}/tags/").status_code == 404
    assert Agent.objects.count() == 1


def test_what_is_no_id_is_422() -> None:
    assert wheres(call("DELETE", "/v1/agents/nope")) == [["path", "agent_id"]]


def test_a_limited_key_cannot_delete_the_agent_of_another() -> None:
    other = make_agent(tags=["user_2"])
    token = make_token(limit_tag="user_1")
    assert call("DELETE", f"/v1/agents/{other.public_id}", token=token).status_code == 404
    assert Agent.objects.count() == 1
