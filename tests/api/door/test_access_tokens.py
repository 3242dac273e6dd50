"""Client-side access tokens: Letta's client makes them, and they do what their policy says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from agents.core.actors import command_actor
from agents.domain.core.key_tokens import id_in
from agents.domain.door import access_tokens
from agents.domain.keys import disable_key
from agents.domain.offboarding import inventory
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep.tidy import tidy
from agents.domain.users import OffboardMode
from agents.models import AccessToken, ApiKey, Change
from agents.tasks.offboarding import offboard
from tests.api.calls import call, make_token
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db
URL, HOST = "/v1/client-side-access-tokens", "https://app.example"


@pytest.fixture
def own() -> str:
    return make_agent(tags=["user_1"]).public_id


@pytest.fixture
def key() -> str:
    return make_token(limit_tag="user_1")


def policy(agent: str, *access: str) -> list[dict[str, Any]]:
    return [{"type": "agent", "id": agent, "access": list(access)}]


def make(key: str, agent: str, *access: str, **more: Any) -> str:
    body = {"hostname": HOST, "policy": policy(agent, *access)} | more
    made = call("POST", URL, body, token=key)
    assert made.status_code == 200, made.content
    return str(made.json()["token"])


def status(token: str, method: str, path: str, origin: str = HOST, body: Any = None) -> int:
    return call(method, path, body, token=token, Origin=origin).status_code


def test_it_works(own: str, key: str) -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        made = call("POST", URL, {"hostname": HOST, "policy": policy(own, "read_agent")}, token=key)
        token = made.json()["token"]
        row = AccessToken.objects.get()
        assert made.json() == {
            "token": token,
            "expiresAt": "2030-01-01T12:05:00+00:00",
            "hostname": HOST,
            "policy": {"version": "1", "data": policy(own, "read_agent")},
        }
        assert token.startswith(f"ade_{row.token_id}_")
        assert status(token, "GET", f"/v1/agents/{own}") == 200
        assert token.rpartition("_")[2].encode() not in bytes(row.digest)
    with time_machine.travel("2030-01-01T12:05:00Z", tick=False):
        assert status(token, "GET", f"/v1/agents/{own}") == 401


def test_it_works_from_its_hostname_only(own: str, key: str) -> None:
    token = make(key, own, "read_agent")
    path = f"/v1/agents/{own}"
    assert [
        status(token, "GET", path, origin) for origin in (HOST, "", "null", "https://other.example")
    ] == [
        200,
        403,
        403,
        403,
    ]
    asked = {"Access-Control-Request-Method": "GET"}
    for origin, allowed in ((HOST, HOST), ("https://other.example", None)):
        preflight = Client().options(path, headers=asked | {"Origin": origin})
        assert preflight.headers.get("Access-Control-Allow-Origin") == allowed
    answer = call("GET", path, token=token, Origin=HOST)
    assert answer.headers["Access-Control-Allow-Origin"] == HOST
    # For another key the setting decides.
    other = call("GET", path, token=key, Origin=HOST)
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize(
    ("access", "read", "write"),
    [
        (["read_agent"], 200, 404),
        (["read_agent", "write_agent"], 200, 200),
        (["write_agent"], 404, 404),
        (["read_messages", "write_messages"], 404, 404),
    ],
)
def test_rights_in_ade(own: str, key: str, access: list[str], read: int, write: int) -> None:
    other = make_agent(tags=["user_1"]).public_id
    token = make(key, own, *access)
    path = f"/v1/agents/{own}"
    assert status(token, "GET", path) == read
    assert status(token, "PATCH", path, body={"description": "x"}) == write
    assert status(token, "GET", f"/v1/agents/{other}") == 404
    assert status(token, "POST", "/v1/agents/", body={"model": "a/b"}) == 403
    assert len(call("GET", "/v1/agents/", token=token, Origin=HOST).json()) == int(read == 200)
    assert status(token, "GET", "/v1/keys/") == 403


def test_it_never_has_more_than_its_key_has_now(own: str, key: str) -> None:
    token = make(key, own, "read_agent", "write_agent")
    path = f"/v1/agents/{own}"
    change_tags(agent_id=own, remove=["user_1"], actor=ROOT)
    assert status(token, "GET", path) == 404
    change_tags(agent_id=own, add=["user_1"], actor=ROOT)
    ApiKey.objects.update(rights='["read_agent"]')
    assert [status(token, "GET", path), status(token, "PATCH", path, body={})] == [200, 404]
    disable_key(key_id=key.split("_")[1], actor=command_actor("test"))
    assert status(token, "GET", path) == 401


def test_the_key_must_have_every_right_on_every_agent(own: str) -> None:
    foreign = make_agent(tags=["user_2"]).public_id
    reader = make_token(limit_tag="user_1", scope="read")
    key = make_token(limit_tag="user_1")
    for token, agent, access, expected in [
        (reader, own, ["read_messages"], 200),
        (reader, own, ["read_messages", "write_messages"], 403),
        (key, foreign, ["read_agent"], 404),
        (key, own, ["admin"], 422),
    ]:
        body = {"hostname": HOST, "policy": policy(agent, *access)}
        assert call("POST", URL, body, token=token).status_code == expected
    both = policy(own, "read_agent") + policy(foreign, "read_agent")
    assert call("POST", URL, {"hostname": HOST, "policy": both}, token=key).status_code == 404
    assert AccessToken.objects.count() == 1


def test_a_token_makes_no_tokens(own: str, key: str) -> None:
    token = make(key, own, "read_agent")
    body = {"hostname": HOST, "policy": policy(own, "read_agent")}
    assert [status(token, m, URL, body=body) for m in ("POST", "GET")] == [403, 403]


@pytest.mark.parametrize(
    "wrong",
    [
        {"hostname": "app.example"},
        {"hostname": "https://app.example/path"},
        {"hostname": "https://user@app.example"},
        {"hostname": "https://*.example"},
        {"hostname": "null"},
        {"hostname": "ftp://app.example"},
        {"hostname": "https://app.example:99999"},
        {"policy": []},
        {"policy": policy("agent-1", "read_agent") * 2},
        {"expires_at": "tomorrow"},
        {"expires_at": "2030-01-01T12:00:00"},
        {"expires_at": "2000-01-01T12:00:00Z"},
        {"expires_at": "2999-01-01T12:00:00Z"},
    ],
)
def test_wrong_input(own: str, key: str, wrong: dict[str, Any]) -> None:
    body = {"hostname": HOST, "policy": policy(own, "read_agent")} | wrong
    assert call("POST", URL, body, token=key).status_code == 422
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("HTTPS://App.Example/", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_a_hostname_is_stored_as_browsers_write_it(
    own: str, key: str, given: str, stored: str
) -> None:
    make(key, own, "read_agent", hostname=given)
    assert AccessToken.objects.get().hostname == stored


def test_list_and_delete(own: str, key: str) -> None:
    first, second = make(key, own, "read_agent"), make(key, own, "read_messages")
    stranger, manager = make_token(limit_tag="user_1"), make_token(scope="manage")
    shown = call("GET", URL, token=key).json()
    ids = [token.split("_")[1] for token in (second, first)]
    assert [found["token"] for found in shown["tokens"]] == [f"ade_{one}_…" for one in ids]
    page = call("GET", f"{URL}?limit=1&offset=1&agentId={own}", token=key).json()
    assert ([found["token"] for found in page["tokens"]], page["hasNextPage"]) == (
        [f"ade_{ids[1]}_…"],
        False,
    )
    assert call("GET", f"{URL}?limit=1", token=key).json()["hasNextPage"]
    assert call("GET", f"{URL}?agentId=agent-1", token=key).json()["tokens"] == []
    assert call("GET", URL, token=stranger).json()["tokens"] == []
    assert len(call("GET", URL, token=manager).json()["tokens"]) == 2
    assert call("DELETE", f"{URL}/{first}", token=stranger).status_code == 404
    assert call("DELETE", f"{URL}/ade_{ids[1]}_%E2%80%A6", token=key).status_code == 200
    assert call("DELETE", f"{URL}/{second}", token=manager).status_code == 200
    assert status(first, "GET", f"/v1/agents/{own}") == 401
    assert not AccessToken.objects.exists()
    assert Change.objects.filter(new__contains="client-side token").count() == 4


def test_tokens_of_a_key_that_has_expired_are_not_listed(own: str) -> None:
    manager, now = make_token(scope="manage"), timezone.now()
    soon, later = now + timedelta(minutes=1), now + timedelta(minutes=2)
    token = make(make_token(limit_tag="user_1", expires_at=soon), own, "read_agent")
    assert len(call("GET", URL, token=manager).json()["tokens"]) == 1
    with time_machine.travel(later, tick=False):
        assert status(token, "GET", f"/v1/agents/{own}") == 401
        assert call("GET", URL, token=manager).json()["tokens"] == []


def test_what_has_ended_is_tidied_up(own: str, key: str) -> None:
    make(key, own, "read_agent")
    make(key, own, "read_agent", expires_at=(timezone.now() + timedelta(hours=1)).isoformat())
    later = datetime.now(UTC) + timedelta(minutes=30)
    with time_machine.travel(later, tick=False):
        removed = tidy(days=30, actor=ROOT)
    assert removed["expired client-side access tokens"] == 1
    assert AccessToken.objects.count() == 1


def test_an_access_check_about_a_token(own: str, key: str) -> None:
    token, gate = make(key, own, "write_messages"), make_token(scope="read")
    ask = {"agent_id": own, "right": "write_messages", "token": token}
    found = [
        call("POST", "/v1/access/check", ask | more, token=gate).json()["because"]
        for more in ({"origin": HOST}, {}, {"origin": HOST, "right": "read_agent"})
    ]
    assert found == ["allowed", "wrong_origin", "missing_right"]


def test_a_key_has_a_bounded_number_of_tokens_that_work(
    key: str, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "ACCESS_TOKENS", 2)
    body = {"hostname": HOST, "policy": policy(own, "read_agent")}
    statuses = [call("POST", URL, body, token=key).status_code for _ in range(3)]
    assert (statuses, AccessToken.objects.count()) == ([200, 200, 422], 2)
    # Those of other keys, and those that have ended, do not count.
    assert call("POST", URL, body, token=make_token()).status_code == 200
    AccessToken.objects.update(expires_at=timezone.now())
    assert call("POST", URL, body, token=key).status_code == 200


def test_no_token_outlives_an_off_boarding_behind_many_newer_ones(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "_TOKENS", 2)
    app, other = make_token(), make_agent(tags=["user_2"]).public_id
    old = make(app, own, "read_agent")
    newer = [make(app, other, "read_agent") for _ in range(5)]
    offboard(name="user_1", how=OffboardMode.TAG, actor=ROOT)
    left = set(AccessToken.objects.values_list("token_id", flat=True))
    assert left == {id_in(token) for token in newer}
    assert id_in(old) not in left
