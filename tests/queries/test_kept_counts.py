"""Exact counts of filters by tags: kept until a tag changes, and right after every kind of change."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.core.filters import AgentFilter
from agents.domain.agents.edit import AgentEdit
from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agents, delete_agent, update_agent
from agents.domain.directory.merge import delete_tag, merge_tags
from agents.domain.tags.edit import change_tags
from agents.queries import agents as listing
from tests.helpers import ROOT, make_agent

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_postgres,  # SQLite keeps no counts
]

BOTH = AgentFilter(all=("a", "b"), visible=True)


def count() -> int:
    return listing.count(BOTH, actor=ROOT)


def counted_anew() -> bool:
    with CaptureQueriesContext(connection) as captured:
        count()
    return any("agents_agenttag" in query["sql"] for query in captured)


def test_a_count_is_made_once_until_one_of_its_tags_changes() -> None:
    for _ in range(3):
        make_agent(tags=["a", "b"])
    other = make_agent(tags=["c"]).public_id
    assert count() == 3
    assert not counted_anew()
    change_tags(agent_id=other, add=["d"], actor=ROOT)
    assert not counted_anew()
    change_tags(agent_id=other, add=["b"], actor=ROOT)
    assert counted_anew()


def test_a_count_is_right_after_every_change() -> None:
    ids = [make_agent(tags=["a", "b"]).public_id for _ in range(6)]
    ids += [make_agent(tags=["a"]).public_id, make_agent(tags=["b2"]).public_id]

    def edit(place: int, add: list[str], remove: list[str]) -> Callable[[], object]:
        return lambda: change_tags(agent_id=ids[place], add=add, remove=remove, actor=ROOT)

    def swap() -> None:
        """The counter of `b` ends where it was."""
        edit(6, ["b"], [])()
        edit(0, [], ["b"])()

    def hide() -> None:
        update_agent(agent_id=ids[1], edit=AgentEdit(extra={"hidden": True}), actor=ROOT)

    changes: list[tuple[Callable[[], object], int]] = [
        (lambda: None, 6),
        (edit(6, ["b"], []), 7),
        (edit(6, [], ["b"]), 6),
        (swap, 6),
        (edit(6, [], ["a"]), 5),
        (hide, 4),
        (lambda: delete_agent(agent_id=ids[2], actor=ROOT), 3),
        (lambda: create_agents([NewAgent(model="m/1", tags=["a", "b"])] * 2, actor=ROOT), 5),
        (edit(7, ["a"], []), 5),
        (lambda: merge_tags(source="b2", target="b", actor=ROOT), 6),
        (lambda: delete_tag(name="b", actor=ROOT), 0),
    ]
    for number, (change, expected) in enumerate(changes):
        change()
        assert [count(), count()] == [expected, expected], number
