"""POST /v1/tags/rename, merge and delete; GET /v1/history/ and POST /v1/history/<id>/undo."""

from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from agents.domain.keys import create_key
from agents.models import Change, ChangeSet
from tests.api.calls import call, make_token
from tests.helpers import ROOT, everything, make_agent, tags_of

pytestmark = pytest.mark.django_db


def ask(path: str, body: Any = None, *, method: str = "POST", scope: str = "manage") -> Any:
    token = make_token(name=f"of {path} {ChangeSet.objects.count()}", scope=scope)
    return call(method, path, body, token=token)


@pytest.mark.parametrize(
    ("path", "names", "left"),
    [
        ("/v1/tags/rename", {"name": "a", "new": "z"}, ["b", "z"]),
        ("/v1/tags/merge", {"name": "a", "into": "b"}, ["b"]),
        ("/v1/tags/delete", {"name": "a"}, ["b"]),
    ],
)
def test_a_plan_and_then_the_thing_itself(path: str, names: Any, left: list[str]) -> None:
    agent = make_agent(tags=["a", "b"])
    plan = ask(path, names).json()
    assert (plan["agents"], plan["name"], plan["change_set"]) == (1, "a", None)
    assert tags_of(agent) == ["a", "b"]
    done = ask(path, names | {"apply": True, "fingerprint": plan["fingerprint"]}).json()
    assert tags_of(agent) == left
    assert done == plan | {"change_set": ChangeSet.objects.latest("id").id}
    undone = ask(f"/v1/history/{done['change_set']}/undo").json()
    assert (undone["agents"], undone["kept"], tags_of(agent)) == (1, [], ["a", "b"])


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/tags/rename", {"name": "a", "new": "b"}, 409),
        ("/v1/tags/rename", {"name": "a", "new": ""}, 422),
        ("/v1/tags/rename", {"name": "no", "new": "z"}, 404),
        ("/v1/tags/rename", {"name": "a"}, 422),
        ("/v1/tags/rename", {"name": "a", "new": "z", "apply": True, "fingerprint": "old"}, 409),
        ("/v1/tags/rename", {"name": "a", "new": "z", "apply": True, "reason": "x" * 1001}, 422),
        ("/v1/tags/merge", {"name": "a", "into": "a", "apply": True}, 422),
        ("/v1/tags/merge", {"name": "a", "into": "no", "apply": True}, 404),
        ("/v1/tags/delete", {"name": "no", "apply": True}, 404),
        ("/v1/history/0/undo", None, 422),
        ("/v1/history/999999/undo", None, 404),
        ("/v1/history/9999999999999999999999/undo", None, 422),
    ],
)
def test_refused_changes_nothing(path: str, body: Any, status: int) -> None:
    make_agent(tags=["a", "b"])
    token = make_token(scope="manage")
    before = everything() | {"ApiKey": None}
    assert call("POST", path, body, token=token).status_code == status
    assert everything() | {"ApiKey": None} == before


def test_merge_of_a_tag_with_keys_is_no_keys_to_do() -> None:
    make_agent(tags=["user_1", "user_2"])
    create_key(name="k", limit_tag="user_1", actor=ROOT)
    body = {"name": "user_1", "into": "user_2", "apply": True}
    assert ask("/v1/tags/merge", body).status_code == 403


def test_history_is_listed_filtered_and_paged() -> None:
    agent = make_agent(name="Ada", tags=["a"])
    make_agent(tags=["b"])
    token = make_token(scope="read")

    def listed(query: str) -> Any:
        return call("GET", f"/v1/history/?{query}", token=token).json()

    (newest, other) = listed("source=command&by=test&since=2020-01-01T00:00:00")["history"][1:]
    assert (newest["act"], newest["by"], newest["has_more"]) == ("create", "test", False)
    assert other["changes"][1] == {
        "op": "add", "agent_id": agent.public_id, "agent_name": "Ada", "tag": "a",
        "field": None, "old": None, "new": None, "at": other["created_at"], "added_at": None,
    }  # fmt: skip
    assert [one["id"] for one in listed("tag=a")["history"]] == [other["id"]]
    assert [one["id"] for one in listed(f"agent={agent.public_id}")["history"]] == [other["id"]]
    first = listed("limit=1")
    assert listed(f"limit=1&before={first['before']}")["history"] == [newest]
    for wrong in (
        "limit=0",
        "before=x",
        "tag=%00",
        "since=never",
        "until=0001-01-01T00:00:00%2B14:00",
    ):
        assert call("GET", f"/v1/history/?{wrong}", token=token).status_code == 422


