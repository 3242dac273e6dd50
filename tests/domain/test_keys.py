"""API keys: who makes, sees, rotates and ends which, and what is kept of them."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from ade.ops import noted_use
from agents.core.actors import ADMIN, MANAGE, READ, WRITE, Actor, Power
from agents.core.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from agents.core.reach import Reach
from agents.domain.core.key_tokens import actor_of, find_key, note_use
from agents.domain.directory.followers import follow
from agents.domain.keys import create_key, disable_key, is_good, keys_of, lose_tag, rotate_key
from agents.models import ApiKey, Change, Scope
from tests.helpers import ROOT, make_editor, make_key_actor

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ADMIN_ACTOR = make_editor("Anna", ADMIN)
APP = make_key_actor(powers=MANAGE)


def soon(span: timedelta = HOUR) -> dict[str, object]:
    return {"expires_at": timezone.now() + span}


def told() -> list[tuple[str | None, str, str | None, str | None]]:
    """What history says of keys."""
    rows = Change.objects.order_by("id").values_list("tag", "field", "old", "new")
    return [(tag, field.split()[0], old, new) for tag, field, old, new in rows]


def test_token_is_found_again_and_kept_nowhere() -> None:
    made = create_key(name="app", actor=ROOT)
    assert made.token.startswith(f"ade_{made.key.key_id}_")
    secret = made.token.split("_", 2)[2]
    assert find_key(made.token) == made.key
    stored = [str(value) for value in ApiKey.objects.values().get().values()]
    assert [value for value in stored if secret in value] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token + "x",
        lambda token: token.removeprefix("ade_"),
        lambda token: token.upper(),
        lambda _token: "ade_",
        lambda _token: "ade_\0_x",
        lambda _token: "",
        lambda token: token.replace("ade_", "ade_ade_"),
    ],
)
def test_token_that_is_not_the_same_is_none(spoil: object) -> None:
    token = create_key(name="app", actor=ROOT).token
    assert find_key(spoil(token)) is None


def test_token_of_another_key_is_none() -> None:
    one, two = create_key(name="1", actor=ROOT), create_key(name="2", actor=ROOT)
    mixed = f"ade_{one.key.key_id}_{two.token.split('_', 2)[2]}"
    assert find_key(mixed) is None


def test_digest_depends_on_the_secret_key_of_the_server(settings: Settings) -> None:
    token = create_key(name="app", actor=ROOT).token
    settings.SECRET_KEY = "another"
    assert find_key(token) is None


def test_actor_of_a_limited_key_is_limited() -> None:
    made = create_key(name="phone", actor=ROOT, limit_tag="user_1", may_tag=["note:*", "note:*"])
    actor = actor_of(made.key)
    assert actor.reach == Reach.of_tags(["user_1"])
    assert (actor.may_tag, actor.powers) == (("note:*",), WRITE)


def test_making_a_key_is_recorded_without_its_token() -> None:
    made = create_key(name="app", actor=ADMIN_ACTOR, limit_tag="user_1", scope="read")
    assert told() == [("user_1", "key", None, "app: made, read, limited to user_1")]
    assert made.key.created_by == "Anna"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " \n"}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"limit_tag": ""}, "limit_tag"),
        ({"limit_tag": "a\0"}, "limit_tag"),
        ({"limit_tag": "user_1", "scope": "manage"}, "scope"),
        ({"limit_tag": "user_1", "may_tag": [""]}, "may_tag"),
        ({"limit_tag": "user_1", "may_tag": [f"p{n}" for n in range(51)]}, "may_tag"),
        ({"may_tag": ["note:*"]}, "may_tag"),
        ({"expires_at": timezone.now() - HOUR}, "expires_at"),
    ],
)
def test_make_with_bad_input_makes_nothing(fields: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        create_key(**({"name": "app", "actor": ROOT} | fields))
    assert (refused.value.field, ApiKey.objects.count(), told()) == (field, 0, [])


@pytest.mark.parametrize("powers", [READ, WRITE])
def test_without_manage_rights_no_key_is_made_seen_or_ended(powers: frozenset[Power]) -> None:
    made = create_key(name="app", actor=ROOT)
    for actor in (make_editor(powers=powers), make_key_actor(powers=powers)):
        refused(lambda actor=actor: create_key(name="x", actor=actor))
        refused(lambda actor=actor: keys_of(actor))
        refused(lambda actor=actor: disable_key(key_id=made.key.key_id, actor=actor))
        refused(lambda a=actor: rotate_key(key_id=made.key.key_id, actor=a, overlap=HOUR))
    assert (ApiKey.objects.count(), is_good(ApiKey.objects.get())) == (1, True)


def refused(act: object, kind: type[DomainError] = NotAllowed) -> str:
    with pytest.raises(kind) as error:
        act()
    return error.value.message


def test_manager_makes_short_lived_limited_keys_only() -> None:
    create_key(name="phone", actor=APP, limit_tag="user_1", **soon())
    assert refused(lambda: create_key(name="x", actor=APP, **soon())) == (
        "Without admin rights you can create only keys that are limited to a tag."
    )
    for expiry in ({}, soon(timedelta(days=2))):
        assert refused(lambda e=expiry: create_key(name="x", actor=APP, limit_tag="t", **e)) == (
            "Without admin rights a key must expire within 86,400 seconds."
        )


def test_limited_actor_has_no_say_over_keys_whatever_its_powers() -> None:
    made = create_key(name="phone", actor=APP, limit_tag="user_1", **soon())
    limited = make_key_actor("user_1", powers=MANAGE)
    for act in (
        lambda: create_key(name="x", actor=limited, limit_tag="user_1", **soon()),
        lambda: keys_of(limited),
        lambda: disable_key(key_id=made.key.key_id, actor=limited),
    ):
        assert refused(act) == "A key that is limited to a tag may not manage API keys."


def test_manager_sees_and_ends_such_keys_only() -> None:
    short = create_key(name="short", actor=APP, limit_tag="user_1", **soon())
    others = [
        create_key(name="full", actor=ROOT),
        create_key(name="full, short", actor=ROOT, **soon()),
        create_key(name="limited", actor=ROOT, limit_tag="user_1"),
        create_key(name="long", actor=ROOT, limit_tag="t", **soon(timedelta(days=2))),
    ]
    assert list(keys_of(APP)) == [short.key]
    assert keys_of(ADMIN_ACTOR).count() == 5
    for made in others:
        refused(lambda made=made: disable_key(key_id=made.key.key_id, actor=APP), NotFound)
    assert disable_key(key_id=short.key.key_id, actor=APP).disabled_at is not None
    assert ApiKey.objects.filter(disabled_at=None).count() == 4


def test_disabled_key_stays_so_and_is_recorded_once() -> None:
    made = create_key(name="app", actor=ROOT)
    first = disable_key(key_id=made.key.key_id, actor=ADMIN_ACTOR)
    second = disable_key(key_id=made.key.key_id, actor=ADMIN_ACTOR)
    assert (first.disabled_at, is_good(first)) == (second.disabled_at, False)
    assert told()[1:] == [(None, "key", "app: good", "app: disabled")]


@pytest.mark.parametrize("key_id", ["", "000000000000", "a\0b", "\ud800", "x" * 5000])
def test_unknown_key_is_not_found(key_id: str) -> None:
    refused(lambda: disable_key(key_id=key_id, actor=ROOT), NotFound)
    refused(lambda: rotate_key(key_id=key_id, actor=ROOT, overlap=HOUR), NotFound)


def test_rotated_key_may_the_same_and_the_old_one_works_on() -> None:
    old = create_key(name="app", actor=ROOT, limit_tag="user_1", may_tag=["note:*"])
    new = rotate_key(key_id=old.key.key_id, actor=ADMIN_ACTOR, overlap=HOUR)
    left = ApiKey.objects.get(key_id=old.key.key_id)
    assert find_key(new.token) == new.key
    assert find_key(old.token) == old.key
    rights = ("name", "scope", "limit_tag", "may_tag", "expires_at")
    assert [getattr(new.key, name) for name in rights] == [
        getattr(old.key, name) for name in rights
    ]
    assert left.expires_at is not None
    assert is_good(left)
    assert not is_good(left, left.expires_at)
    assert abs(left.expires_at - timezone.now() - HOUR) < timedelta(minutes=1)


def test_rotate_without_overlap_ends_the_old_key_at_once() -> None:
    old = create_key(name="app", actor=ROOT)
    rotate_key(key_id=old.key.key_id, actor=ROOT, overlap=timedelta(0))
    assert is_good(ApiKey.objects.get(key_id=old.key.key_id)) is False


def test_rotate_never_lengthens_the_life_of_the_old_key() -> None:
    old = create_key(name="app", actor=ROOT, **soon())
    new = rotate_key(key_id=old.key.key_id, actor=ROOT, overlap=timedelta(days=1))
    assert ApiKey.objects.get(key_id=old.key.key_id).expires_at == old.key.expires_at
    assert new.key.expires_at is not None
    assert new.key.expires_at - new.key.created_at == HOUR - (
        old.key.created_at + HOUR - old.key.expires_at
    )


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=31)])
def test_rotate_with_an_impossible_overlap_is_refused(overlap: timedelta) -> None:
    made = create_key(name="app", actor=ROOT)
    refused(lambda: rotate_key(key_id=made.key.key_id, actor=ROOT, overlap=overlap), Invalid)
    assert ApiKey.objects.count() == 1


def test_rotate_of_an_ended_key_is_a_conflict() -> None:
    made = create_key(name="app", actor=ROOT)
    disable_key(key_id=made.key.key_id, actor=ROOT)
    refused(lambda: rotate_key(key_id=made.key.key_id, actor=ROOT, overlap=HOUR), Conflict)


def test_manager_rotates_no_key() -> None:
    made = create_key(name="short", actor=APP, limit_tag="user_1", **soon())
    refused(lambda: rotate_key(key_id=made.key.key_id, actor=APP, overlap=HOUR))


def test_limit_follows_a_rename() -> None:
    one = create_key(name="1", actor=ROOT, limit_tag="user_1")
    two = create_key(name="2", actor=ROOT, limit_tag="user_2")
    follow(old="user_1", new="user_one", recorded_as="user_one")
    limits = ApiKey.objects.order_by("id").values_list("id", "limit_tag")
    assert list(limits) == [(one.key.id, "user_one"), (two.key.id, "user_2")]


def test_deletion_of_a_tag_ends_the_keys_it_limits(manager: Actor) -> None:
    for name, tag in (("1", "user_1"), ("2", "user_1"), ("3", "user_2"), ("4", None)):
        create_key(name=name, actor=ROOT, limit_tag=tag)
    assert lose_tag(tag="user_1", actor=manager) == []
    assert [key.name for key in ApiKey.objects.order_by("id") if is_good(key)] == ["3", "4"]


@pytest.fixture
def manager() -> Actor:
    return make_editor("Mo", MANAGE)


def test_use_is_written_at_most_once_a_minute() -> None:
    key = create_key(name="app", actor=ROOT).key
    note_use(key)
    noted_use.flush()
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    note_use(ApiKey.objects.get())
    noted_use.flush()
    assert ApiKey.objects.get().last_used_at == first
    # Not even where the row says that it was never written, as in a process that read it before.
    ApiKey.objects.update(last_used_at=None)
    note_use(ApiKey.objects.get())
    noted_use.flush()
    assert ApiKey.objects.get().last_used_at is None
    noted_use.forget()
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    note_use(ApiKey.objects.get())
    noted_use.flush()
    assert ApiKey.objects.get().last_used_at >= first


def test_a_key_is_narrowed_to_some_rights() -> None:
    made = create_key(name="app", actor=ROOT, rights=["write_messages", "read_agent", "read_agent"])
    assert made.key.rights == '["read_agent","write_messages"]'
    nothing = create_key(name="gate", actor=ROOT, scope=Scope.READ, rights=[])
    assert nothing.key.rights == "[]"
    rotated = rotate_key(key_id=made.key.key_id, actor=ROOT, overlap=timedelta(0))
    assert rotated.key.rights == made.key.rights
    assert "rights none" in str(Change.objects.get(new__contains="gate").new)


@pytest.mark.parametrize(
    ("scope", "rights"), [("read", ["write_agent"]), ("write", ["admin"]), ("manage", [])]
)
def test_a_key_cannot_have_a_right_that_its_scope_lacks(scope: str, rights: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        create_key(name="app", actor=ROOT, scope=Scope(scope), rights=rights)
    assert refused.value.field == "rights"
