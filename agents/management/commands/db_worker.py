"""Run the django-tasks worker. It first looks for bulk changes that lost their worker, and records the
protected tags of the settings.

Threads of it keep the sources in step.
"""

import os
from typing import Any

from django.utils.autoreload import DJANGO_AUTORELOAD_ENV
from django_tasks_db.management.commands import db_worker

from agents.domain.core.access_spans import note_settings
from agents.tasks import bulk_worker
from agents.tasks.sources import Keeper


class Command(db_worker.Command):
    def handle(self, *, batch: bool = False, reload: bool = False, **options: Any) -> None:
        bulk_worker.look_after_start()
        note_settings()
        # With --reload only the child process works. With --batch the queue is emptied, no more.
        works = not batch and (not reload or os.environ.get(DJANGO_AUTORELOAD_ENV) == "true")
        keeper = Keeper()
        if works:
            keeper.start()
        try:
            super().handle(batch=batch, reload=reload, **options)
        finally:
            keeper.stop()
