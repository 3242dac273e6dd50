"""Run the django-tasks worker, with threads that keep the sources in step.

First it looks for bulk changes and receipts that lost their worker, records the protected tags of the
settings, and queues the completion of history that an older version wrote.
"""

import os
from typing import Any

from django.utils.autoreload import DJANGO_AUTORELOAD_ENV
from django_tasks_db.management.commands import db_worker

from agents.domain.core.access_spans import note_settings
from agents.tasks import bulk_worker, offboarding
from agents.tasks.sources import Keeper
from agents.tasks.tally import ask_to_complete


class Command(db_worker.Command):
    def handle(self, *, batch: bool = False, reload: bool = False, **options: Any) -> None:
        bulk_worker.look_after_start()
        offboarding.look_after_start()
        note_settings()
        ask_to_complete()
        # With --reload only the child process works. With --batch the queue is emptied, no more.
        works = not batch and (not reload or os.environ.get(DJANGO_AUTORELOAD_ENV) == "true")
        keeper = Keeper()
        if works:
            keeper.start()
        try:
            super().handle(batch=batch, reload=reload, **options)
        finally:
            keeper.stop()
