"""The WSGI application that the web server calls. Each request runs in a worker slot."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from ade.ops import metrics
from ade.server import sockets
from ade.server.request_bodies import THREADS, Body, requests
from ade.server.worker_slots import SLOTS, NoSlot, Slot, Slots

# Threads that always remain for probes and refusals.
_RESERVED = 8
# Probes that use no database on this thread. They are answered even if every slot is taken.
_WITHOUT_SLOT = {"/healthz", "/readyz"}
Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Application:
    """Django's application, called by more threads than there are worker slots."""

    def __init__(self, django: Wsgi) -> None:
        self._django = django
        self._slots = Slots()
        metrics.SLOTS.set(SLOTS)
        metrics.SLOTS_IN_USE.set(0)  # a process that was killed left its own number
        for reason in ("descriptors", "slots"):
            metrics.CONNECTIONS_REFUSED.labels(reason)
        self._first = (
            threading.Lock()
        )  # taken by the first request, which sets the socket options, and never released

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._first.acquire(blocking=False):
            # This cannot happen in `__init__`: Granian opens its sockets only after it has loaded the application.
            try:
                sockets.end_dead_connections(settings.READ_SECONDS)
            except OSError:  # no file descriptor is left: try again with the next request
                self._first.release()
        if environ.get("PATH_INFO") in _WITHOUT_SLOT:
            parts = self._django(environ, start_response)
            with closing(parts):  # type: ignore[type-var]  # a response of Django
                return list(parts)
        slot = Slot(self._slots, _is_crowded)
        body = Body(environ["wsgi.input"], address=environ.get("REMOTE_ADDR", ""), slot=slot)
        environ["wsgi.input"] = environ["ade.body"] = body
        answer = Answer(slot, body)
        try:
            try:
                slot.enter()
            except NoSlot:
                environ["ade.no_slot"] = True  # ProbeMiddleware answers 503
                metrics.CONNECTIONS_REFUSED.labels("slots").inc()
            answer.parts = self._django(environ, start_response)
        except BaseException:
            answer.close()
            raise
        if not isinstance(answer.parts, HttpResponse):
            return answer  # a streaming response does its work while it is being sent, so it keeps the slot
        # Granian takes a list at once, so neither thread nor slot waits for the client.
        whole = list(answer.parts)
        answer.close()
        return whole


def _is_crowded() -> bool:
    return requests.count() > THREADS - _RESERVED


class Answer:
    """Django's answer. Closing it frees the slot."""

    parts: Iterable[bytes] = ()

    def __init__(self, slot: Slot, body: Body) -> None:
        self._slot, self._body = slot, body
        requests.begin(body)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        """End the request. The server calls it when all is sent or the client is gone."""
        parts, self.parts = self.parts, ()
        try:
            if hasattr(parts, "close"):
                parts.close()
        finally:
            requests.end(self._body)
            self._slot.leave()

    # An answer that is dropped without being closed must not keep its slot.
    __del__ = close
