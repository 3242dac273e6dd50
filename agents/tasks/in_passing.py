"""Queue a task from a page that only shows something."""

from django.db import DatabaseError, InterfaceError, transaction
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from ade.db.sqlite.base import short_wait
from ade.ops import outage

_SECONDS = 0.5  # that the page waits at most while another program has SQLite's write lock


def ask_in_passing(task: Task[[], None]) -> None:
    """Queue a turn of the task unless one is queued. Without effect while the database takes no writes."""
    waiting = DBTaskResult.objects.filter(task_path=task.module_path, status="READY")
    if outage.are_optional_writes_paused() or waiting.exists():
        return
    token = short_wait.set(_SECONDS)
    try:
        with transaction.atomic():
            if not waiting.exists():
                task.enqueue()
    except (DatabaseError, InterfaceError) as error:
        if not outage.may_skip(error):
            raise
    finally:
        short_wait.reset(token)
