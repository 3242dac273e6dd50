"""Renaming and describing a tag."""

import pytest

from agents.core.actors import ADMIN, MANAGE
from agents.core.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.plans import PlanChanged, plan_rename
from agents.domain.directory.rename import describe_tag, rename_tag
from agents.domain.history.undo import undo
from agents.domain.history.undo_set import undo_set
from agents.domain.keys import create_key
from agents.domain.saved_views import save_view
from agents.domain.tags.edit import change_tags
from agents.domain.upkeep.recount import differences
from agents.models import Agent, ApiKey, Change, ChangeSet, Op, Tag
from tests.helpers import (
    ROOT,
    drift,
    everything,
    make_agent,
    make_editor,
    make_key_actor,
    search_rows,
    tags_of,
)

pytestmark = pytest.mark.django_db
MANAGER = make_editor("Mo", MANAGE)


def test_rename_it_works() -> None:
    agents = [make_agent(tags=["old", "x"]) for _ in range(3)]
    before = Change.objects.count()
    result = rename_tag(old="old", new="New: é", actor=MANAGER, reason="spelling")
    assert [tags_of(agent) for agent in agents] == [["New: é", "x"]] * 3
    assert result.change_set
    (change,) = result.change_set.changes.all()
    assert (change.op, change.tag, change.old, change.new) == (Op.RENAME, "old", "old", "New: é")
    assert (result.change_set.reason, result.change_set.agent_count) == ("spelling", 3)
    assert Change.objects.count() == before + 1
    assert drift() == []
    assert differences() == []
    assert [agent.version for agent in Agent.objects.all()] == [1, 1, 1]


@pytest.mark.parametrize(("old", "new"), [("vip", "user_7"), ("user_7", "vip")])
def test_rename_to_or_from_a_user_counts_users(old: str, new: str) -> None:
    make_agent(tags=[old, "user_8"])
    make_agent(tags=[old])
    rename_tag(old=old, new=new, actor=MANAGER)
    assert drift() == []
    assert differences() == []


@pytest.mark.parametrize(("old", "new"), [("vip", "origin:x"), ("origin:x", "vip")])
def test_rename_sets_protection_by_the_settings_again(old: str, new: str) -> None:
    make_agent(tags=[old])
    rename_tag(old=old, new=new, actor=MANAGER)
    assert Tag.objects.get().protected == (new == "origin:x")


def test_rename_keeps_what_was_said_by_hand() -> None:
    make_agent(tags=["vip"])
    describe_tag(name="vip", protection=True, actor=MANAGER)
    rename_tag(old="vip", new="gold", actor=MANAGER)
    assert (Tag.objects.get().protected, differences()) == (True, [])


def test_keys_follow_a_rename() -> None:
    make_agent(tags=["user_1"])
    create_key(name="k", limit_tag="user_1", actor=ROOT)
    rename_tag(old="user_1", new="user_2", actor=MANAGER)
    assert ApiKey.objects.get().limit_tag == "user_2"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("a", "b", Conflict),
        ("a", "a", Invalid),
        ("a", "", Invalid),
        ("a", "x" * 513, Invalid),
        ("a", "x\x00", Invalid),
        ("nothing", "c", NotFound),
        ("x\x00", "c", NotFound),
    ],
)
def test_rename_refused_changes_nothing(old: str, new: str, error: type[Exception]) -> None:
    make_agent(tags=["a", "b"])
    before = everything()
    with pytest.raises(error):
        rename_tag(old=old, new=new, actor=MANAGER)
    assert everything() == before


@pytest.mark.parametrize("actor", [make_editor(), make_key_actor("a", powers=ADMIN)])
def test_rename_takes_a_manager_without_a_limit(actor: object) -> None:
    make_agent(tags=["a"])
    with pytest.raises(NotAllowed):
        rename_tag(old="a", new="b", actor=actor)


def test_rename_of_a_plan_that_no_longer_holds_shows_the_new_one() -> None:
    make_agent(tags=["a"])
    plan = plan_rename(old="a", new="b", actor=MANAGER)
    make_agent(tags=["a"])
    before = everything()
    with pytest.raises(PlanChanged) as raised:
        rename_tag(old="a", new="b", actor=MANAGER, fingerprint=plan.fingerprint)
    assert (raised.value.plan.agents, everything()) == (2, before)
    rename_tag(old="a", new="b", actor=MANAGER, fingerprint=raised.value.plan.fingerprint)
    assert Tag.objects.get().name == "b"


