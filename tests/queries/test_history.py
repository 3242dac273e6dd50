"""What the history lists: by person, tag, agent, source and time, whatever a tag was called."""

from datetime import timedelta

import pytest

from agents.core.actors import MANAGE
from agents.core.errors import NotAllowed
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.tags.edit import change_tags
from agents.models import Act, ChangeSet
from agents.queries.history.agent import feed
from agents.queries.history.change_sets import HistoryFilter, history_page
from tests.helpers import ROOT, make_agent, make_editor, make_key_actor

pytestmark = pytest.mark.django_db
MANAGER = make_editor("Mo", MANAGE)


EVERYTHING = HistoryFilter()


def acts(wanted: HistoryFilter = EVERYTHING) -> list[str]:
    """What was done, newest first."""
    return [row.change_set.act for row in history_page(wanted, actor=ROOT).rows]


def test_it_works() -> None:
    agent = make_agent(tags=["a"])
    change_tags(agent_id=agent.public_id, add=["b"], actor=make_key_actor(), reason="why")
    (newest, oldest) = history_page(HistoryFilter(), actor=ROOT).rows
    assert (newest.change_set.reason, [one.tag for one in newest.changes]) == ("why", ["b"])
    assert [one.op for one in oldest.changes] == ["create", "add"]


def test_by_person_source_agent_and_tag() -> None:
    one, other = make_agent(tags=["a"]), make_agent(tags=["b"])
    change_tags(agent_id=one.public_id, add=["c"], actor=make_editor("Ben"))
    change_tags(agent_id=other.public_id, add=["c"], actor=make_key_actor())
    assert acts(HistoryFilter(person="Ben")) == ["tags"]
    assert acts(HistoryFilter(source="api")) == ["tags"]
    assert acts(HistoryFilter(agent=one.public_id)) == ["tags", "create"]
    assert acts(HistoryFilter(tag="c")) == ["tags", "tags"]
    assert acts(HistoryFilter(tag="c", agent=one.public_id)) == ["tags"]
    assert acts(HistoryFilter(tag="c", person="Ben", source="api")) == []
    assert acts(HistoryFilter(tag="nothing")) == []


def test_of_a_tag_follows_its_renames_and_no_other_tag() -> None:
    agent = make_agent(tags=["first"])
    rename_tag(old="first", new="second", actor=MANAGER)
    make_agent(tags=["first"])  # another tag of the old name
    rename_tag(old="second", new="third", actor=MANAGER)
    change_tags(agent_id=agent.public_id, remove=["third"], actor=ROOT)
    assert acts(HistoryFilter(tag="third")) == ["tags", "rename", "rename", "create"]
    assert acts(HistoryFilter(tag="first")) == ["create"]
    assert acts(HistoryFilter(tag="third", agent=agent.public_id)) == ["tags", "create"]


def test_by_time() -> None:
    make_agent()
    make_agent()
    old, new = ChangeSet.objects.order_by("id")
    ChangeSet.objects.filter(id=old.id).update(created_at=new.created_at - timedelta(days=1))
    assert acts(HistoryFilter(since=new.created_at)) == ["create"]
    assert acts(HistoryFilter(until=new.created_at)) == ["create"]
    assert acts(HistoryFilter(since=new.created_at - timedelta(days=2))) == ["create"] * 2
    assert acts(HistoryFilter(since=new.created_at + timedelta(days=1))) == []
    assert acts(HistoryFilter(until=new.created_at - timedelta(days=2))) == []


@pytest.mark.parametrize("wanted", [HistoryFilter(), HistoryFilter(tag="a")])
def test_pages_show_each_change_set_once(wanted: HistoryFilter) -> None:
    for _ in range(7):
        make_agent(tags=["a"])
    shown: list[int] = []
    before = None
    for _ in range(3):
        page = history_page(wanted, actor=ROOT, before=before, size=3)
        shown += [row.change_set.id for row in page.rows]
        before = page.older
    assert (before, page.cut_short) == (None, False)
    assert shown == list(ChangeSet.objects.order_by("-id").values_list("id", flat=True))


def test_of_a_tag_with_many_changes_in_one_act() -> None:
    for _ in range(5):
        make_agent(tags=["Vip"])
    make_agent(tags=["vip"])
    merge_tags(source="Vip", target="vip", actor=MANAGER)
    assert acts(HistoryFilter(tag="vip")) == [Act.MERGE, Act.CREATE]
    assert acts(HistoryFilter(tag="Vip")) == [Act.MERGE, *[Act.CREATE] * 5]


def test_limited_actor_has_none() -> None:
    with pytest.raises(NotAllowed):
        history_page(HistoryFilter(), actor=make_key_actor("user_1"))


def test_an_agents_history_tells_renames_of_tags_that_it_carried() -> None:
    agent, other = make_agent(tags=["a"]), make_agent(tags=["a"])
    change_tags(agent_id=other.public_id, remove=["a"], actor=ROOT)
    rename_tag(old="a", new="b", actor=MANAGER)
    change_tags(agent_id=agent.public_id, remove=["b"], actor=ROOT)
    rename_tag(old="b", new="c", actor=MANAGER)
    assert [entry.change_set.act for entry in feed(agent).entries] == ["tags", "rename", "create"]
    assert [entry.change_set.act for entry in feed(other).entries] == ["tags", "create"]
    (rename,) = [change for entry in feed(agent).entries for change in entry.renamed]
    assert (rename.old, rename.new) == ("a", "b")
    assert [len(feed(agent, size=1).entries), feed(agent, size=1).entries[0].removed] == [1, ["b"]]
