"""/v1/sources/: what a key with manage scope connects, sees and changes."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from agents.models import Agent, AgentSource, InboxItem
from tests.api.calls import call, make_token, wheres
from tests.domain.sources.stand_in import StandIn, stand_in
from tests.helpers import make_agent
from tests.source_rows import make_source, put_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Iterator[StandIn]:
    settings.SOURCE_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    with stand_in() as running:
        yield running


def ask(method: str, path: str = "", body: Any = None) -> HttpResponse:
    return call(method, f"/v1/sources/{path}", body, token=make_token(scope="manage"))


def test_it_works(server: StandIn) -> None:
    server.add("user_1")
    made = ask("POST", body={"name": "local", "url": server.url, "token": "the-token"})
    assert made.status_code == 200
    state = made.json()
    found = state.pop("found")
    assert found["words"] == "App Server 0.34.12, local backend, 1 agent"
    assert found["agents"] == 1
    assert (state["kind"], state["state"], state["has_token"]) == ("app-server", "new", True)
    assert ask("GET").json() == [state]
    assert ask("GET", str(state["id"])).json() == state
    assert ask("POST", f"{state['id']}/test").json() == found
    assert ask("POST", "test", {"url": server.url}).json() == found
    assert "the-token" not in ask("GET").content.decode() + made.content.decode()


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"name": "x"}, ["body", "url"]),
        ({"name": "x", "url": "ftp://example.org"}, ["body", "url"]),
        ({"name": "x", "url": "ws://10.0.0.1/ws"}, ["body", "url"]),
        ({"name": " x", "url": "ws://127.0.0.1:9/ws"}, ["body", "name"]),
        ({"name": "x", "url": "ws://127.0.0.1:9/ws", "kind": "other"}, ["body", "kind"]),
    ],
)
def test_what_is_wrong_is_named(body: Any, where: list[Any]) -> None:
    assert wheres(ask("POST", body=body)) == [where]
    assert not AgentSource.objects.exists()


def test_it_is_changed_paused_and_resumed() -> None:
    path = str(make_source().id)
    assert ask("PATCH", path, {"name": "east", "only_tag": "user_1"}).json()["name"] == "east"
    assert ask("PATCH", path, {"token": "secret-token"}).json()["has_token"] is True
    assert ask("PATCH", path, {"token": "", "all_agents": True}).json()["has_token"] is False
    assert ask("POST", f"{path}/pause", {"reason": "nightly"}).json()["pause_reason"] == "nightly"
    assert ask("POST", f"{path}/sync").status_code == 409
    assert ask("POST", f"{path}/resume", {}).json()["state"] == "in_step"
    assert ask("POST", f"{path}/sync").status_code == 200
    source = AgentSource.objects.get()
    assert (source.only_tag, source.sync_asked_at is not None) == (None, True)


def test_it_is_removed_by_a_plan() -> None:
    source = make_source()
    put_at(make_agent(), source)
    plan = ask("GET", f"{source.id}/removal").json()
    assert (plan["agents"], plan["waiting"]) == (1, 0)
    put_at(make_agent(), source)
    assert ask("DELETE", f"{source.id}?agents=keep&plan={plan['plan']}").status_code == 409
    assert ask("DELETE", f"{source.id}?agents=keep").status_code == 200
    assert Agent.objects.filter(source=None).count() == 2
    assert ask("GET", str(source.id)).status_code == 404


def test_the_inbox_is_listed_and_decided() -> None:
    source = make_source()
    details = '{"agents":["agent-1"],"count":1}'
    item = InboxItem.objects.create(
        source=source, kind="gone", details=details, created_at=timezone.now()
    )
    (listed,) = ask("GET", "inbox").json()
    assert (listed["id"], listed["source"], listed["can_put_back"]) == (item.id, source.id, True)
    assert ask("POST", f"inbox/{item.id}/put-back").status_code == 404  # not in the trash
    assert ask("POST", f"inbox/{item.id}/accept").json()["decision"] == "accept"
    assert ask("GET", "inbox").json() == []
    assert len(ask("GET", f"inbox?decided=true&source={source.id}").json()) == 1
    assert ask("POST", f"inbox/{item.id}/reopen").json()["decided_at"] is None


def test_agents_are_listed_and_counted_by_source() -> None:
    east, west = make_source("east"), make_source("west")
    mine = make_agent()
    put_at(mine, east)
    put_at(make_agent(), west)
    make_agent()
    token = make_token(scope="read")

    def found(query: str) -> int:
        count = call("GET", f"/v1/agents/count?{query}", token=token).json()
        listed = call("GET", f"/v1/agents/?{query}", token=token).json()
        assert count == len(listed)
        return len(listed)

    assert found("source=east") == 1
    assert found("source=east&source=west") == 2
    assert found("source=none") == 0
    (listed,) = call("GET", "/v1/agents/?source=east", token=token).json()
    assert listed["id"] == mine.public_id
