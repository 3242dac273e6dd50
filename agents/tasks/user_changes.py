"""Note when agents of users were last changed, whenever the list of users is sorted by that."""

import time

from django.db import DatabaseError, transaction
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from agents.domain.upkeep import directory

_SLICE = 5.0  # seconds of one turn


def ask_to_note() -> None:
    """Queue a turn, if agents changed and none is queued. Does nothing if the database takes no writes."""
    if directory.all_changes_noted():
        return
    try:
        with transaction.atomic():
            path = note_changes_of_users.module_path
            if not DBTaskResult.objects.filter(task_path=path, status="READY").exists():
                note_changes_of_users.enqueue()
    except DatabaseError:
        pass  # the next visit asks again


@task()
def note_changes_of_users() -> None:
    """Note changes for some seconds, and queue the next turn if more are left."""
    end = time.monotonic() + _SLICE
    while directory.note_changed():
        if time.monotonic() > end:
            note_changes_of_users.enqueue()
            return
