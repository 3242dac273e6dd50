"""Saved views: whose they are, and that they follow a tag's name."""

import re
from dataclasses import replace

import pytest
from django.utils import timezone

from agents.core.actors import MANAGE, READ
from agents.core.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.core.reach import Reach
from agents.domain.directory.merge import merge_tags
from agents.domain.directory.rename import rename_tag
from agents.domain.saved_views import (
    change_view,
    count_views_naming,
    delete_view,
    find_view,
    follow_rename,
    pairs_of,
    save_view,
    visible_views,
)
from agents.models import SavedView
from tests.domain.core.meeting import meet
from tests.helpers import ROOT, everything, make_agent, make_editor, make_key_actor

pytestmark = pytest.mark.django_db
PAIRS = [("any", "a"), ("none", "b"), ("q", "a")]


def save(name: str = "Gold", **fields: object) -> SavedView:
    about = {"pairs": PAIRS, "shared": False, "pinned": False, "actor": make_editor(), **fields}
    return save_view(name=name, **about)


def test_view_keeps_its_address() -> None:
    view = save("Gold & co")
    assert (view.slug, view.get_absolute_url()) == ("gold-co", "/agents/?view=gold-co")
    assert pairs_of(view) == PAIRS


def test_slugs_are_unique_and_never_mean_something_else() -> None:
    slugs = [save(name).slug for name in ("Gold", "gold", "GOLD!", "new", "日本")]
    assert slugs == ["gold", "gold-2", "gold-3", "new-2", "view"]


def test_the_slug_of_a_limited_member_does_not_tell_what_others_have() -> None:
    save("Secret")
    lena = replace(make_editor("Lena"), reach=Reach.of_tags(["user_1"]))
    taken, free = (save(name, actor=lena).slug for name in ("Secret", "Other"))
    assert re.fullmatch("secret-[0-9a-f]{8}", taken)
    assert re.fullmatch("other-[0-9a-f]{8}", free)


def test_the_hundredth_view_of_a_name_ends_at_random() -> None:
    SavedView.objects.bulk_create(
        SavedView(
            slug="gold" if n == 1 else f"gold-{n}", name="Gold", owner_id="x", owner_name="x",
            shared=False, pinned=False, pairs="[]", created_at=timezone.now(),
        )
        for n in range(1, 100)
    )  # fmt: skip
    assert re.fullmatch("gold-[0-9a-f]{8}", save("Gold").slug)


@pytest.mark.only_postgres
@pytest.mark.django_db(transaction=True)
def test_two_views_of_a_name_saved_at_once_both_are() -> None:
    meet(lambda: save("Gold"), lambda: save("Gold", actor=make_editor("Otto")))
    assert sorted(view.slug for view in SavedView.objects.all()) == ["gold", "gold-2"]


def test_private_view_is_seen_by_its_owner_only() -> None:
    save()
    save("Shared", shared=True)
    other = make_editor("Otto")
    assert [view.name for view in visible_views(other)] == ["Shared"]
    assert [view.name for view in visible_views(make_editor())] == ["Gold", "Shared"]
    assert list(visible_views(make_key_actor("user_1"))) == []
    with pytest.raises(NotFound):
        find_view("gold", actor=other)


def test_shared_view_is_changed_by_owner_and_manager() -> None:
    view = save(shared=True)
    wish = {"slug": view.slug, "name": "New", "shared": True, "pinned": True}
    with pytest.raises(NotAllowed):
        change_view(**wish, actor=make_editor("Otto"))
    with pytest.raises(NotAllowed):
        delete_view(slug=view.slug, actor=make_editor("Otto"))
    changed = change_view(**wish, actor=make_editor("Mona", MANAGE))
    assert (changed.name, changed.pinned, changed.slug) == ("New", True, "gold")
    delete_view(slug=view.slug, actor=make_editor())
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\0b"])
def test_name_that_is_none_is_refused(name: str) -> None:
    before = everything()
    with pytest.raises(Invalid) as refusal:
        save(name)
    assert refusal.value.field == "name"
    assert everything() == before


def test_viewer_saves_for_themselves_and_shares_nothing() -> None:
    viewer = make_editor("Vera", READ)
    save(actor=viewer)
    with pytest.raises(NotAllowed):
        save("Other", actor=viewer, shared=True)


def test_too_many_views_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.domain.saved_views.VIEWS_PER_PERSON", 1)
    save()
    with pytest.raises(Conflict):
        save("Second")


def test_view_follows_the_tag_that_is_renamed_and_merged() -> None:
    for tag in ("a", "c"):
        make_agent(tags=[tag])
    view = save()
    rename_tag(old="a", new="b2", actor=ROOT)
    merge_tags(source="b2", target="c", actor=ROOT)
    view.refresh_from_db()
    assert pairs_of(view) == [("any", "c"), ("none", "b"), ("q", "a")]


def test_views_follow_a_rename_and_a_merge() -> None:
    one = save()
    merged = save("Both", pairs=[("any", "a"), ("any", "c"), ("sort", "name")])
    save("Other", pairs=[("any", "x"), ("q", "a")])
    assert count_views_naming("a") == 2
    assert [view.id for view, _ in follow_rename(old="a", new="c")] == [one.id, merged.id]
    one.refresh_from_db()
    merged.refresh_from_db()
    assert pairs_of(one) == [("any", "c"), ("none", "b"), ("q", "a")]
    assert pairs_of(merged) == [("any", "c"), ("sort", "name")]
    assert (count_views_naming("a"), count_views_naming("c")) == (0, 2)
