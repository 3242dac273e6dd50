"""What names a tag by its text: API keys and saved views follow a rename and a merge, and go back."""

import pytest

from agents.core.actors import ADMIN, MANAGE
from agents.core.errors import NotAllowed
from agents.core.json_text import loads
from agents.domain.directory.merge import delete_tag, merge_tags
from agents.domain.directory.plans import plan_delete, plan_merge, plan_rename
from agents.domain.directory.rename import rename_tag
from agents.domain.history.undo_set import undo_set
from agents.domain.keys import create_key, disable_key
from agents.domain.saved_views import delete_view, pairs_of, save_view
from agents.models import ApiKey, ChangeSet, SavedView
from tests.helpers import ROOT, everything, make_agent, make_editor

pytestmark = pytest.mark.django_db
MANAGER = make_editor("Mo", MANAGE)
ADMINISTRATOR = make_editor("Ada", ADMIN)


def make_tags(*names: str) -> None:
    for name in names:
        make_agent(tags=[name])


def make_key(
    limit: str = "user_1", may_tag: tuple[str, ...] = (), *, any_label: bool = False
) -> ApiKey:
    made = create_key(name="k", limit_tag=limit, may_tag=may_tag, any_label=any_label, actor=ROOT)
    return made.key


def make_view(*pairs: tuple[str, str]) -> SavedView:
    return save_view(name="v", pairs=pairs, shared=True, pinned=False, actor=ROOT)


def listed(key: ApiKey) -> list[str]:
    key.refresh_from_db()
    return loads(key.may_tag)


def limit(key: ApiKey) -> str | None:
    key.refresh_from_db()
    return key.limit_tag


def shown(view: SavedView) -> list[tuple[str, str]]:
    view.refresh_from_db()
    return pairs_of(view)


def moves(change_set: ChangeSet | None) -> list[tuple[str, str | None, str | None]]:
    """What history says of keys and views."""
    rows = change_set.changes.filter(op="set", agent_id=None).order_by("id")
    return list(rows.values_list("field", "old", "new"))


def test_lists_follow_a_rename_and_it_is_recorded_and_undone() -> None:
    make_tags("vip", "user_1")
    key, other = make_key(may_tag=("a", "vip", "v*")), make_key(may_tag=("VIP", "vi*"))
    plan = plan_rename(old="vip", new="gold", actor=MANAGER)
    assert (plan.follows.lists, plan.needs_admin) == ((key.key_id,), False)
    done = rename_tag(old="vip", new="gold", actor=MANAGER).change_set
    assert (listed(key), listed(other)) == (["a", "gold", "v*"], ["VIP", "vi*"])
    assert moves(done) == [(f"list of key {key.key_id}", "vip", "gold")]
    undo_set(change_set_id=done.id, actor=MANAGER)
    assert listed(key) == ["a", "vip", "v*"]


def test_list_does_not_follow_to_a_name_with_a_star() -> None:
    make_tags("vip", "user_1")
    key = make_key(may_tag=("vip",))
    plan = plan_rename(old="vip", new="v*", actor=MANAGER)
    assert (plan.lists_stay, plan.follows.lists) == (True, (key.key_id,))
    rename_tag(old="vip", new="v*", actor=MANAGER)
    assert listed(key) == ["vip"]
    rename_tag(old="v*", new="w", actor=MANAGER)
    assert listed(key) == ["vip"]


def test_rename_says_which_keys_may_write_it_then() -> None:
    make_tags("vip", "user_1")
    by_pattern, by_label = make_key(may_tag=("note:*",)), make_key(any_label=True)
    make_key()
    plan = plan_rename(old="vip", new="note:vip", actor=MANAGER)
    assert plan.follows.gains == (by_pattern.key_id,)
    make_tags("user_7")
    plan = plan_rename(old="user_7", new="seven", actor=MANAGER)
    assert plan.follows.gains == (by_label.key_id,)


def test_rename_to_the_limit_of_a_waiting_key_takes_an_admin_and_goes_back() -> None:
    make_tags("old")
    waiting, own = make_key("user_1"), make_key("old")
    before = everything()
    assert plan_rename(old="old", new="user_1", actor=MANAGER).needs_admin
    with pytest.raises(NotAllowed, match="Only an admin"):
        rename_tag(old="old", new="user_1", actor=MANAGER)
    assert everything() == before
    done = rename_tag(old="old", new="user_1", actor=ADMINISTRATOR).change_set
    assert (limit(waiting), limit(own)) == ("user_1", "user_1")
    later = make_key("user_1")
    undo_set(change_set_id=done.id, actor=ADMINISTRATOR)
    assert [limit(key) for key in (waiting, own, later)] == ["user_1", "old", "old"]


