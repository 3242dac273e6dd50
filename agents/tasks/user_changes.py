"""Note when agents of users were last changed, whenever the list of users is sorted by that."""

import time

from django_tasks import task

from agents.domain.upkeep import directory
from agents.tasks.in_passing import ask_in_passing

_SLICE = 5.0  # seconds of one turn


def ask_to_note() -> None:
    """Queue a turn, if agents changed and none is queued. Does nothing if the database takes no writes."""
    if not directory.all_changes_noted():
        ask_in_passing(note_changes_of_users)


@task()
def note_changes_of_users() -> None:
    """Note changes for some seconds, and queue the next turn if more are left."""
    end = time.monotonic() + _SLICE
    while directory.note_changed():
        if time.monotonic() > end:
            note_changes_of_users.enqueue()
            return
