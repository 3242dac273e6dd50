"""Find and update the stored reaches of keys and members."""

from django.db.models import QuerySet

from ade.models import User
from agents.core.json_text import dumps
from agents.core.reach import Reach, key_columns, read_reach
from agents.domain.core import rights
from agents.domain.core.access_spans import note_keys, note_member
from agents.models import ApiKey


def keys_reaching(name: str, among: QuerySet[ApiKey] | None = None) -> list[ApiKey]:
    """Return the keys (of `among`, or all) whose reach contains this tag, by id."""
    keys = ApiKey.objects.all() if among is None else among
    single = keys.filter(limit_tag=name, stored_reach=None)
    # The database also finds longer tags that contain the text. The parsed reach decides.
    several = keys.filter(stored_reach__isnull=False, stored_reach__contains=dumps(name))
    found = [*single, *(key for key in several if name in key.reach.tags)]
    return sorted(found, key=lambda key: key.id)


def members_reaching(name: str, among: QuerySet[User] | None = None) -> list[User]:
    """Return the members (of `among`, or all) whose reach contains this tag, by id."""
    people = User.objects.all() if among is None else among
    found = people.filter(stored_reach__contains=dumps(name)).order_by("pk")
    return [user for user in found if name in read_reach(user.stored_reach).tags]


def lock_keys_reaching(name: str) -> list[ApiKey]:
    """Lock and return the keys whose reach contains this tag. Call it after locking tags and agents."""
    rights.queue_to_change([f"key:{key.key_id}" for key in keys_reaching(name)])
    return keys_reaching(name, ApiKey.objects.select_for_update())


def lock_members_reaching(name: str) -> list[User]:
    """Lock and return the members whose reach contains this tag. Call it after `lock_keys_reaching`."""
    return members_reaching(name, User.objects.select_for_update())


def set_key_reach(key: ApiKey, reach: Reach) -> None:
    """Save the reach of a locked key."""
    columns = key_columns(reach)
    for column, value in columns.items():
        setattr(key, column, value)
    key.save(update_fields=list(columns))
    note_keys([key])


def set_member_reach(user: User, reach: Reach) -> None:
    """Save the reach of a locked member."""
    user.stored_reach = reach.stored()
    user.save(update_fields=["stored_reach"])
    note_member(user)