def test_disabled_keys_do_not_stand_in_the_way() -> None:
    make_tags("old", "new")
    for tag in ("old", "user_1"):
        disable_key(key_id=make_key(tag, ("old",)).key_id, actor=ROOT)
    assert not plan_rename(old="old", new="user_1", actor=MANAGER).needs_admin
    assert not plan_merge(source="old", target="new", actor=MANAGER).needs_admin


def test_merge_that_opens_a_tag_to_a_list_takes_an_admin_and_is_undone() -> None:
    make_tags("Vip", "vip", "user_1")
    key = make_key(may_tag=("Vip", "x"))
    before = everything()
    plan = plan_merge(source="Vip", target="vip", actor=MANAGER)
    assert (plan.follows.lists, plan.needs_admin) == ((key.key_id,), True)
    with pytest.raises(NotAllowed, match=key.key_id):
        merge_tags(source="Vip", target="vip", actor=MANAGER)
    assert everything() == before
    done = merge_tags(source="Vip", target="vip", actor=ADMINISTRATOR).change_set
    assert listed(key) == ["vip", "x"]
    assert moves(done) == [(f"list of key {key.key_id}", "Vip", "vip")]
    by_manager = undo_set(change_set_id=done.id, actor=MANAGER)
    assert listed(key) == ["vip", "x"]
    assert [one.why for one in by_manager.kept] == [
        f"only an admin may restore list of key {key.key_id}"
    ]
    undone = undo_set(change_set_id=done.id, actor=ADMINISTRATOR).change_set
    assert listed(key) == ["Vip", "x"]
    undo_set(change_set_id=undone.id, actor=ADMINISTRATOR)
    assert listed(key) == ["vip", "x"]


@pytest.mark.parametrize("list_", [("Vip", "vip"), ("Vip", "v*")])
def test_merge_of_tags_that_a_list_names_both_widens_nothing(list_: tuple[str, ...]) -> None:
    make_tags("Vip", "vip", "user_1")
    key = make_key(may_tag=list_)
    assert not plan_merge(source="Vip", target="vip", actor=MANAGER).needs_admin
    done = merge_tags(source="Vip", target="vip", actor=MANAGER).change_set
    assert listed(key) == [*dict.fromkeys(["vip", list_[1]])]
    undo_set(change_set_id=done.id, actor=ADMINISTRATOR)
    assert sorted(listed(key)) == sorted(list_)


def test_deletion_leaves_lists_as_they_are() -> None:
    make_tags("vip", "user_1")
    key = make_key(may_tag=("vip",))
    plan = plan_delete(name="vip", actor=MANAGER)
    assert (plan.follows.lists, plan.lists_stay) == ((key.key_id,), True)
    delete_tag(name="vip", actor=MANAGER)
    assert listed(key) == ["vip"]  # an empty one would open all tags


def test_views_go_back_with_the_undo_of_a_merge() -> None:
    make_tags("Vip", "vip", "x")
    one = make_view(("any", "Vip"), ("none", "Vip"), ("q", "Vip"))
    both = make_view(("all", "Vip"), ("all", "vip"), ("sort", "name"))
    target = make_view(("any", "vip"))
    before = [shown(view) for view in (one, both, target)]
    assert plan_merge(source="Vip", target="vip", actor=MANAGER).follows.views == 2
    done = merge_tags(source="Vip", target="vip", actor=MANAGER).change_set
    after = [shown(view) for view in (one, both, target)]
    assert after == [
        [("any", "vip"), ("none", "vip"), ("q", "Vip")],
        [("all", "vip"), ("sort", "name")],
        [("any", "vip")],
    ]
    assert moves(done) == [
        (f"view {one.id}", "any=Vip", "any=vip"),
        (f"view {one.id}", "none=Vip", "none=vip"),
        (f"view {both.id}", "all=Vip", None),
    ]
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert undone.kept == []
    assert [sorted(shown(view)) for view in (one, both, target)] == [sorted(v) for v in before]
    undo_set(change_set_id=undone.change_set.id, actor=MANAGER)
    assert [sorted(shown(view)) for view in (one, both, target)] == [sorted(v) for v in after]


def test_views_go_back_after_the_target_was_renamed() -> None:
    make_tags("Vip", "vip")
    view = make_view(("any", "Vip"))
    done = merge_tags(source="Vip", target="vip", actor=MANAGER).change_set
    rename_tag(old="vip", new="gold", actor=MANAGER)
    undo_set(change_set_id=done.id, actor=MANAGER)
    assert shown(view) == [("any", "Vip")]


def test_undo_reports_a_view_that_was_deleted_since() -> None:
    make_tags("Vip", "vip")
    view = make_view(("any", "Vip"))
    done = merge_tags(source="Vip", target="vip", actor=MANAGER).change_set
    delete_view(slug=view.slug, actor=ROOT)
    undone = undo_set(change_set_id=done.id, actor=MANAGER)
    assert [one.why for one in undone.kept] == [f"view {view.id} was deleted or has changed since"]
    assert undone.kept_count == 1
