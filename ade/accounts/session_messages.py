"""Messages in the session. A page that shows them does not wait long to save that it did."""

from typing import Any

from django.contrib.messages.storage import session as storage


class SessionStorage(storage.SessionStorage):
    """Django's storage, which tells the session store if a page has only shown messages."""

    def _store(self, messages: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        session = self.request.session
        before = session.modified
        left = super()._store(messages, response, *args, **kwargs)  # type: ignore[misc]  # no stub
        only_shown = not before and not messages and self.request.method in ("GET", "HEAD")
        session.only_shown = only_shown  # type: ignore[attr-defined]  # our own store's
        return left
