"""How long a session lasts without use, and in all.

Django's own expiry counts from the last write of the session. It cannot limit the time in all, and
limits the idle time only if every request writes the session.
"""

import time
from collections.abc import Mapping

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction

from ade.accounts.session_store import SessionStore
from ade.ops.noted_use import NotedUse

_STARTED, _USED = "started_at", "used_at"
_WRITE_EVERY = 55  # seconds; with the delay of the write, an idle session may end a minute early


def end_reason(session: SessionBase) -> str | None:
    """Return a sentence that says why the session has ended, or None while it lasts."""
    now = time.time()
    if now - session.get(_STARTED, now) >= settings.SESSION_ABSOLUTE_SECONDS:
        return f"You were signed in for {_duration(settings.SESSION_ABSOLUTE_SECONDS)}."
    used = max(session.get(_USED, now), _uses.last(session.session_key or ""))
    if now - used >= settings.SESSION_IDLE_SECONDS:
        return f"You were away for {_duration(settings.SESSION_IDLE_SECONDS)}."
    return None


def begin(session: SessionBase) -> None:
    """Store when the session began. Called at sign-in."""
    session[_STARTED] = session[_USED] = int(time.time())


def note_use(session: SessionBase) -> None:
    """Note that the session is used. The note is written seconds later, at most once a minute."""
    now = int(time.time())
    if _STARTED not in session:
        begin(session)
    elif now - session.get(_USED, 0) >= _WRITE_EVERY and session.session_key:
        # If the answer writes the session anyway, it writes this too.
        changed, session[_USED] = session.modified, now
        session.modified = changed
        _uses.note(session.session_key)


@transaction.atomic
def _write_uses(used: Mapping[str, float]) -> None:
    store = SessionStore()
    rows = Session.objects.filter(session_key__in=used).order_by("session_key")
    # Skips rows that a request is writing: their next use is noted again.
    for row in rows.select_for_update(skip_locked=True):
        data, at = store.decode(row.session_data), int(used[row.session_key])
        if _STARTED in data and data.get(_USED, 0) < at:
            row.session_data = store.encode(data | {_USED: at})
            row.save(update_fields=["session_data"])


_uses = NotedUse(_write_uses)


def _duration(seconds: int) -> str:
    for unit, name in ((3600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
