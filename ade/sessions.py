"""How long a session lasts: idle, and altogether.

Django's own expiry cannot say the first without writing the session at every request, nor the
second at all: it counts from the last write.
"""

import time

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.db import InterfaceError, OperationalError

from ade import outage

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
    """Remember that someone used the session; written at most once a minute.

    Written here and not with the answer, which would fail with it where the disk is full.
    """
    now = int(time.time())
    if _STARTED not in session:  # just signed in, which is written in any case
        session[_STARTED] = session[_USED] = now
    elif now - session.get(_USED, 0) >= _WRITE_EVERY and not outage.resting():
        changed, session[_USED] = session.modified, now
        session.modified = changed
        try:
            session.save()
        except UpdateError:
            session.modified = True  # it was ended meanwhile: the middleware finds that, and tells
        except (InterfaceError, OperationalError) as error:
            session.modified = not outage.forgives(error)


def _duration(seconds: int) -> str:
    for unit, name in ((3600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
