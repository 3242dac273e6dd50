"""POST /v1/access/check: may this key do this with this agent?"""

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.core.actors import command_actor
from agents.domain.keys import disable_key
from agents.domain.tags.edit import change_tags
from agents.models import ApiKey
from tests.api.calls import NOBODY, call, make_token, wheres
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db

RIGHTS = ("read_agent", "write_agent", "read_messages", "write_messages")
URL = "/v1/access/check"


def asked(key: str, *agents: str, right: str = "read_messages", **more: str) -> list[str]:
    """The reasons that a batch about these agents gets."""
    checks = [{"agent_id": agent, "right": right} for agent in agents]
    response = call("POST", URL, {"checks": checks, **more}, token=key)
    assert response.status_code == 200, response.content
    results = response.json()["results"]
    assert [found["allowed"] for found in results] == [
        found["because"] == "allowed" for found in results
    ]
    return [found["because"] for found in results]


def narrowed(token: str, rights: str) -> str:
    """The token, after its key was narrowed to these rights (JSON)."""
    ApiKey.objects.filter(key_id=token.split("_")[1]).update(rights=rights)
    return token


def test_it_works() -> None:
    own = make_agent(tags=["user_1"])
    token = make_token(limit_tag="user_1")
    response = call("POST", URL, {"agent_id": own.public_id, "right": "write_agent"}, token=token)
    key = ApiKey.objects.get()
    assert response.json() == {
        "caller": f"key:{key.key_id}",
        "allowed": True,
        "because": "allowed",
    }


def test_a_foreign_agent_is_answered_as_one_that_does_not_exist() -> None:
    own, foreign = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    token = make_token(limit_tag="user_1")
    found = asked(token, own.public_id, foreign.public_id, NOBODY, "a\0b", "")
    assert found == ["allowed", *["unknown_agent"] * 4]


@pytest.mark.parametrize(
    ("scope", "rights", "has"),
    [
        ("read", None, ("read_agent", "read_messages")),
        ("write", None, RIGHTS),
        ("manage", None, RIGHTS),
        ("write", '["write_messages"]', ("write_messages",)),
        ("read", '["write_agent", "read_agent", "other"]', ("read_agent",)),
        ("write", "[]", ()),
    ],
)
def test_rights(scope: str, rights: str | None, has: tuple[str, ...]) -> None:
    agent = make_agent().public_id
    token = make_token(scope=scope)
    if rights is not None:
        narrowed(token, rights)
    found = {right for right in RIGHTS if asked(token, agent, right=right) == ["allowed"]}
    assert found == set(has)


def test_the_next_answer_follows_a_tag_and_a_key() -> None:
    own = make_agent(tags=["user_1"])
    token = make_token(limit_tag="user_1")
    gate = narrowed(make_token(scope="read"), "[]")
    assert asked(gate, own.public_id, token=token) == ["allowed"]
    change_tags(agent_id=own.public_id, remove=["user_1"], actor=ROOT)
    assert asked(gate, own.public_id, token=token) == ["unknown_agent"]
    change_tags(agent_id=own.public_id, add=["user_1"], actor=ROOT)
    disable_key(key_id=token.split("_")[1], actor=command_actor("test"))
    assert asked(gate, own.public_id, token=token) == ["unknown_key"]


def test_about_another_key() -> None:
    own = make_agent(tags=["user_1"])
    user, gate = make_token(limit_tag="user_1"), narrowed(make_token(scope="read"), "[]")
    expired = make_token(expires_at=timezone.now() + timedelta(seconds=1))
    ApiKey.objects.filter(key_id=expired.split("_")[1]).update(expires_at=timezone.now())
    body = {"agent_id": own.public_id, "right": "read_agent"}
    found = call("POST", URL, body | {"token": user}, token=gate).json()
    assert (found["caller"], found["because"]) == (f"key:{user.split('_')[1]}", "allowed")
    for token in (expired, user + "x", "", "ade_", "Bearer"):
        found = call("POST", URL, body | {"token": token}, token=gate).json()
        assert (found["caller"], found["because"]) == (None, "unknown_key")
    assert call("POST", URL, body | {"token": user}, token=user).status_code == 403


def test_the_credential_of_a_gate_can_do_nothing_else() -> None:
    agent = make_agent().public_id
    gate = narrowed(make_token(scope="write"), "[]")
    paths = [
        ("GET", "/v1/agents/"),
        ("GET", f"/v1/agents/{agent}"),
        ("PATCH", f"/v1/agents/{agent}"),
    ]
    assert {call(method, path, {}, token=gate).status_code for method, path in paths} == {403}


def test_a_key_narrowed_to_reading_agents_cannot_change_them_in_ade() -> None:
    agent = make_agent().public_id
    reader = narrowed(make_token(), '["read_agent", "write_messages"]')
    writer = narrowed(make_token(), '["write_agent"]')
    path = f"/v1/agents/{agent}"
    found = [
        call(m, path, {}, token=t).status_code for t in (reader, writer) for m in ("GET", "PATCH")
    ]
    assert found == [200, 403, 403, 403]


def test_malformed_questions() -> None:
    agent = make_agent().public_id
    check = {"agent_id": agent, "right": "read_agent"}
    for body in (
        {},
        {"agent_id": agent},
        {"agent_id": agent, "right": "admin"},
        check | {"checks": [check]},
        {"checks": [{"agent_id": agent}]},
        {"checks": [check] * 1001},
    ):
        assert wheres(call("POST", URL, body))
    assert asked(make_token(), *[agent] * 1000) == ["allowed"] * 1000
    assert asked(make_token()) == []
    assert call("POST", URL, check, token="").status_code == 401
