"""What a supervisor and a load balancer ask: does the process live, and can it do its work."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from threading import Lock

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

SECONDS = 2.0  # that the database has to answer

log = logging.getLogger(__name__)
# In a thread of its own, because nothing else ends a wait for a machine that is gone; and only one,
# so that probes do not pile up behind such a wait.
_asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ready")
_lock = Lock()
_asked: Future[str] | None = None
_wanted: set[tuple[str, str]] = set()  # the last migration of each app, once all were there


@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """That the process answers. Whether the database does is no reason to restart it."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """That the database answers, and has the tables of this version; else 503 and why."""
    try:
        trouble = _ask().result(timeout=SECONDS)
    except NotInTime:
        trouble = f"The database did not answer within {SECONDS:g} seconds."
    if trouble:
        return JsonResponse({"status": "not ready", "reason": trouble}, status=503)
    return JsonResponse({"status": "ok"})


def _ask() -> Future[str]:
    """The look that is under way, or a new one."""
    global _asked  # what all threads of the process wait for
    with _lock:
        if _asked is None or _asked.done():
            _asked = _asker.submit(_trouble)
        return _asked


def _trouble() -> str:
    """What is wrong, or ""."""
    try:
        missing = _missing()
    except (DatabaseError, InterfaceError) as error:
        log.warning("Not ready: %s", " ".join(str(error).split()))
        return "The database does not answer."
    finally:
        connection.close()
    return f"Migrations are missing: {', '.join(missing)}." if missing else ""


def _missing() -> list[str]:
    """Migrations of this version that the database lacks."""
    global _wanted  # reading them from the disk takes a tenth of a second
    if _wanted:
        with connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            missing = _wanted - set(cursor.fetchall())
    else:
        loader = MigrationLoader(connection)
        _wanted = set(loader.graph.leaf_nodes())
        missing = _wanted - set(loader.applied_migrations)
    return sorted(f"{app}.{name}" for app, name in missing)
