"""What a receiver is told of each change, and of which."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.core.actors import MANAGE
from agents.core.filters import AgentFilter
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.write import delete_agent, update_agent
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.directory.merge import delete_tag, merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.history.erase import erase_name
from agents.domain.history.undo_set import undo_set
from agents.domain.tags.edit import change_tags
from agents.domain.users import OffboardMode, offboard
from agents.models import BulkOp, Delivery, Webhook
from agents.tasks.bulk import begin
from tests.helpers import ROOT, make_agent, make_editor
from tests.webhooks.receiver import Receiver
from tests.webhooks.telling import deliver, make_hook, take_up, told

pytestmark = pytest.mark.django_db


def test_a_change_of_tags_is_told_with_all_there_is_to_say(there: Receiver) -> None:
    agent = make_agent(name="helper", tags=["user_1", "trial"])
    make_hook(there)
    mara = make_editor("Mara")
    change_set = change_tags(
        agent_id=agent.public_id,
        add=["vip", "a"],
        remove=["trial"],
        actor=mara,
        reason="paid",
    ).change_set
    deliver()
    (body,) = there.told()
    delivery = Delivery.objects.get()
    assert body == {
        "type": "agent.tags.changed",
        "version": 1,
        "id": delivery.public_id,
        "sequence": delivery.change,
        "timestamp": change_set.created_at.isoformat().replace("+00:00", "Z"),
        "data": {
            "agent_id": agent.public_id,
            "agent_name": "helper",
            "added": ["a", "vip"],
            "removed": ["trial"],
            "tags": ["a", "user_1", "vip"],
            "change_set": change_set.id,
            "by": {"kind": "person", "id": "user:Mara", "name": "Mara"},
            "source": "page",
            "reason": "paid",
            "undoes": None,
        },
    }


def test_agents_made_and_deleted_are_told_with_their_tags(there: Receiver) -> None:
    make_hook(there)
    agent = make_agent(name="one", tags=["b", "a"])
    change_tags(agent_id=agent.public_id, add=["c"], actor=ROOT)
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    deliver()
    about = {"agent_id": agent.public_id, "agent_name": "one"}
    assert told(there) == [
        ("agent.created", about | {"tags": ["a", "b"]}),
        ("agent.tags.changed", about | {"added": ["c"], "removed": [], "tags": ["a", "b", "c"]}),
        ("agent.deleted", about | {"tags": ["a", "b", "c"]}),
    ]


def test_tags_are_those_of_the_moment_whatever_came_after(there: Receiver) -> None:
    agent = make_agent(tags=["a"])
    other = make_agent(tags=["b"])
    make_hook(there)
    change_tags(agent_id=agent.public_id, add=["b"], actor=ROOT)
    rename_tag(old="b", new="c", actor=ROOT)
    change_tags(agent_id=agent.public_id, add=["b"], actor=ROOT)
    merge_tags(source="c", target="b", actor=ROOT)
    change_tags(agent_id=agent.public_id, remove=["a"], actor=ROOT)
    deliver()
    after = [data["tags"] for kind, data in told(there) if kind == "agent.tags.changed"]
    assert after == [["a", "b"], ["a", "b", "c"], ["b"]]
    assert other.public_id not in str(told(there))


def test_what_is_done_to_a_tag_is_one_event(there: Receiver) -> None:
    for _ in range(3):
        make_agent(tags=["old", "merged", "gone"])
    make_hook(there)
    rename_tag(old="old", new="new", actor=ROOT)
    merge_tags(source="merged", target="new", actor=ROOT)
    delete_tag(name="gone", actor=ROOT)
    deliver()
    assert told(there) == [
        ("tag.renamed", {"old": "old", "new": "new", "agents": 3}),
        ("tag.merged", {"tag": "merged", "into": "new", "agents": 3}),
        ("tag.deleted", {"tag": "gone", "agents": 3}),
    ]


def test_an_offboarding_tells_of_the_tag_and_of_each_agent_deleted(there: Receiver) -> None:
    own = make_agent(name="own", tags=["user_1"])
    make_agent(name="shared", tags=["user_1", "user_2"])
    make_hook(there)
    offboard(name="user_1", how=OffboardMode.AGENTS, actor=ROOT)
    deliver()
    assert told(there) == [
        ("tag.deleted", {"tag": "user_1", "agents": 2}),
        ("agent.deleted", {"agent_id": own.public_id, "agent_name": "own", "tags": ["user_1"]}),
    ]


def test_an_undo_of_a_merge_is_told_agent_by_agent(there: Receiver) -> None:
    agents = [make_agent(tags=["a"]), make_agent(tags=["a", "b"])]
    merged = merge_tags(source="a", target="b", actor=ROOT).change_set
    make_hook(there)
    undo_set(change_set_id=merged.id, actor=ROOT)
    deliver()
    assert {data["agent_id"]: data["tags"] for _, data in told(there)} == {
        agents[0].public_id: ["a"],
        agents[1].public_id: ["a", "b"],
    }
    assert {one["data"]["undoes"] for one in there.told()} == {merged.id}


def test_a_bulk_change_is_told_agent_by_agent(there: Receiver) -> None:
    ids = {make_agent(tags=["herd"]).public_id for _ in range(20)}
    make_hook(there)
    selection, change = Selection(AgentFilter(all=("herd",))), BulkChange(BulkOp.ADD, add=["x"])
    plan = make_plan(selection=selection, change=change, actor=ROOT)
    begin(plan_id=plan.id, actor=ROOT)
    deliver()
    (finished, bulk), *changes = told(there)
    assert {data["agent_id"] for _, data in changes} == ids
    assert {tuple(data["tags"]) for _, data in changes} == {("herd", "x")}
    assert (finished, bulk["changed"]) == ("bulk.finished", 20)


def test_fields_and_keys_are_not_told(there: Receiver) -> None:
    agent = make_agent(tags=["a"])
    make_hook(there)
    update_agent(agent_id=agent.public_id, edit=AgentEdit(name="renamed"), actor=ROOT)
    deliver()
    assert there.told() == []
    assert Webhook.objects.get().cursor > 0


def test_a_filter_of_tags_follows_names_before_and_after(there: Receiver) -> None:
    one, other = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    hook = make_hook(there, tags=["user_1", "origin:*"])
    change_tags(agent_id=one.public_id, remove=["user_1"], actor=ROOT)
    change_tags(agent_id=other.public_id, add=["note"], actor=ROOT)
    change_tags(agent_id=other.public_id, add=["origin:mail"], actor=ROOT)
    change_tags(agent_id=other.public_id, add=["user_1"], actor=ROOT)
    rename_tag(old="user_1", new="user_9", actor=ROOT)
    change_tags(agent_id=other.public_id, remove=["user_9"], actor=ROOT)
    change_tags(agent_id=one.public_id, add=["user_1"], actor=ROOT)
    deliver()
    hook.refresh_from_db()
    assert hook.tags == '["user_9","origin:*"]'
    kinds = [(kind, data.get("added"), data.get("removed")) for kind, data in told(there)]
    assert kinds == [
        ("agent.tags.changed", [], ["user_1"]),
        ("agent.tags.changed", ["origin:mail"], []),
        ("agent.tags.changed", ["user_1"], []),
        ("tag.renamed", None, None),
        ("agent.tags.changed", [], ["user_9"]),
    ]


def test_only_the_events_asked_for_are_told(there: Receiver) -> None:
    make_hook(there, events=["agent.deleted"])
    agent = make_agent(tags=["a"])
    delete_agent(agent_id=agent.public_id, actor=ROOT)
    deliver()
    assert [kind for kind, _ in told(there)] == ["agent.deleted"]


def test_a_name_that_was_erased_is_sent_no_more(there: Receiver) -> None:
    agent = make_agent(tags=["a"])
    make_hook(there, tags=["a"])
    change_tags(agent_id=agent.public_id, remove=["a"], actor=make_editor("Mara Voss", MANAGE))
    take_up()
    erase_name(name="Mara Voss", actor=ROOT)
    deliver()
    assert there.told()[0]["data"]["by"]["name"] == "erased-1"


def test_nothing_is_asked_or_written_for_a_webhook_when_something_changes(
    there: Receiver,
) -> None:
    agent = make_agent(tags=["a"])
    make_agent(tags=["b"])
    statements = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            change_tags(agent_id=agent.public_id, add=["b"], actor=ROOT)
            change_tags(agent_id=agent.public_id, remove=["b"], actor=ROOT)
        statements.append([one["sql"].split(" ")[0] for one in asked])
        assert not any("webhook" in one["sql"] or "delivery" in one["sql"] for one in asked)
        make_hook(there)
    assert len(statements[1]) == len(statements[0])


def test_a_filter_follows_a_merge_and_goes_back_with_its_undo(there: Receiver) -> None:
    make_agent(tags=["a", "b"])
    hook = make_hook(there, tags=["a", "note"])
    merged = merge_tags(source="a", target="b", actor=ROOT).change_set
    hook.refresh_from_db()
    assert hook.tags == '["b","note"]'
    undo_set(change_set_id=merged.id, actor=ROOT)
    hook.refresh_from_db()
    assert hook.tags == '["a","note"]'
