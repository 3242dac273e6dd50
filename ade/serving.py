"""What stands between the web server and Django: each request has a place while it works."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from ade import sockets
from ade.arrivals import Body, arrivals
from ade.places import Place, Places

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Served:
    """The application as the web server's threads call it; there are more of them than places."""

    def __init__(self, application: Wsgi) -> None:
        self._application = application
        self._places = Places()
        self._first = threading.Lock()  # taken by the first request, for good

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._first.acquire(blocking=False):
            # Not earlier: Granian listens only once it has the application.
            sockets.limit_readers(settings.READ_SECONDS)
        place = Place(self._places)
        body = Body(environ["wsgi.input"], remote=environ.get("REMOTE_ADDR", ""), place=place)
        environ["wsgi.input"] = environ["ade.body"] = body
        answer = Answer(place, body)
        try:
            answer.parts = self._application(environ, start_response)
        except BaseException:
            answer.close()
            raise
        if not isinstance(answer.parts, HttpResponse):
            return answer  # a stream: it works as long as it is read
        # Granian takes a list at once, so that neither thread nor place waits for the client.
        whole = list(answer.parts)
        answer.close()
        return whole


class Answer:
    """Django's answer; the place is free again once it is closed."""

    parts: Iterable[bytes] = ()

    def __init__(self, place: Place, body: Body) -> None:
        self._place, self._body = place, body
        arrivals.begin(body)
        place.enter()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        """Called by the server when it has taken all, or the client is gone."""
        parts, self.parts = self.parts, ()
        try:
            if hasattr(parts, "close"):
                parts.close()
        finally:
            arrivals.end(self._body)
            self._place.leave()

    # What drops an answer without closing it must not hold its place for good.
    __del__ = close
