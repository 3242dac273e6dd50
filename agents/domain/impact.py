"""What a rename, a merge or a deletion of a tag would move, or leave behind, as its plan says it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.domain import guard, views
from agents.jsontext import dumps, loads
from agents.models import ApiKey, Tag
from agents.tagnames import matches_any, shown


@dataclass(frozen=True, slots=True)
class Followers:
    """What a plan would move, by public ids of keys that are still good to use.

    `limits` are limited to the tag, `waiting` to the name that no tag has yet; the `lists` of others
    name it; `gains` may write it under its new name and could not before; `wider` would see or write
    agents' tags that nobody gave them, which is an admin's to decide. `views` is how many name it.
    """

    limits: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    gains: tuple[str, ...] = ()
    wider: tuple[str, ...] = ()
    views: int = 0

    @property
    def keys(self) -> set[str]:
        """All keys that are touched."""
        return {*self.limits, *self.waiting, *self.lists, *self.gains}


def of_rename(tag: Tag, renamed: Tag) -> Followers:
    """What follows a tag to a name that no tag has; `renamed` is the tag as it would be."""
    waiting = _ids(limit_tag=renamed.name)
    limits, lists = _ids(limit_tag=tag.name), keys_that_list(tag.name)
    gains = _gains(tag, renamed, but={*limits, *waiting, *(key.key_id for key in lists)})
    ids = tuple(key.key_id for key in lists)
    return Followers(limits, waiting, ids, gains, waiting, views.views_with(tag.name))


def of_merge(tag: Tag, into: Tag) -> Followers:
    """What follows a tag into another."""
    limits, lists = _ids(limit_tag=tag.name), keys_that_list(tag.name)
    may_not = (key.key_id for key in lists if not matches_any(into.name, loads(key.may_tag)))
    # A list with a star in it would mean more than the one tag, so it does not follow.
    wider = () if "*" in into.name else tuple(may_not)
    ids = tuple(key.key_id for key in lists)
    return Followers(limits, (), ids, (), (*limits, *wider), views.views_with(tag.name))


def of_delete(tag: Tag) -> Followers:
    """What names a tag that ends."""
    ids = tuple(key.key_id for key in keys_that_list(tag.name))
    return Followers(_ids(limit_tag=tag.name), (), ids, (), (), views.views_with(tag.name))


def in_few(ids: Iterable[str], most: int = 5) -> str:
    """The ids of some keys, for a sentence."""
    known = list(ids)
    rest = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(shown(one) for one in known[:most]) + rest


def _good() -> Q:
    return Q(disabled_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def _ids(**which: str) -> tuple[str, ...]:
    keys = ApiKey.objects.filter(_good(), **which).order_by("key_id")
    return tuple(keys.values_list("key_id", flat=True))


def keys_that_list(name: str, among: QuerySet[ApiKey] | None = None) -> list[ApiKey]:
    """The keys, of those that are good or of `among`, whose list names exactly this tag.

    In a list, a star stands for any text.
    """
    if "*" in name:
        return []
    found = ApiKey.objects.filter(_good()) if among is None else among
    # The database finds the text, also as a part or in another case; the list says if it is there.
    rows = found.filter(may_tag__contains=dumps(name)).order_by("key_id")
    return [key for key in rows if name in loads(key.may_tag)]


def _gains(tag: Tag, renamed: Tag, *, but: Collection[str]) -> tuple[str, ...]:
    """Limited keys that may write the tag once it has the new name, and may not yet."""
    limited = ApiKey.objects.filter(_good(), limit_tag__isnull=False)
    # Very many short-lived keys have the same few lists.
    lists = set(limited.values_list("may_tag", flat=True).distinct())
    opened = [
        text
        for text in lists
        if guard.limited_may(loads(text), renamed) and not guard.limited_may(loads(text), tag)
    ]
    keys = limited.filter(may_tag__in=opened).order_by("key_id").values_list("key_id", flat=True)
    return tuple(key for key in keys if key not in but)
