"""Count for the overview, so that no request reads all agents or all history."""

import time

from django.db import DatabaseError, transaction
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from agents.domain.upkeep import directory, tally
from agents.domain.webhooks import log
from agents.tasks.crossings import ask_to_look

_SLICE = 5.0  # seconds of one turn


def ask_to_count() -> None:
    """Queue a count unless one is queued. Does nothing if the database takes no writes now."""
    ask_to_look()
    try:
        with transaction.atomic():
            waiting = DBTaskResult.objects.filter(
                task_path=count_for_overview.module_path, status="READY"
            )
            if not waiting.exists():
                count_for_overview.enqueue()
    except DatabaseError:
        pass  # the next visit asks again


@task()
def count_for_overview() -> None:
    """Count the history for some seconds and queue the next turn; at its end, count everything.

    It also completes the history that an older version wrote.
    """
    end, upto = time.monotonic() + _SLICE, log.safe_end()
    while tally.count_history(upto=upto) or directory.give_sort_keys():
        if time.monotonic() > end:
            count_for_overview.enqueue()
            return
    tally.count_totals()