def test_rename_is_undone_by_one_change() -> None:
    agent = make_agent(tags=["a"])
    done = rename_tag(old="a", new="b", actor=MANAGER).change_set
    assert done
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert (tags_of(agent), undone.agents, undone.kept) == (["a"], 1, [])
    assert undone.change_set
    assert (undone.change_set.undoes, undone.change_set.changes.count()) == (done.id, 1)
    redone = undo_set(change_set_id=undone.change_set.id, actor=MANAGER)
    assert (tags_of(agent), redone.agents) == (["b"], 1)


def test_undo_of_a_rename_after_another_is_left() -> None:
    agent = make_agent(tags=["a"])
    first = rename_tag(old="a", new="b", actor=MANAGER).change_set
    rename_tag(old="b", new="c", actor=MANAGER)
    assert first
    undone = undo_set(change_set_id=first.id, actor=MANAGER)
    assert [one.why for one in undone.kept] == ["b has been renamed since, to c"]
    assert (tags_of(agent), undone.change_set) == (["c"], None)


def test_undo_of_a_rename_whose_old_name_is_taken_is_left() -> None:
    make_agent(tags=["a"])
    done = rename_tag(old="a", new="b", actor=MANAGER).change_set
    make_agent(tags=["a"])
    assert done
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert [one.why for one in undone.kept] == ["a tag a already exists: merge the two instead"]


def test_undo_of_an_older_change_means_the_renamed_tag() -> None:
    agent = make_agent(tags=["stays", "off"])
    done = change_tags(agent_id=agent.public_id, add=["a"], remove=["off"], actor=ROOT).change_set
    rename_tag(old="a", new="b", actor=MANAGER)
    rename_tag(old="off", new="on", actor=MANAGER)
    other = make_agent(tags=["a"])
    assert done
    undone = undo(change_set_id=done.id, actor=make_editor())
    assert (tags_of(agent), tags_of(other)) == (["on", "stays"], ["a"])
    assert sorted(str(change.tag) for change in undone.done) == ["b", "on"]
    assert undone.kept == []
    assert drift() == []


def test_undo_after_a_rename_sees_what_came_after_it() -> None:
    agent = make_agent(tags=["a"])
    done = change_tags(agent_id=agent.public_id, remove=["a"], actor=ROOT).change_set
    rename_tag(old="a", new="b", actor=MANAGER)
    change_tags(agent_id=agent.public_id, add=["b"], actor=make_editor("Ben"))
    change_tags(agent_id=agent.public_id, remove=["b"], actor=make_editor("Ben"))
    assert done
    undone = undo(change_set_id=done.id, actor=make_editor())
    assert [one.why.partition(" at ")[0] for one in undone.kept] == ["Ben removed b"]


def test_describe_records_what_changed() -> None:
    make_agent(tags=["a"])
    describe_tag(name="a", description="Serves", colour="teal", protection=True, actor=MANAGER)
    describe_tag(name="a", description="Serves", actor=MANAGER)
    tag = Tag.objects.get()
    assert (tag.description, tag.colour, tag.protected) == ("Serves", "teal", True)
    changes = ChangeSet.objects.latest("id").changes.order_by("id")
    assert [(one.tag, one.field, one.old, one.new) for one in changes] == [
        ("a", "description", "", "Serves"),
        ("a", "colour", "", "teal"),
        ("a", "protection", "not protected, by the settings", "protected, by hand"),
    ]
    assert ChangeSet.objects.count() == 2
    assert differences() == []
    describe_tag(name="a", protection=None, actor=MANAGER)
    assert Tag.objects.get().protected is False


@pytest.mark.parametrize(
    "facts", [{"description": "x" * 501}, {"description": "\x00"}, {"colour": "mauve"}]
)
def test_describe_refused_changes_nothing(facts: dict[str, str]) -> None:
    make_agent(tags=["a"])
    before = everything()
    with pytest.raises(Invalid):
        describe_tag(name="a", actor=MANAGER, **facts)
    assert everything() == before


@pytest.mark.only_sqlite
def test_rename_is_found_by_search() -> None:
    make_agent(tags=["Old"])
    rename_tag(old="Old", new="Néw", actor=MANAGER)
    assert [text for _, text in search_rows("agents_tag_search")] == ["new"]


def test_saved_views_follow_a_rename_and_a_merge() -> None:
    make_agent(tags=["a", "c"])
    view = save_view(name="v", pairs=[("any", "a")], shared=True, pinned=False, actor=ROOT)
    assert plan_rename(old="a", new="b", actor=MANAGER).follows.views == 1
    rename_tag(old="a", new="b", actor=MANAGER)
    view.refresh_from_db()
    assert view.pairs == '[["any","b"]]'
    merge_tags(source="b", target="c", actor=MANAGER)
    view.refresh_from_db()
    assert view.pairs == '[["any","c"]]'