def test_one_change_set_page_by_page() -> None:
    names = [f"t{i:03}" for i in range(120)]
    agent = make_agent(tags=names)
    made = Change.objects.filter(agent_id=agent.public_id)[0].change_set_id
    undo = ask(f"/v1/history/{made}/undo").json()["change_set"]
    token = make_token(scope="read")
    told, after = [], 0
    while after is not None:
        page = call("GET", f"/v1/history/{made}?limit=50&after={after}", token=token).json()
        assert (page["id"], page["undone_by"]) == (made, [undo])
        assert page["has_more"] == (page["after"] is not None)
        told, after = told + page["changes"], page["after"]
    assert [one["tag"] for one in told if one["op"] == "add"] == names
    for wrong, status in (("999999", 404), ("0", 422), (f"{made}?limit=0", 422), ("x", 422)):
        assert call("GET", f"/v1/history/{wrong}", token=token).status_code == status


def test_plan_of_a_merge_says_that_it_takes_an_admin() -> None:
    make_agent(tags=["user_1", "user_2"])
    create_key(name="k", limit_tag="user_1", actor=ROOT)
    plan = ask("/v1/tags/merge", {"name": "user_1", "into": "user_2"}).json()
    assert (plan["needs_admin"], plan["names_user"], plan["keys"]) == (True, True, 1)


def test_undo_of_one_agents_change_takes_write() -> None:
    agent = make_agent(tags=["a"])
    change_set = Change.objects.filter(agent_id=agent.public_id)[0].change_set_id
    assert ask(f"/v1/history/{change_set}/undo", scope="read").status_code == 403
    assert ask(f"/v1/history/{change_set}/undo", scope="write").json()["agents"] == 1
    assert tags_of(agent) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "body", "op"),
    [
        ("/v1/tags/merge", {"name": "user_1", "into": "b"}, "merge"),
        ("/v1/tags/delete", {"name": "user_1"}, "tag-delete"),
        ("/v1/users/move", {"name": "user_1", "to": "b"}, "merge"),
        ("/v1/users/offboard", {"name": "user_1", "how": "tag"}, "offboard"),
    ],
)
def test_tag_on_many_agents_is_left_to_the_worker(
    path: str, body: Any, op: str, settings: Settings
) -> None:
    settings.WHOLE_TAG_AT_ONCE = 1
    agents = [make_agent(tags=["user_1", "x"]) for _ in range(3)]
    make_agent(tags=["b"])
    plan = ask(path, body).json()
    assert (plan["is_job"], plan["agents"]) == (True, 3)
    assert plan["seconds"] > 0
    answer = ask(path, body | {"apply": True, "fingerprint": plan["fingerprint"]})
    begun = answer.json()
    assert (answer.status_code, begun["op"], begun["state"]) == (202, op, "running")
    assert (begun["remove"], begun["matched"]) == (["user_1"], 3)
    new = {"model": "a/b", "tags": ["user_1"]}
    refused = ask("/v1/agents/", new, scope="write")
    assert (refused.status_code, "cannot be added" in refused.json()["detail"]) == (409, True)
    assert ask(path, body | {"apply": True}).status_code == 409
    assert ask(f"/v1/bulk/{begun['id']}/stop").json()["state"] == "stopped"
    assert ask(f"/v1/bulk/{begun['id']}/resume").status_code == 202
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
    done = ask(f"/v1/bulk/{begun['id']}", method="GET").json()
    assert (done["state"], done["changed"]) == ("done", 3)
    left = ["b", "x"] if op == "merge" else ["x"]
    assert [tags_of(agent) for agent in agents] == [left] * 3
    undone = ask(f"/v1/history/{done['change_set']}/undo")
    assert undone.status_code in (200, 202)
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
    assert [tags_of(agent) for agent in agents] == [["user_1", "x"]] * 3
