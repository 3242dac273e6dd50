"""X-ADE-Second-Owner: how many agents an answer gave a second owner, on every path of the API."""

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import override_settings

from agents.models import Agent, Scope
from tests.api.calls import SEED, call, call_with_file, make_token
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db

Ask = Callable[[Agent, str], HttpResponse]


def _file(agent: Agent, token: str) -> HttpResponse:
    content = call("GET", f"/v1/agents/{agent.public_id}/export", token=token).json()
    content["agents"][0]["tags"] = ["user_1", "user_2"]
    return call_with_file("POST", "/v1/agents/import", content, token=token)


def _tag(action: str, **more: str) -> Ask:
    def ask(agent: Agent, token: str) -> HttpResponse:
        make_agent(tags=["user_3"])
        call("POST", f"/v1/agents/{agent.public_id}/tags", {"add": ["label"]}, token=token)
        body = {"name": "label", "apply": True, **more}
        return call("POST", f"/v1/tags/{action}", body, token=token)

    return ask


PATHS: dict[str, Ask] = {
    "create": lambda _, token: call(
        "POST", "/v1/agents/", SEED | {"tags": ["user_1", "user_2"]}, token=token
    ),
    "update": lambda agent, token: call(
        "PATCH", f"/v1/agents/{agent.public_id}", {"tags": ["user_1", "user_2"]}, token=token
    ),
    "tags": lambda agent, token: call(
        "POST", f"/v1/agents/{agent.public_id}/tags", {"add": ["user_2"]}, token=token
    ),
    "assign": lambda agent, token: call(
        "POST",
        "/v1/users/assign",
        {"name": "user_2", "agent_ids": [agent.public_id]},
        token=token,
    ),
    "import": _file,
    "rename": _tag("rename", new="user_2"),
    "merge": _tag("merge", into="user_3"),
    "bulk": lambda agent, token: call(
        "POST",
        "/v1/bulk/",
        {"filter": {}, "agent_ids": [agent.public_id], "op": "add", "add": ["user_2"]},
        token=token,
    ),
    "rows": lambda agent, token: call(
        "POST",
        "/v1/bulk/rows",
        {"rows": [{"agent_id": agent.public_id, "tag": "user_2"}]},
        token=token,
    ),
}


@pytest.mark.parametrize("path", PATHS)
def test_every_path_of_the_api_says_it_and_under_refuse_answers_409(path: str) -> None:
    token = make_token(scope=Scope.MANAGE)
    answer = PATHS[path](make_agent(tags=["user_1"]), token)
    assert answer.status_code == 200
    assert answer["X-ADE-Second-Owner"] == "1"
    if path in ("bulk", "rows"):
        assert answer.json()["second_owners"] == 1
        return  # under refuse the plan leaves the agent out
    make_agent(tags=["label"])
    with override_settings(SECOND_OWNER="refuse"):
        call("POST", "/v1/tags/delete", {"name": "user_2", "apply": True}, token=token)
        answer = PATHS[path](make_agent(tags=["user_1"]), token)
    assert (answer.status_code, answer.json()["code"]) == (409, "second_owner")
    assert not answer.has_header("X-ADE-Second-Owner")


def test_a_move_in_bulk_has_one_owner_and_a_reason_is_kept() -> None:
    token, agent = make_token(scope=Scope.MANAGE), make_agent(tags=["user_1"])
    body = {
        "filter": {},
        "agent_ids": [agent.public_id],
        "op": "move",
        "add": ["user_2"],
        "reason": "sold",
    }
    plan = call("POST", "/v1/bulk/", body, token=token)
    assert not plan.has_header("X-ADE-Second-Owner")
    notices = {row["tag"]: row["notices"] for row in plan.json()["tags"]}
    assert notices == {"user_1": [], "user_2": ["new tag"]}
    call("POST", f"/v1/bulk/{plan.json()['id']}/apply", token=token)
    assert call("GET", f"/v1/agents/{agent.public_id}", token=token).json()["tags"] == ["user_2"]
    tags = {"add": ["vip"], "reason": "asked for"}
    call("POST", f"/v1/agents/{agent.public_id}/tags", tags, token=token)
    for text in ("sold", "asked"):
        found = call("GET", f"/v1/history/?reason={text}", token=token).json()["history"]
        assert len(found) == 1
