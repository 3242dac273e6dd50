"""POST /v1/users/assign, move and offboard."""

from typing import Any

import pytest

from agents.domain.keys import create_key
from agents.models import Act, Agent, ApiKey, ChangeSet, Offboarding, Tag, Tombstone
from tests.api.calls import call, make_token
from tests.helpers import ROOT, everything, make_agent, tags_of

pytestmark = pytest.mark.django_db


def ask(path: str, body: Any, *, scope: str = "manage") -> Any:
    token = make_token(name=f"of {path} {ChangeSet.objects.count()}", scope=scope)
    return call("POST", path, body, token=token)


def test_assign_it_works() -> None:
    agents = [make_agent(), make_agent(tags=["user_1"])]
    body = {"name": "user_1", "agent_ids": [one.public_id for one in agents], "reason": "moved in"}
    answer = ask("/v1/users/assign", body, scope="write").json()
    change_set = ChangeSet.objects.latest("id")
    assert answer == {"assigned": 1, "change_set": change_set.id}
    assert ([tags_of(one) for one in agents], change_set.reason) == ([["user_1"]] * 2, "moved in")
    again = ask("/v1/users/assign", body, scope="write").json()
    assert again == {"assigned": 0, "change_set": None}


def test_move_to_a_user_with_agents_is_a_merge() -> None:
    mine, both = make_agent(tags=["user_1"]), make_agent(tags=["user_1", "user_2"])
    plan = ask("/v1/users/move", {"name": "user_1", "to": "user_2"}).json()
    assert [plan[name] for name in ("kind", "agents", "overlap")] == ["merge", 2, 1]
    assert tags_of(mine) == ["user_1"]
    body = {"name": "user_1", "to": "user_2", "apply": True, "fingerprint": plan["fingerprint"]}
    done = ask("/v1/users/move", body).json()
    assert [tags_of(one) for one in (mine, both)] == [["user_2"], ["user_2"]]
    assert done == plan | {"change_set": ChangeSet.objects.latest("id").id}
    ask(f"/v1/history/{done['change_set']}/undo", None)
    assert [tags_of(one) for one in (mine, both)] == [["user_1"], ["user_1", "user_2"]]


def test_move_to_a_user_without_agents_is_a_rename() -> None:
    agent = make_agent(tags=["user_1", "vip"])
    body = {"name": "user_1", "to": "user_9", "apply": True}
    done = ask("/v1/users/move", body).json()
    assert (done["kind"], tags_of(agent)) == ("rename", ["user_9", "vip"])
    ask(f"/v1/history/{done['change_set']}/undo", None)
    assert tags_of(agent) == ["user_1", "vip"]


@pytest.mark.parametrize(
    ("how", "deleted", "kept"),
    [("tag", 0, 2), ("agents", 1, 1)],
)
def test_offboard_plans_and_then_does_it(how: str, deleted: int, kept: int) -> None:
    own, shared = make_agent(tags=["user_1"]), make_agent(tags=["user_1", "user_2"])
    key = create_key(name="k", limit_tag="user_1", actor=ROOT).key
    body = {"name": "user_1", "how": how}
    plan = ask("/v1/users/offboard", body).json()
    told = {"kind": "offboard", "how": how, "deleted": deleted, "kept": kept, "agents": 2}
    assert {name: plan[name] for name in told} == told
    assert (plan["key_ids"], Agent.objects.count()) == ([key.key_id], 2)
    body |= {"apply": True, "fingerprint": plan["fingerprint"], "reason": "left"}
    done = ask("/v1/users/offboard", body).json()
    receipt = Offboarding.objects.get()
    change_set = ChangeSet.objects.get(act=Act.OFFBOARD).id
    assert done == plan | {"change_set": change_set, "receipt": str(receipt.id)}
    read = ask(f"/v1/users/offboardings/{receipt.id}/check", None).json()
    assert (read["complete"], read["sha256"]) == (True, receipt.digest)
    assert {one["seen"] for one in read["items"]} <= {"gone", "kept", "ended"}
    assert len([one for one in read["items"] if one["kind"] == "agents"]) == 2
    assert (Tombstone.objects.count(), tags_of(shared)) == (deleted, ["user_2"])
    assert not Tag.objects.filter(name="user_1").exists()
    assert ApiKey.objects.get(id=key.id).disabled_at is not None
    history = call(
        "GET", f"/v1/history/{done['change_set']}", token=make_token(scope="read")
    ).json()
    agents = {one["agent_id"] for one in history["changes"]} - {None}
    assert (agents, history["reason"]) == ({own.public_id, shared.public_id}, "left")


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("assign", {"name": "user_3", "agent_ids": ["agent-0"]}, 422, "agent_ids"),
        ("assign", {"name": "user_3", "agent_ids": []}, 422, "agent_ids"),
        ("assign", {"name": "", "agent_ids": ["OWN"]}, 422, "name"),
        ("assign", {"name": "user_3", "agent_ids": ["OWN"], "reason": "x" * 1001}, 422, "reason"),
        ("move", {"name": "user_1", "to": "user_1"}, 422, "to"),
        ("move", {"name": "user_1", "to": "\x00"}, 422, "to"),
        ("move", {"name": "user_9", "to": "user_1"}, 404, ""),
        ("move", {"name": "user_1", "to": "user_2", "apply": True, "fingerprint": "x"}, 409, ""),
        ("offboard", {"name": "user_9", "how": "tag", "apply": True}, 404, ""),
        ("offboard", {"name": "user_1", "apply": True}, 422, "how"),
        ("offboard", {"name": "user_1", "how": "all", "apply": True}, 422, "how"),
        ("offboard", {"name": "user_1", "how": "tag", "apply": True, "fingerprint": ""}, 409, ""),
    ],
)
def test_refused_changes_nothing(path: str, body: Any, status: int, field: str) -> None:
    own = make_agent(tags=["user_1"])
    make_agent(tags=["user_2"])
    if body.get("agent_ids") == ["OWN"]:
        body = body | {"agent_ids": [own.public_id]}
    token = make_token(scope="manage")
    before = everything() | {"ApiKey": None}
    answer = call("POST", f"/v1/users/{path}", body, token=token)
    assert answer.status_code == status
    if field:
        assert answer.json()["detail"][0]["loc"] == ["body", field]
    assert everything() | {"ApiKey": None} == before


def test_move_that_widens_keys_is_for_an_admin() -> None:
    make_agent(tags=["user_1", "user_2"])
    create_key(name="k", limit_tag="user_1", actor=ROOT)
    body = {"name": "user_1", "to": "user_2"}
    assert ask("/v1/users/move", body).json()["needs_admin"] is True
    assert ask("/v1/users/move", body | {"apply": True}).status_code == 403
