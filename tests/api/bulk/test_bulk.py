"""/v1/bulk/: plans of changes of many agents, and what is listed of them."""

from typing import Any
from uuid import uuid4

import pytest

from agents.core.filters import AgentFilter
from agents.core.json_text import dumps
from agents.core.limits import BULK_PICKED, CSV_ROWS
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.identities.write import NewIdentity, create_identity
from agents.models import BulkOp, BulkPlan, ChangeSet
from tests.api.bulk.planning import VIP, ask, plan, read
from tests.api.calls import NOBODY, make_token, wheres
from tests.helpers import ROOT, all_tags, make_agent, tags_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def token() -> str:
    return make_token(scope="manage")


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
        "second_owners": 0,
        "tags": [
            {
                "tag": "vip",
                "add": 1,
                "remove": 0,
                "same": 1,
                "skip": 0,
                "second": 0,
                "ownerless": 0,
                "notices": [],
            }
        ],
        "sample": [{"agent_id": bob.public_id, "name": "Bob", "changes": ["+vip"]}],
        "difference": None,
        "newer_plan": None,
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
        {"tags": ["a"], "show_hidden_agents": True},
    ):
        assert plan(token, filter=wanted)["filter"] == wanted
    assert plan(token, agent_ids=[NOBODY])["filter"] == {"agent_ids": [NOBODY]}
    assert plan(token, filter={"project_id": "p"})["filter"] == {"agent_ids": []}
    both = Selection(AgentFilter(any=("a",), all=("b",), userless=True, visible=True))
    made = make_plan(selection=both, change=BulkChange(BulkOp.ADD, ["x"]), actor=ROOT)
    assert read(token, str(made.id))["filter"] == {"tags": ["a"], "all": ["b"], "userless": True}


def test_a_plan_of_an_earlier_version_tells_that_it_includes_hidden_agents(token: str) -> None:
    make_agent(tags=["t"])
    made = plan(token, filter={"tags": ["t"]})
    BulkPlan.objects.update(wanted=dumps({"any": ["t"], "ids": None}))
    assert read(token, made["id"])["filter"] == {"tags": ["t"], "show_hidden_agents": True}
    BulkPlan.objects.update(wanted=dumps({"ids": [NOBODY]}))
    assert read(token, made["id"])["filter"] == {"agent_ids": [NOBODY]}


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
        (3, "names an agent that does not exist."),
        (4, "names a tag that is empty."),
        (5, "repeats line 1."),
    ]
    assert made["refused_count"] == 3
    page = read(token, f"{made['id']}/refused?limit=2")
    assert (page["refused"], page["after"]) == (made["refused"][:2], 2)
    page = read(token, f"{made['id']}/refused?limit=2&after=2")
    assert (page["refused"], page["after"]) == (made["refused"][2:], None)
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
    assert whole.keys() - brief.keys() == {
        "difference", "newer_plan", "sample", "tags", "refused", "refused_count",
    }  # fmt: skip
    assert ask(token, f"?after={uuid4()}", method="GET").status_code == 400
    for wrong in ("after=x", "state=never", "limit=1001", "limit=-1"):
        assert ask(token, f"?{wrong}", method="GET").status_code == 422
