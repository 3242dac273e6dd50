"""Probes for a supervisor and a load balancer: is the process alive, and can it work?"""

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from threading import Lock

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from ade.db import schema
from ade.ops import outage, writable

SECONDS = 2.0  # that the database has to answer
WRITE_SECONDS = 5.0  # for which a successful write counts, unless a request fails

log = logging.getLogger(__name__)
# The database is asked in a thread, because a wait for a machine that is gone has no other end. There
# is one thread, so that probes do not pile up.
_asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ready")
_lock = Lock()
_asked: Future[str] | None = None
_wrote_at = 0.0


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """Answer 200. It says nothing about the database, whose failure is no reason for a restart."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database answers, accepts writes and fits this version; else 503 and why."""
    try:
        trouble = _ask().result(timeout=SECONDS)
    except NotInTime:
        trouble = f"The database did not answer within {SECONDS:g} seconds."
    if trouble:
        return JsonResponse({"status": "not ready", "reason": trouble}, status=503)
    return JsonResponse({"status": "ok"})


def look_at_start() -> None:
    """Log why this process is not ready, without waiting for the database."""
    _ask().add_done_callback(_log_trouble)


def _log_trouble(done: Future[str]) -> None:
    if trouble := done.result():
        log.error("ADE started and is not ready: %s", trouble)


def _ask() -> Future[str]:
    """Return the check that is running, or start one."""
    global _asked  # what all threads of the process wait for
    with _lock:
        if _asked is None or _asked.done():
            _asked = _asker.submit(_trouble)
        return _asked


def _trouble() -> str:
    """Return what is wrong, or ""."""
    global _wrote_at
    try:
        if lacking := schema.sentence(schema.missing()):
            return lacking
        found = outage.recent_trouble()
        if found is None and (
            time.monotonic() - _wrote_at > WRITE_SECONDS or outage.reported_since(_wrote_at)
        ):
            found = writable.find_trouble(connection)
            _wrote_at = time.monotonic() if found is None else 0.0
    except (DatabaseError, InterfaceError) as error:
        _wrote_at = 0.0
        log.warning("Not ready: %s", " ".join(str(error).split()))
        found = outage.trouble(error) or outage.Trouble.AWAY
    finally:
        connection.close()
    if found is None:
        return ""
    return "The database does not answer." if found is outage.Trouble.AWAY else found.sentence
