"""Sessions in the database. A failed write is reported as an error of the database."""

import functools
from typing import Any

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import models
from django.utils import timezone

from ade.db.replica import PRIMARY
from ade.db.sqlite.base import short_wait
from ade.db.statements import Loader, fetch, moment
from ade.ops import outage

_MOST = 10_000
# Whose the last sessions of this process are, by session key. A session never passes to another member.
_members: dict[str, str] = {}


class SessionStore(db.SessionStore):
    """Django's store, which would take an unreachable database for an ended session (400).

    It reads the member together with the session, once the process knows whose the session is.
    """

    only_shown = False  # the only change is that messages were shown
    member: models.Model | None = None  # as read with the session; None if it was not

    def load(self) -> dict[str, Any]:
        """Return the data of the session."""
        data: dict[str, Any] = super().load()
        if self.session_key and SESSION_KEY in data:
            if len(_members) >= _MOST:
                _members.clear()
            _members[self.session_key] = data[SESSION_KEY]
        return data

    def _get_session_from_db(self) -> models.Model | None:
        """Return the row of a session that has not ended. Django's own is built by the ORM each time."""
        sql, sessions, members = _statement()
        known = int(_members.get(self.session_key or "", 0))
        rows = fetch(sql, [known, self.session_key, moment(timezone.now())], using=PRIMARY)
        if not rows:
            self._session_key = None
            return None
        width = len(sessions.names)
        session, member = rows[0][:width], rows[0][width:]
        if member[0] is not None:
            self.member = members.load(member)
        return sessions.load(session)

    def save(self, must_create: bool = False) -> None:
        """Write the session. Raises UpdateError if it was ended meanwhile, else the database's error.

        If the only change is that messages were shown, the write waits for half a second at most and
        may fail: the messages are shown again.
        """
        if self.only_shown and not must_create:
            token = short_wait.set(0.5)
            try:
                with outage.optional_write():
                    self._write(must_create)
            finally:
                short_wait.reset(token)
        else:
            self._write(must_create)

    def _write(self, must_create: bool) -> None:
        try:
            super().save(must_create)
        except UpdateError as error:
            cause = error.__context__
            if cause is None or outage.sentence_for(cause) is None:
                raise
            raise cause from cause.__cause__


@functools.cache  # the model is not loaded yet when the settings name this module
def _statement() -> tuple[str, Loader[models.Model], Loader[models.Model]]:
    session, member = SessionStore.get_model_class(), get_user_model()
    sessions, members = Loader[models.Model](session), Loader[models.Model](member)
    columns = f"{sessions.columns('s')}, {members.columns('u')}"
    tables = f"{session._meta.db_table} s LEFT JOIN {member._meta.db_table} u ON u.id = %s"
    where = "s.session_key = %s AND s.expire_date > %s"
    return f"SELECT {columns} FROM {tables} WHERE {where}", sessions, members  # noqa: S608  # names of our tables
