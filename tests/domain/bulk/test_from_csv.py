"""Tags from a CSV text: which rows are used, which are refused, and why."""

import pytest

from agents.core.errors import Invalid, NotAllowed
from agents.core.json_text import loads
from agents.domain.bulk.from_csv import plan_rows
from agents.models import BulkState
from agents.tasks import bulk
from tests.helpers import (
    all_tags,
    drift,
    everything,
    make_agent,
    make_editor,
    make_key_row,
    make_manager,
    tags_of,
)

pytestmark = pytest.mark.django_db


def test_rows_become_a_plan_and_one_change_set() -> None:
    one, two = make_agent(tags=["a"]), make_agent()
    text = (
        "agent_id,tag\r\n"
        f"{one.public_id},a\r\n"
        f'{one.public_id},"vip, or so"\r\n'
        f"{two.public_id}, spaced \r\n"
        f"{two.public_id},b\r\n"
    )
    before = all_tags()
    plan = plan_rows(text=text, actor=make_manager(), reason="list")
    assert (plan.matched, loads(plan.planned), all_tags()) == (2, {"change": 2}, before)
    plan = bulk.begin(plan_id=plan.id, actor=make_manager())
    assert (plan.state, plan.changed) == (BulkState.DONE, 2)
    assert (tags_of(one), tags_of(two)) == (["a", "vip, or so"], ["b", "spaced"])
    assert drift() == []
    bulk.begin_undo(plan_id=plan.id, actor=make_manager())
    assert all_tags() == before


def test_every_refused_line_is_named_with_why() -> None:
    agent = make_agent()
    text = f"{agent.public_id},ok\n\nnobody,x\n{agent.public_id}\n{agent.public_id},\n"
    text += f"{agent.public_id},ok\n{agent.public_id},{'x' * 513}\n"
    plan = plan_rows(text=text, actor=make_manager())
    assert [(line, why) for line, _, why in loads(plan.refused)] == [
        (3, "names an agent that does not exist."),
        (4, "has 1 cell and not two."),
        (5, "names a tag that is empty."),
        (6, "repeats line 1."),
        (7, "names a tag that is 513 characters; the limit is 512."),
    ]
    assert plan.matched == 1


def test_limited_actor_reaches_its_own_agents_and_tags() -> None:
    own, other = make_agent(tags=["user_1"]), make_agent(tags=["user_2"])
    actor = make_key_row("user_1")
    text = f"{own.public_id},note\n{own.public_id},user_2\n{other.public_id},note\n"
    plan = plan_rows(text=text, actor=actor)
    assert [line for line, _, _ in loads(plan.refused)] == [2, 3]
    bulk.begin(plan_id=plan.id, actor=actor)
    assert (tags_of(own), tags_of(other)) == (["note", "user_1"], ["user_2"])


@pytest.mark.parametrize("text", ["", "agent_id,tag\n", "x,y\n", '"open', "a\0b,c\n", "\ud800,t\n"])
def test_text_without_a_row_to_use_changes_nothing(text: str) -> None:
    before = everything()
    with pytest.raises(Invalid) as refusal:
        plan_rows(text=text, actor=make_manager())
    assert refusal.value.field == "rows"
    assert everything() == before


def test_rows_need_a_manager() -> None:
    with pytest.raises(NotAllowed):
        plan_rows(text="a,b", actor=make_editor())


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.core.csv_in.CSV_ROWS", 2)
    agent = make_agent()
    with pytest.raises(Invalid):
        plan_rows(text="".join(f"{agent.public_id},x{n}\n" for n in range(4)), actor=make_manager())


@pytest.mark.parametrize("line", ["," * 2_000_000, '"' + "a" * 1_000_000, "x" * 1_000_001])
def test_a_line_that_is_too_long_is_refused(line: str) -> None:
    with pytest.raises(Invalid) as refused:
        plan_rows(text=f"agent_id,tag\n{line}\n", actor=make_manager())
    assert (
        refused.value.message == f"Line 2 is {len(line) + 1:,} characters; the limit is 1,000,000."
    )
