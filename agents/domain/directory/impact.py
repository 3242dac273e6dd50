"""What a rename, merge or deletion of a tag affects besides agents, for its plan."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial

from django.db.models import Q, QuerySet
from django.utils import timezone

from ade.models import User
from agents.core.json_text import dumps, loads
from agents.core.reach import read_reach
from agents.core.tag_text import matches_any, shown
from agents.domain import saved_views as views
from agents.domain.core import permissions, reaches
from agents.models import ApiKey, Tag


@dataclass(frozen=True, slots=True)
class Followers:
    """The keys, members and saved views that a plan affects. Only valid keys count, by public id.

    Keys in `limits` and `members` ("member <pk>") are limited to the tag. Keys in `waiting` are limited
    to the new name, which no tag has yet. Keys in `lists` have the tag among their patterns. Keys in
    `gains` may write the tag only under its new name. `wider` would see agents or write tags that nobody
    granted them, so an admin must decide. `views` is the number of saved views.
    """

    limits: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    gains: tuple[str, ...] = ()
    wider: tuple[str, ...] = ()
    views: int = 0
    members: tuple[str, ...] = ()

    @property
    def keys(self) -> set[str]:
        """All affected keys."""
        return {*self.limits, *self.waiting, *self.lists, *self.gains}


def of_rename(tag: Tag, renamed: Tag) -> Followers:
    """What a rename to an unused name affects. `renamed` is the tag after the rename."""
    waiting = (*_limited_to(renamed.name), *_members(renamed.name))
    limits, lists = _limited_to(tag.name), keys_that_list(tag.name)
    gains = _gains(tag, renamed, except_for={*limits, *waiting, *(key.key_id for key in lists)})
    ids = tuple(key.key_id for key in lists)
    count = views.count_views_naming(tag.name)
    return Followers(limits, waiting, ids, gains, waiting, count, _members(tag.name))


def of_merge(tag: Tag, into: Tag) -> Followers:
    """What a merge into another tag affects."""
    limits, members = _limited_to(tag.name), _members(tag.name)
    lists = keys_that_list(tag.name)
    may_not = (key.key_id for key in lists if not matches_any(into.name, loads(key.may_tag)))
    # A name with * would match more than one tag in a pattern, so patterns are not updated.
    wider = () if "*" in into.name else tuple(may_not)
    ids = tuple(key.key_id for key in lists)
    count = views.count_views_naming(tag.name)
    return Followers(limits, (), ids, (), (*limits, *members, *wider), count, members)


def of_delete(tag: Tag) -> Followers:
    """What the deletion of a tag affects."""
    ids = tuple(key.key_id for key in keys_that_list(tag.name))
    limits = _limited_to(tag.name, alone=True)
    count = views.count_views_naming(tag.name)
    return Followers(limits, (), ids, (), (), count, _members(tag.name, alone=True))


def in_few(ids: Iterable[str], most: int = 5) -> str:
    """List up to `most` ids for a sentence, and the number of the others."""
    known = list(ids)
    rest = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(shown(key_id) for key_id in known[:most]) + rest


def _is_valid() -> Q:
    return Q(disabled_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def _limited_to(name: str, *, alone: bool = False) -> tuple[str, ...]:
    """Return the valid keys whose reach contains the tag. With `alone`, it must be the only tag."""
    keys = reaches.keys_reaching(name, ApiKey.objects.filter(_is_valid()))
    return tuple(sorted(key.key_id for key in keys if not alone or key.reach.only_tag))


def _members(name: str, *, alone: bool = False) -> tuple[str, ...]:
    """Return the same for active members, as "member <pk>"."""
    people = reaches.members_reaching(name, User.objects.filter(is_active=True))
    named = [user for user in people if not alone or read_reach(user.stored_reach).only_tag]
    return tuple(f"member {user.pk}" for user in named)


def keys_that_list(name: str, among: QuerySet[ApiKey] | None = None) -> list[ApiKey]:
    """Return the keys (of `among`, or all valid ones) that have exactly this tag among their patterns.

    A name with * is a pattern for any text, so no key has it as a tag.
    """
    if "*" in name:
        return []
    found = ApiKey.objects.filter(_is_valid()) if among is None else among
    # The database also finds longer texts and other cases. The parsed list decides.
    rows = found.filter(may_tag__contains=dumps(name)).order_by("key_id")
    return [key for key in rows if name in loads(key.may_tag)]


def _gains(tag: Tag, renamed: Tag, *, except_for: Collection[str]) -> tuple[str, ...]:
    """Return the limited keys that may write the tag under its new name but not under its old one."""
    limited = ApiKey.objects.filter(_is_valid(), limit_tag__isnull=False)
    # Very many short-lived keys share a few lists of patterns.
    lists = limited.order_by().values_list("may_tag", "any_label").distinct()
    opened = Q(pk__in=[])
    for text, any_label in lists:
        patterns = loads(text)
        by_rule = permissions.may_any_label(patterns, any_label)
        may = partial(permissions.may_write, patterns, any_label=by_rule)
        if may(renamed.name) and not may(tag.name):
            opened |= Q(may_tag=text, any_label=any_label)
    keys = limited.filter(opened).order_by("key_id").values_list("key_id", flat=True)
    return tuple(key for key in keys if key not in except_for)
