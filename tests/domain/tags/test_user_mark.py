"""The mark that says by hand that a tag names a user: counts, history, undo, and what follows it."""

from typing import Any

import pytest

from agents.core.errors import Invalid, NotAllowed
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.history.undo_set import undo_set
from agents.domain.keys import create_key
from agents.domain.upkeep.recount import differences
from agents.models import Act, Agent, ChangeSet, Tag
from agents.queries.history.change_sets import HistoryFilter, history_page
from agents.views.core.history_words import shown_sets
from tests.helpers import ROOT, drift, make_agent, make_editor, make_manager

pytestmark = pytest.mark.django_db
NAME = "my_uuid"


@pytest.fixture
def own() -> Agent:
    """An agent whose tag names nobody yet, beside one of a user by the settings."""
    make_agent(tags=["user_1"])
    return make_agent(tags=[NAME, "note"])


def users_on(agent: Agent) -> int:
    agent.refresh_from_db()
    return agent.user_tag_count


def is_user(name: str = NAME) -> bool:
    return Tag.objects.get(name=name).names_user


def test_a_mark_is_counted_on_each_agent_and_can_be_removed(own: Agent) -> None:
    version = own.version
    describe_tag(name=NAME, actor=ROOT, user=True)
    assert (is_user(), users_on(own), own.version) == (True, 1, version)
    assert users_on(make_agent(tags=[NAME, "user_1"])) == 2
    assert (drift(), differences()) == ([], [])
    describe_tag(name=NAME, actor=ROOT, user=False)
    assert (is_user(), users_on(own)) == (False, 0)
    assert (drift(), differences()) == ([], [])


def test_a_mark_is_in_the_history_and_can_be_undone(own: Agent) -> None:
    describe_tag(name=NAME, actor=ROOT, user=True, colour="red")
    describe_tag(name=NAME, actor=ROOT, user=True)  # it is so already
    made = ChangeSet.objects.get(act=Act.DESCRIBE)
    [change] = made.changes.filter(field="names a user")
    assert (change.tag, change.old, change.new) == (NAME, "by its text", "yes, by hand")
    [row] = history_page(HistoryFilter(tag=NAME), actor=ROOT, size=1).rows
    assert shown_sets([row], make_manager())[0].may_undo
    undone = undo_set(change_set_id=made.id, actor=ROOT)
    assert undone.change_set is not None
    assert (undone.change_set.undoes, undone.agents) == (made.id, 1)
    assert (is_user(), users_on(own), Tag.objects.get(name=NAME).colour) == (False, 0, "red")
    again = undo_set(change_set_id=made.id, actor=ROOT)
    assert (again.change_set, again.kept_count) == (None, 1)
    undo_set(change_set_id=undone.change_set.id, actor=ROOT)
    assert (is_user(), users_on(own), drift()) == (True, 1, [])


def test_only_managers_mark(own: Agent) -> None:
    actor = make_editor()
    with pytest.raises(NotAllowed):
        describe_tag(name=NAME, actor=actor, user=True)
    describe_tag(name=NAME, actor=ROOT, user=True)
    with pytest.raises(NotAllowed):
        undo_set(change_set_id=ChangeSet.objects.latest("id").id, actor=actor)
    assert is_user()


def test_a_mark_is_bounded_by_the_agents_to_count(own: Agent, settings: Any) -> None:
    settings.WHOLE_TAG_AT_ONCE = 0
    with pytest.raises(
        Invalid, match=r"1 agents carry my_uuid. This can be changed for at most 0 agents"
    ):
        describe_tag(name=NAME, actor=ROOT, user=True)
    assert (is_user(), users_on(own)) == (False, 0)


def test_a_mark_follows_a_rename(own: Agent) -> None:
    describe_tag(name=NAME, actor=ROOT, user=True)
    rename_tag(old=NAME, new="other_uuid", actor=ROOT)
    assert (is_user("other_uuid"), users_on(own)) == (True, 1)
    rename_tag(old="other_uuid", new="user_9", actor=ROOT)
    rename_tag(old="user_9", new=NAME, actor=ROOT)
    assert (is_user(), users_on(own), drift()) == (True, 1, [])


def test_the_target_of_a_merge_keeps_its_own_and_an_undo_brings_the_mark_back(own: Agent) -> None:
    make_agent(tags=["team"])
    describe_tag(name=NAME, actor=ROOT, user=True)
    done = merge_tags(source=NAME, target="team", actor=ROOT)
    assert (is_user("team"), users_on(own), drift()) == (False, 0, [])
    assert done.change_set is not None
    undo_set(change_set_id=done.change_set.id, actor=ROOT)
    assert (is_user(), users_on(own), drift(), differences()) == (True, 1, [], [])


def test_a_key_s_limit_is_marked_as_it_is_made(own: Agent) -> None:
    create_key(name="k", limit_tag=NAME, names_user=True, actor=ROOT)
    create_key(name="k", limit_tag="not yet", names_user=True, actor=ROOT)
    assert (is_user(), users_on(own), is_user("not yet"), drift()) == (True, 1, True, [])
    with pytest.raises(Invalid) as refused:
        create_key(name="k", names_user=True, actor=ROOT)
    assert refused.value.field == "names_user"
