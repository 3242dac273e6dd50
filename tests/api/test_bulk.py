"""/v1/bulk/: plan, apply, read, stop, resume and undo changes of many agents."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.http import HttpResponse

from agents.domain import recount
from agents.domain.bulk import BulkChange, Selection, make_plan
from agents.domain.bulkrun import LOST
from agents.domain.identities import NewIdentity, create_identity
from agents.filters import AgentFilter
from agents.limits import BULK_AT_ONCE, BULK_PICKED, CSV_ROWS
from agents.models import Agent, AgentTag, BulkOp, BulkPlan, BulkState, Change, ChangeSet, Tag
from tests.api.calls import NOBODY, call, make_token, wheres
from tests.helpers import ROOT, all_tags, drift, everything, make_agent, replayed, tags_of

pytestmark = pytest.mark.django_db
URL = "/v1/bulk/"
VIP = {"filter": {}, "op": "add", "add": ["vip"]}


@pytest.fixture
def token() -> str:
    return make_token(scope="manage")


def ask(token: str, path: str, body: Any = None, *, method: str = "POST") -> HttpResponse:
    return call(method, f"{URL}{path}", body, token=token)


def read(token: str, path: str) -> Any:
    return ask(token, path, method="GET").json()


def plan(token: str, **fields: Any) -> Any:
    answer = ask(token, "", VIP | fields)
    assert answer.status_code == 200
    return answer.json()


def work() -> None:
    """What a worker does, until nothing waits."""
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)


# --- A plan ---------------------------------------------------------------------------------


def test_plan_says_all_and_changes_nothing(token: str) -> None:
    make_agent(tags=["vip"])
    bob = make_agent(name="Bob", tags=["trial"])
    before = all_tags(), ChangeSet.objects.count()
    answer = ask(token, "", VIP | {"reason": "spring"})
    assert answer.status_code == 200
    made = answer.json()
    told = BulkPlan.objects.get()
    assert made == {
        "id": str(told.id),
        "op": "add",
        "add": ["vip"],
        "remove": [],
        "filter": {},
        "excluded": 0,
        "reason": "spring",
        "state": "planned",
        "by": "API key “app”",
        "matched": 2,
        "expected": None,
        "counts": {"change": 1, "same": 1},
        "sample": [{"agent_id": bob.public_id, "name": "Bob", "changes": ["+vip"]}],
        "difference": None,
        "refused": [],
        "refused_count": 0,
        "is_job": False,
        "seconds": None,
        "looked": 0,
        "changed": 0,
        "is_lost": False,
        "problem": "",
        "change_set": None,
        "undoes": None,
        "undone_by": None,
        "created_at": made["created_at"],
        "started_at": None,
        "finished_at": None,
    }
    assert read(token, made["id"]) == made
    assert (all_tags(), ChangeSet.objects.count()) == before


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["Ada", "Bob", "Cleo"]),
        ({"tags": ["a", "b"]}, ["Ada", "Bob"]),
        ({"tags": ["a", "b"], "match_all_tags": True}, ["Ada"]),
        ({"tags": ["a"], "exclude_tags": ["b"]}, []),
        ({"untagged": True}, ["Cleo"]),
        ({"model": ["x/y"]}, ["Cleo"]),
        ({"name": "Bob"}, ["Bob"]),
        ({"query_text": "b"}, ["Bob"]),
        ({"identifier_keys": ["crm-7"]}, ["Ada"]),
        ({"project_id": "p"}, []),
        ({"tags": ["b"], "name": None}, ["Ada", "Bob"]),
    ],
)
def test_filter_has_the_words_of_the_list(token: str, wanted: Any, found: list[str]) -> None:
    ada = make_agent(name="Ada", tags=["a", "b"])
    make_agent(name="Bob", tags=["b"])
    make_agent(name="Cleo", model="x/y")
    create_identity(NewIdentity("crm-7", "Ann", "user", agent_ids=[ada.public_id]), actor=ROOT)
    made = plan(token, filter=wanted)
    assert sorted(row["name"] for row in made["sample"]) == found
    assert made["matched"] == len(found)


def test_filter_is_told_in_the_words_it_was_asked_in(token: str) -> None:
    for wanted in (
        {},
        {"tags": ["a"], "exclude_tags": ["b"], "untagged": True},
        {"tags": ["a", "b"], "match_all_tags": True},
        {"model": ["x/y"], "name": "Bob", "query_text": "b"},
    ):
        assert plan(token, filter=wanted)["filter"] == wanted
    assert plan(token, agent_ids=[NOBODY])["filter"] == {"agent_ids": [NOBODY]}
    assert plan(token, filter={"project_id": "p"})["filter"] == {"agent_ids": []}
    both = Selection(AgentFilter(any=("a",), all=("b",), userless=True))
    made = make_plan(selection=both, change=BulkChange(BulkOp.ADD, ["x"]), actor=ROOT)
    assert read(token, str(made.id))["filter"] == {"tags": ["a"], "all": ["b"], "userless": True}


def test_agents_can_be_picked_and_left_out(token: str) -> None:
    one, two, three = (make_agent(name=name, tags=["t"]) for name in "123")
    ids = [one.public_id, two.public_id]
    picked = plan(token, agent_ids=[*ids, NOBODY])
    assert [row["agent_id"] for row in picked["sample"]] == ids[::-1]
    left = plan(token, filter={"tags": ["t"]}, excluded_agent_ids=[*ids, NOBODY])
    assert [row["agent_id"] for row in left["sample"]] == [three.public_id]
    assert (left["excluded"], left["filter"]) == (3, {"tags": ["t"]})
    assert plan(token, agent_ids=[])["matched"] == 0


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"filter": None}, ["body", "filter"]),
        ({"filter": {"tag": ["t"]}}, ["body", "filter", "tag"]),
        ({"filter": {"tags": "t"}}, ["body", "filter", "tags"]),
        ({"filter": {"tags": ["\0"]}}, ["body", "filter", "tags"]),
        ({"filter": {"name": "\0"}}, ["body", "filter", "name"]),
        ({"filter": {"tags": [f"t{i}" for i in range(51)]}}, ["body", "filter", "tags"]),
        ({"filter": {"query_text": "x" * 257}}, ["body", "filter", "query_text"]),
        ({"agent_ids": ["1"]}, ["body", "agent_ids", 0]),
        ({"agent_ids": [NOBODY] * (BULK_PICKED + 1)}, ["body", "agent_ids"]),
        ({"excluded_agent_ids": ["agent-x"]}, ["body", "excluded_agent_ids", 0]),
        ({"op": "rows"}, ["body", "op"]),
        ({"op": None}, ["body", "op"]),
        ({"add": []}, ["body", "add"]),
        ({"add": [""]}, ["body", "add"]),
        ({"add": ["x" * 513]}, ["body", "add"]),
        ({"add": [f"t{i}" for i in range(51)]}, ["body", "add"]),
        ({"remove": ["t"]}, ["body", "remove"]),
        ({"op": "remove"}, ["body", "add"]),
        ({"op": "remove", "add": []}, ["body", "remove"]),
        ({"op": "replace", "remove": ["a", "b"]}, ["body", "remove"]),
        ({"op": "replace", "remove": ["vip"]}, ["body", "add"]),
        ({"reason": "x" * 1001}, ["body", "reason"]),
        ({"reason": "\0"}, ["body", "reason"]),
        ({"tags": ["vip"]}, ["body", "tags"]),
    ],
)
def test_bad_input_makes_no_plan(token: str, fields: Any, where: list[Any]) -> None:
    make_agent(tags=["t"])
    body = {name: value for name, value in (VIP | fields).items() if value is not None}
    assert wheres(ask(token, "", body)) == [where]
    assert BulkPlan.objects.count() == 0


def test_rows_name_what_is_left_out(token: str) -> None:
    one, two = make_agent(name="one"), make_agent(name="two", tags=["b"])
    rows = [
        {"agent_id": one.public_id, "tag": "a, b"},
        {"agent_id": two.public_id, "tag": "b"},
        {"agent_id": NOBODY, "tag": "b"},
        {"agent_id": one.public_id, "tag": ""},
        {"agent_id": one.public_id, "tag": "a, b"},
    ]
    answer = ask(token, "rows", {"rows": rows, "reason": "from the CRM"})
    assert answer.status_code == 200
    made = answer.json()
    assert (made["op"], made["filter"], made["counts"]) == ("rows", None, {"change": 1, "same": 1})
    assert [(one["row"], one["why"]) for one in made["refused"]] == [
        (3, "names an agent that is not there."),
        (4, "names a tag that is empty."),
        (5, "says the same as line 1."),
    ]
    assert made["refused_count"] == 3
    done = ask(token, f"{made['id']}/apply").json()
    assert (done["state"], done["changed"], tags_of(one), tags_of(two)) == (
        "done", 1, ["a, b"], ["b"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ([], ["body", "rows"]),
        ([{"agent_id": NOBODY, "tag": "a"}], ["body", "rows"]),
        ([{"agent_id": "\0", "tag": "a"}], ["body", "rows"]),
        ([{"agent_id": NOBODY}], ["body", "rows", 0, "tag"]),
        ([{"agent_id": NOBODY, "tag": "a", "op": "remove"}], ["body", "rows", 0, "op"]),
        ([{"agent_id": NOBODY, "tag": "a"}] * (CSV_ROWS + 1), ["body", "rows"]),
    ],
)
def test_rows_of_which_none_can_be_used_make_no_plan(token: str, rows: Any, where: Any) -> None:
    assert wheres(ask(token, "rows", {"rows": rows})) == [where]
    assert BulkPlan.objects.count() == 0


# --- Apply and undo -------------------------------------------------------------------------


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
        "Other agents match now. Look at the new plan, and apply that one."
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
        409, {"detail": "This plan changes no agent."},
    )  # fmt: skip
    undo = ask(token, f"{made['id']}/undo")
    assert (undo.status_code, undo.json()) == (
        409, {"detail": "It changed nothing, so there is nothing to undo."},
    )  # fmt: skip
    for act in ("stop", "resume"):
        assert ask(token, f"{made['id']}/{act}").json() == made


@pytest.mark.parametrize("act", ["", "/results", "/apply", "/stop", "/resume", "/undo"])
def test_no_such_plan(token: str, act: str) -> None:
    method = "GET" if act in ("", "/results") else "POST"
    answer = ask(token, f"{uuid4()}{act}", method=method)
    assert (answer.status_code, answer.json()) == (
        404, {"detail": "There is no such bulk change."},
    )  # fmt: skip
    for wrong in ("1", "x" * 36, f"{{{uuid4()}}}", uuid4().hex, str(uuid4()).upper()):
        assert ask(token, f"{wrong}{act}", method=method).status_code == 422


# --- Lists ----------------------------------------------------------------------------------


def test_list_pages_and_filters(token: str) -> None:
    make_agent(tags=["a"])
    ids = [plan(token, add=[name])["id"] for name in ("x", "y", "z")][::-1]
    ask(token, f"{ids[1]}/apply")

    def listed(query: str) -> list[str]:
        return [one["id"] for one in read(token, f"?{query}")]

    assert listed("") == ids
    assert listed("limit=2") == ids[:2]
    assert listed(f"limit=2&after={ids[1]}") == ids[2:]
    assert listed(f"after={ids[2]}") == []
    assert (listed("state=done"), listed("state=planned")) == ([ids[1]], [ids[0], ids[2]])
    whole = read(token, ids[0])
    (brief,) = read(token, "?limit=1")
    assert brief == {name: whole[name] for name in brief}
    assert whole.keys() - brief.keys() == {"difference", "sample", "refused", "refused_count"}
    assert ask(token, f"?after={uuid4()}", method="GET").status_code == 400
    for wrong in ("after=x", "state=never", "limit=1001", "limit=-1"):
        assert ask(token, f"?{wrong}", method="GET").status_code == 422


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
        "why": "it would have 3 tags of 2",
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
        {"detail": "It is still running: stop it first."},
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
