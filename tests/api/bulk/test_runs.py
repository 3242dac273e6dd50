"""/v1/bulk/: plans are applied, stopped, resumed and undone, at once and by the worker."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from agents.core.limits import BULK_AT_ONCE
from agents.domain.bulk import planning, plans, run
from agents.domain.bulk.retries import LOST
from agents.domain.keys import disable_key
from agents.domain.upkeep import recount
from agents.models import Agent, AgentTag, ApiKey, BulkPlan, BulkState, Change, ChangeSet, Tag
from tests.api.bulk.planning import VIP, ask, plan, read, work
from tests.api.calls import call, make_token
from tests.helpers import ROOT, all_tags, drift, everything, make_agent, replayed, tags_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def token() -> str:
    return make_token(scope="manage")


def test_apply_twice_is_apply_once(token: str) -> None:
    one, two = make_agent(tags=["a"]), make_agent(tags=["vip"])
    made = plan(token, reason="spring")
    answer = ask(token, f"{made['id']}/apply")
    assert answer.status_code == 200
    done = answer.json()
    assert (done["state"], done["looked"], done["changed"]) == ("done", 2, 1)
    assert (tags_of(one), tags_of(two)) == (["a", "vip"], ["vip"])
    change_set = ChangeSet.objects.get(id=done["change_set"])
    assert (change_set.reason, change_set.source, change_set.actor_name) == (
        "spring", "bulk", "API key “app”",
    )  # fmt: skip
    before = everything()
    again = ask(token, f"{made['id']}/apply")
    assert (again.status_code, again.json(), everything()) == (200, done, before)
    assert drift() == []


def test_replace_and_remove(token: str) -> None:
    old, other = make_agent(tags=["old", "x"]), make_agent(tags=["x"])
    swap = plan(token, op="replace", remove=["old"], add=["new"])
    ask(token, f"{swap['id']}/apply")
    assert (tags_of(old), tags_of(other)) == (["new", "x"], ["x"])
    take = plan(token, op="remove", remove=["x", "new"], add=[])
    ask(token, f"{take['id']}/apply")
    assert (tags_of(old), tags_of(other)) == ([], [])


def test_undo_is_one_of_its_own_and_the_same_when_asked_again(token: str) -> None:
    agents = [make_agent(tags=["a"]), make_agent(tags=["vip"])]
    made = plan(token)
    ask(token, f"{made['id']}/apply")
    answer = ask(token, f"{made['id']}/undo")
    assert answer.status_code == 200
    undo = answer.json()
    assert (undo["op"], undo["state"], undo["changed"]) == ("undo", "done", 1)
    assert [tags_of(agent) for agent in agents] == [["a"], ["vip"]]
    done = read(token, made["id"])
    assert (done["undone_by"], undo["undoes"]) == (undo["id"], done["change_set"])
    assert ask(token, f"{made['id']}/undo").json() == undo
    rows = read(token, f"{undo['id']}/results")["results"]
    assert [row["result"] for row in rows] == ["same", "change"]
    assert replayed() == all_tags()


def test_undo_leaves_what_was_changed_since_and_says_so(token: str) -> None:
    kept, back = make_agent(name="kept"), make_agent(name="back")
    made = plan(token)
    ask(token, f"{made['id']}/apply")
    call("POST", f"/v1/agents/{kept.public_id}/tags", {"remove": ["vip"]}, token=token)
    call("POST", f"/v1/agents/{kept.public_id}/tags", {"add": ["vip"]}, token=token)
    undo = ask(token, f"{made['id']}/undo").json()
    assert (tags_of(kept), tags_of(back)) == (["vip"], [])
    (left,) = read(token, f"{undo['id']}/results?skipped=true")["results"]
    assert (left["agent_id"], left["result"]) == (kept.public_id, "kept")
    assert left["why"].startswith("API key “app” added vip at ")


def test_undo_from_the_history_is_the_same_undo(token: str) -> None:
    agent = make_agent(tags=["a"])
    made = plan(token)
    done = ask(token, f"{made['id']}/apply").json()
    undone = call("POST", f"/v1/history/{done['change_set']}/undo", token=token)
    undo = ask(token, f"{made['id']}/undo").json()
    assert (undone.status_code, undone.json()) == (
        200,
        {
            "change_set": undo["change_set"],
            "bulk": undo["id"],
            "agents": 1,
            "kept": [],
            "kept_count": 0,
        },
    )
    assert tags_of(agent) == ["a"]


def test_other_agents_by_now_are_shown_first(token: str) -> None:
    gone, stays = make_agent(tags=["t"]), make_agent(tags=["t"])
    made = plan(token, filter={"tags": ["t"]})
    call("POST", f"/v1/agents/{gone.public_id}/tags", {"remove": ["t"]}, token=token)
    come = [make_agent(tags=["t"]) for _ in range(2)]
    answer = ask(token, f"{made['id']}/apply")
    assert answer.status_code == 409
    newer = read(token, answer.json()["plan_id"])
    assert answer.json()["detail"] == (
        "Other agents match now. Review the new plan, then apply it."
    )
    assert (newer["difference"], newer["matched"]) == ({"came": 2, "went": 1}, 3)
    assert AgentTag.objects.filter(tag__name="vip").count() == 0
    assert ask(token, f"{newer['id']}/apply").json()["changed"] == 3
    assert (tags_of(gone), tags_of(stays), tags_of(come[0])) == ([], ["t", "vip"], ["t", "vip"])


def test_conflicts_say_why(token: str) -> None:
    make_agent(tags=["vip"])
    made = plan(token)
    nothing = ask(token, f"{made['id']}/apply")
    assert (nothing.status_code, nothing.json()) == (
        409, {"code": "conflict", "detail": "This plan changes no agent."},
    )  # fmt: skip
    undo = ask(token, f"{made['id']}/undo")
    assert (undo.status_code, undo.json()) == (
        409, {"code": "conflict", "detail": "This bulk change changed no agent, so there is nothing to undo."},
    )  # fmt: skip
    for act in ("stop", "resume"):
        assert ask(token, f"{made['id']}/{act}").json() == made


@pytest.mark.parametrize("act", ["", "/results", "/apply", "/stop", "/resume", "/undo"])
def test_no_such_plan(token: str, act: str) -> None:
    method = "GET" if act in ("", "/results") else "POST"
    answer = ask(token, f"{uuid4()}{act}", method=method)
    assert (answer.status_code, answer.json()) == (
        404, {"code": "not_found", "detail": "There is no such bulk change."},
    )  # fmt: skip
    for wrong in ("1", "x" * 36, f"{{{uuid4()}}}", uuid4().hex, str(uuid4()).upper()):
        assert ask(token, f"{wrong}{act}", method=method).status_code == 422


def test_results_page_by_page(token: str, settings: Any) -> None:
    settings.MAX_TAGS_PER_AGENT = 2
    names = {agent.name: agent for agent in (
        make_agent(name="full", tags=["a", "b"]), make_agent(name="same", tags=["vip"]),
        make_agent(name="one"), make_agent(name="two"), make_agent(name="gone"),
    )}  # fmt: skip
    made = plan(token)

    def pages(query: str) -> list[list[tuple[str, str]]]:
        found, after = [], 0
        while after is not None:
            page = read(token, f"{made['id']}/results?limit=2&after={after}&{query}")
            found.append([(one["name"], one["result"]) for one in page["results"]])
            after = page["after"]
        return found

    waiting = [(name, "waiting") for name in ("gone", "two", "one", "same", "full")]
    assert pages("") == [waiting[:2], waiting[2:4], waiting[4:]]
    # One that goes between the look and the run: the plan is the same, so it is applied.
    BulkPlan.objects.update(wanted="null")
    call("DELETE", f"/v1/agents/{names['gone'].public_id}", token=token)
    ask(token, f"{made['id']}/apply")
    assert pages("") == [
        [("gone", "gone"), ("two", "change")], [("one", "change"), ("same", "same")],
        [("full", "full")],
    ]  # fmt: skip
    assert pages("skipped=true") == [[("gone", "gone"), ("full", "full")]]
    row = read(token, f"{made['id']}/results?skipped=1")["results"][1]
    assert row == {
        "agent_id": names["full"].public_id,
        "name": "full",
        "result": "full",
        "why": "it would have 3 tags; the limit is 2",
    }
    for wrong in ("after=-1", "after=x", f"after={2**63}", "limit=1001"):
        assert ask(token, f"{made['id']}/results?{wrong}", method="GET").status_code == 422
    assert read(token, f"{made['id']}/results?after={2**62}") == {"results": [], "after": None}


# --- A job ----------------------------------------------------------------------------------


def make_herd(count: int) -> None:
    call_command("bench_data", agents=count, shape="loadtest", append=True, verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_job_is_stopped_goes_on_and_is_undone(token: str) -> None:
    make_herd(BULK_AT_ONCE + 150)
    before = all_tags()
    made = plan(token)
    assert (made["is_job"], made["seconds"] > 0, made["matched"]) == (True, True, 2_150)
    begun = ask(token, f"{made['id']}/apply")
    assert (begun.status_code, begun.json()["state"], begun.json()["looked"]) == (
        202, "running", 0,
    )  # fmt: skip
    assert ask(token, f"{made['id']}/apply").status_code == 202
    busy = ask(token, f"{made['id']}/undo")
    assert (busy.status_code, busy.json()) == (
        409,
        {"code": "conflict", "detail": "This bulk change is still running. Stop it first."},
    )
    stopped = ask(token, f"{made['id']}/stop")
    assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")
    work()
    assert read(token, made["id"])["changed"] == 0
    resumed = ask(token, f"{made['id']}/resume")
    assert (resumed.status_code, resumed.json()["state"]) == (202, "running")
    work()
    done = read(token, made["id"])
    assert (done["state"], done["looked"], done["changed"], done["seconds"]) == (
        "done", 2_150, 2_150, None,
    )  # fmt: skip
    assert Tag.objects.get(name="vip").n == 2_150
    assert Change.objects.filter(change_set_id=done["change_set"]).count() == 2_150
    assert ask(token, f"{made['id']}/apply").json() == done
    undoing = call("POST", f"/v1/history/{done['change_set']}/undo", token=token)
    assert (undoing.status_code, undoing.json()["agents"]) == (202, 0)
    work()
    undo = read(token, undoing.json()["bulk"])
    assert (undo["state"], undo["changed"]) == ("done", 2_150)
    assert all_tags() == before
    refused = ask(token, f"{made['id']}/resume")
    assert (refused.status_code, refused.json()["state"]) == (200, "done")
    assert list(recount.differences()) == []


@pytest.mark.django_db(transaction=True)
def test_job_without_a_worker_says_so(token: str) -> None:
    make_herd(BULK_AT_ONCE + 1)
    made = plan(token)
    ask(token, f"{made['id']}/apply")
    assert read(token, made["id"])["is_lost"] is False
    row = BulkPlan.objects.get()
    BulkPlan.objects.update(started_at=row.started_at - LOST - timedelta(seconds=1))
    lost = read(token, made["id"])
    assert (lost["state"], lost["is_lost"]) == (BulkState.RUNNING, True)
    assert ask(token, f"{made['id']}/resume").status_code == 202
    work()
    assert read(token, made["id"])["state"] == "done"
    assert Agent.objects.filter(agenttag__tag__name="vip").count() == BULK_AT_ONCE + 1


@pytest.mark.django_db(transaction=True)
def test_plan_of_very_many_is_made_by_the_worker(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_STEP", 4)
    monkeypatch.setattr(plans, "BULK_PLANNED_AT_ONCE", 8)
    monkeypatch.setattr(run, "BULK_AT_ONCE", 5)
    make_herd(25)
    answer = ask(token, "", VIP)
    made = answer.json()
    assert (answer.status_code, made["state"], made["expected"]) == (202, "planning", 25)
    early = ask(token, f"{made['id']}/apply")
    assert (early.status_code, early.json()) == (
        409,
        {"code": "conflict", "detail": "Planning has not finished. Wait, then review the plan."},
    )
    assert [one["id"] for one in read(token, "?state=planning")] == [made["id"]]
    work()
    planned = read(token, made["id"])
    assert (planned["state"], planned["matched"], planned["is_job"]) == ("planned", 25, True)
    assert ask(token, f"{made['id']}/apply").status_code == 202
    work()
    assert read(token, made["id"])["changed"] == Tag.objects.get(name="vip").n == 25


@pytest.mark.django_db(transaction=True)
def test_job_of_a_key_that_ends_stops_and_says_so(token: str) -> None:
    make_herd(BULK_AT_ONCE + 1)
    made = plan(token)
    other = make_token(name="ending", scope="manage")
    ask(other, f"{made['id']}/apply")
    disable_key(key_id=ApiKey.objects.get(name="ending").key_id, actor=ROOT)
    work()
    stopped = read(token, made["id"])
    assert (stopped["state"], stopped["changed"]) == ("stopped", 0)
    assert stopped["problem"].startswith("API key “ending” is disabled or has expired.")
    assert ask(token, f"{made['id']}/resume").status_code == 202
    work()
    assert read(token, made["id"])["state"] == "done"
