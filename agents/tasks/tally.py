"""Count for the overview, so that no request reads all agents or all history."""

import time

from django_tasks import task

from agents.domain.upkeep import directory, spans, tally
from agents.domain.webhooks import log
from agents.tasks.crossings import ask_to_look
from agents.tasks.in_passing import ask_in_passing

_SLICE = 5.0  # seconds of one turn


def ask_to_count() -> None:
    """Queue a count unless one is queued. Does nothing if the database takes no writes now."""
    ask_to_look()
    ask_in_passing(count_for_overview)


def ask_to_complete() -> None:
    """Queue the completion of history that an older version wrote, if some is left."""
    if not spans.is_complete():
        ask_to_count()


@task()
def count_for_overview() -> None:
    """Count the history for some seconds and queue the next turn; at its end, count everything.

    It also completes the history and the directory that an older version wrote.
    """
    end, upto = time.monotonic() + _SLICE, log.safe_end()
    while tally.count_history(upto=upto) or directory.give_sort_keys() or spans.complete_some():
        if time.monotonic() > end:
            count_for_overview.enqueue()
            return
    tally.count_totals()
