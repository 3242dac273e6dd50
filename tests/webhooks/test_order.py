"""The order of deliveries: per agent and tag, and independent of other agents and webhooks."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from agents.core.limits import WEBHOOK_TAG_SECONDS
from agents.domain.directory.merge import delete_tag, merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.tags.edit import change_tags
from agents.domain.webhooks import order
from agents.models import DeliveryState, Webhook
from tests.helpers import ROOT, make_agent
from tests.webhooks.receiver import Receiver
from tests.webhooks.telling import about, added, change, deliver, make_hook, states

pytestmark = pytest.mark.django_db


def test_events_of_an_agent_come_in_order(there: Receiver) -> None:
    ids = [make_agent().public_id for _ in range(3)]
    make_hook(there)
    for tag in "abcde":
        for one in ids:
            change(one, tag)
    deliver()
    assert [added(there, one) for one in ids] == [list("abcde")] * 3


def test_one_agents_failure_holds_back_that_agent_only(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    bad, good = make_agent().public_id, make_agent().public_id
    make_hook(there)
    for tag in "abc":
        change(bad, tag)
        change(good, tag)
    there.answer = lambda got: 500 if about(bad) in got.body else 204
    deliver()
    assert (added(there, bad), added(there, good)) == (["a"], ["a", "b", "c"])
    there.answer = lambda got: 204
    clock.shift(timedelta(seconds=10))
    deliver()
    assert added(there, bad) == ["a", "a", "b", "c"]
    assert set(states()) == {DeliveryState.DONE}
    first = [got.headers["webhook-id"] for got in there.got if about(bad) in got.body][:2]
    assert first[0] == first[1]


def test_a_tags_event_waits_for_those_before_and_holds_those_after(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    bad, good = (make_agent(tags=["old"]).public_id for _ in range(2))
    make_hook(there)
    there.answer = lambda got: 500 if about(bad) in got.body else 204
    change(bad, "x")
    rename_tag(old="old", new="new", actor=ROOT)
    change(good, "y")
    deliver()
    assert [body["type"] for body in there.told()] == ["agent.tags.changed"]
    there.answer = lambda got: 204
    clock.shift(timedelta(seconds=10))
    deliver()
    types = [(body["type"], body["data"].get("added")) for body in there.told()[1:]]
    assert types == [
        ("agent.tags.changed", ["x"]),
        ("tag.renamed", None),
        ("agent.tags.changed", ["y"]),
    ]


def test_a_tags_event_and_the_others_wait_for_each_other_only_so_long(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    bad, good = (make_agent(tags=["old"]).public_id for _ in range(2))
    make_hook(there)
    there.answer = lambda got: 500 if about(bad) in got.body else 204
    change(bad, "x")
    rename_tag(old="old", new="new", actor=ROOT)
    change(good, "y")
    deliver()
    clock.shift(timedelta(seconds=WEBHOOK_TAG_SECONDS - 1))
    deliver()
    assert added(there, good) == []
    clock.shift(timedelta(seconds=1))
    deliver()
    assert added(there, good) == ["y"]
    assert "tag.renamed" in [body["type"] for body in there.told()]


def _rename() -> None:
    rename_tag(old="mine", new="new", actor=ROOT)


def _rename_twice() -> None:
    rename_tag(old="mine", new="between", actor=ROOT)
    rename_tag(old="between", new="new", actor=ROOT)


def _rename_and_reuse() -> None:
    _rename()
    make_agent(tags=["mine"])


def _merge() -> None:
    merge_tags(source="mine", target="target", actor=ROOT)


def _rename_and_merge() -> None:
    _rename()
    merge_tags(source="new", target="target", actor=ROOT)


def _delete() -> None:
    delete_tag(name="mine", actor=ROOT)


@pytest.mark.parametrize(
    "act", [_rename, _rename_twice, _rename_and_reuse, _merge, _rename_and_merge, _delete]
)
def test_a_tags_event_holds_back_only_agents_that_carry_the_tag(
    there: Receiver, clock: time_machine.Traveller, act: Callable[[], None]
) -> None:
    stuck, carrier, stranger = (
        make_agent(tags=[tag]).public_id for tag in ("mine", "mine", "other")
    )
    make_agent(tags=["target"])
    make_hook(there)
    there.answer = lambda got: 500 if about(stuck) in got.body else 204
    change(stuck, "x")
    act()
    rename_tag(old="other", new="others", actor=ROOT)
    change(carrier, "y")
    change(stranger, "z")
    deliver()
    assert added(there, stranger) == ["z"]
    assert added(there, carrier) == []
    of_tags = [body["data"] for body in there.told() if body["type"].startswith("tag.")]
    assert [data.get("old") for data in of_tags] == ["other"]
    there.answer = lambda got: 204
    clock.shift(timedelta(seconds=10))
    deliver()
    assert set(states()) == {DeliveryState.DONE}
    assert added(there, stuck) == ["x", "x"]
    bodies = there.told()
    (mine,) = [body for body in bodies if body["data"].get("agent_id") == carrier]
    before = [body for body in bodies if body["type"].startswith("tag.")]
    before = [body for body in before if body["data"].get("old") != "other"]
    assert before
    assert bodies.index(mine) > max(bodies.index(body) for body in before)


def test_an_agent_that_lost_the_tag_before_is_not_told_before(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    agent = make_agent(tags=["mine"]).public_id
    make_agent(tags=["mine"])
    make_hook(there)
    change_tags(agent_id=agent, remove=["mine"], actor=ROOT)
    rename_tag(old="mine", new="new", actor=ROOT)
    there.answer = lambda got: 500
    deliver()
    assert [body["type"] for body in there.told()] == ["agent.tags.changed"]


def test_many_events_of_tags_are_looked_at_in_parts(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "_TAG_EVENTS", 3)
    agent = make_agent(tags=["n0"]).public_id
    make_hook(there)
    for number in range(10):
        rename_tag(old=f"n{number}", new=f"n{number + 1}", actor=ROOT)
        change(agent, f"after {number}")
    deliver()
    assert [body["sequence"] for body in there.told()] == sorted(
        body["sequence"] for body in there.told()
    )
    assert len(there.got) == 20
    assert there.told()[1]["data"]["tags"] == ["after 0", "n1"]


def test_one_webhook_does_not_wait_for_another(
    there: Receiver, clock: time_machine.Traveller
) -> None:
    agent = make_agent().public_id
    make_hook(there, name="good")
    bad = make_hook(there, name="bad")
    Webhook.objects.filter(id=bad.id).update(url=there.url.replace("/hook", "/bad"))
    there.answer = lambda got: 500 if got.path == "/bad" else 204
    change(agent, "a", "b")
    deliver()
    assert [got.path for got in there.got].count("/hook") == 2
    assert [got.path for got in there.got].count("/bad") == 1
