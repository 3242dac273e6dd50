"""How long a session lasts: idle, and altogether.

Django's own expiry cannot say the first without writing the session at every request, nor the
second at all: it counts from the last write.
"""

import time

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

_STARTED, _USED = "started_at", "used_at"
_WRITE_EVERY = 60  # seconds; an idle session ends up to this much early


def why_over(session: SessionBase) -> str | None:
    """A sentence that says why this session has ended, or None while it lasts."""
    now = time.time()
    if now - session.get(_STARTED, now) >= settings.SESSION_ABSOLUTE_SECONDS:
        return f"You were signed in for {_duration(settings.SESSION_ABSOLUTE_SECONDS)}."
    if now - session.get(_USED, now) >= settings.SESSION_IDLE_SECONDS:
        return f"You were away for {_duration(settings.SESSION_IDLE_SECONDS)}."
    return None


def note_use(session: SessionBase) -> None:
    """Remember that someone used the session; written at most once a minute."""
    now = int(time.time())
    session.setdefault(_STARTED, now)
    if now - session.get(_USED, 0) >= _WRITE_EVERY:
        session[_USED] = now


def _duration(seconds: int) -> str:
    for unit, name in ((3600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
