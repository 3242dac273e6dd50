"""Closed tags: those of off-boarded users, for some days.

An agent that arrives with such a tag is shown as "came back". No limited key and no limited member can
access it, by any of its tags or by its ID (`agents.core.reach`), nor be limited to the tag. The tag's row
says so (`Tag.closed_until`) from the moment that an agent gets the tag again.
"""

from collections.abc import Collection, Iterable

from django.utils import timezone

from agents.core.errors import Conflict
from agents.core.tag_text import shown
from agents.models import ChangeSet, Offboarding, Tag
from agents.queries.tags.closed import watched


def require_open(names: Iterable[str], *, field: str = "") -> None:
    """Raise Conflict if one of these tags is closed because its user was off-boarded."""
    for name, row in watched(names).items():
        raise Conflict(
            f"{shown(name)} is the tag of a user who was off-boarded. It is closed until "
            f"{row.watched_until:%Y-%m-%d}, or until a manager opens it again on the receipt.",
            field=field or None,
        )


def reopen_undone(original: ChangeSet) -> None:
    """Open the tag of an off-boarding that is undone. Call it inside the write."""
    rows = Offboarding.objects.filter(change_set_id=original.id, opened_at=None)
    reopen(list(rows.values_list("name", flat=True)))


def reopen(names: Collection[str]) -> None:
    """Open these tags. Call it inside a write."""
    Offboarding.objects.filter(name__in=names, opened_at=None).update(opened_at=timezone.now())
    Tag.objects.filter(name__in=names, closed_until__isnull=False).update(closed_until=None)
