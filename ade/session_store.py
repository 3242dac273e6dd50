"""Sessions in the database, whose failure to write one is told as the database's."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError

from ade import outage


class SessionStore(db.SessionStore):
    """Django's own, which takes a database that is away for a session that was ended: 400."""

    def save(self, must_create: bool = False) -> None:
        """Write it. Raises UpdateError where it was ended meanwhile, else what the database says."""
        try:
            super().save(must_create)
        except UpdateError as error:
            cause = error.__context__
            if cause is None or outage.told(cause) is None:
                raise
            raise cause from cause.__cause__
