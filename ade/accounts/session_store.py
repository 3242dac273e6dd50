"""Sessions in the database. A failed write is reported as an error of the database."""

import functools

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import models
from django.utils import timezone

from ade.db.sqlite.base import short_wait
from ade.db.statements import Loader, moment
from ade.ops import outage


class SessionStore(db.SessionStore):
    """Django's store, which would take an unreachable database for an ended session (400)."""

    only_shown = False  # the only change is that messages were shown

    def _get_session_from_db(self) -> models.Model | None:
        """Return the row of a session that has not ended. Django's own is built by the ORM each time."""
        sql, sessions = _statement()
        row = sessions.first(sql, [self.session_key, moment(timezone.now())])
        if row is None:
            self._session_key = None
        return row

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
def _statement() -> tuple[str, Loader[models.Model]]:
    sessions: Loader[models.Model] = Loader(SessionStore.get_model_class())
    columns, table = sessions.columns("s"), SessionStore.get_model_class()._meta.db_table
    where = "s.session_key = %s AND s.expire_date > %s"
    return f"SELECT {columns} FROM {table} s WHERE {where}", sessions  # noqa: S608  # names of our tables
