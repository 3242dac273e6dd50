"""Tags of off-boarded users: for some days no limited key and no limited member can be given one.

An agent that arrives with such a tag is shown as "came back". Nobody limited can reach it by the tag: the
keys and limits ended with the off-boarding, and this refuses new ones.
"""

from collections.abc import Iterable

from django.utils import timezone

from agents.core.errors import Conflict
from agents.core.tag_text import shown
from agents.models import ChangeSet, Offboarding
from agents.queries.users import watched


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
    rows.update(opened_at=timezone.now())
