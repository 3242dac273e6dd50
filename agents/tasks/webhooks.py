"""Send webhooks: a task that repeats every two seconds while a webhook is enabled.

It queues its next turn before it does anything, so a worker can be killed at any point.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from agents.core.limits import WEBHOOK_ANSWER
from agents.domain.webhooks import queue, signing
from agents.domain.webhooks.queue import Outcome
from agents.models import Delivery, LogHead
from agents.net import guarded, safe_post
from agents.tasks.names import stored_as
from agents.tasks.webhook_sending import Sending

_log = logging.getLogger(__name__)

_EVERY = timedelta(seconds=2)
_SLICE = 5.0  # seconds of one turn, and what the last attempts in it take
_LOOK_AFTER = timedelta(seconds=15)
_CLEAN = timedelta(minutes=1)


@contextmanager
def delivering() -> Iterator[None]:
    """Wrap a write that may give a webhook something to send: queues a turn in its transaction."""
    with transaction.atomic():
        yield
        _queue_next()


@task()
@stored_as("agents.webhook_tasks")
def deliver_webhooks() -> None:
    """Read new events from the log and send what is due, for some seconds."""
    if not queue.is_busy():
        return  # `delivering` starts the turns again
    _queue_next()
    send_all(seconds=_SLICE)
    _clean()


@task()
def look_after_webhooks() -> None:
    """Queue a turn again if a worker was killed before it could do so."""
    if queue.is_busy():
        _queue_next()


def send_all(*, seconds: float) -> None:
    """Send what is due until nothing is left, or for some seconds."""
    with safe_post.Connections(allowed=settings.WEBHOOK_ALLOWED_NETWORKS) as connections:
        Sending(partial(_send, connections)).run(seconds=seconds)


def _send(connections: safe_post.Connections, row: Delivery, body: bytes | None) -> Outcome:
    """Make one attempt. Runs in a thread and does not use the database."""
    if body is None:
        return Outcome(0, error="The event is no longer in the history.")
    hook, now = row.webhook, int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "ADE-Webhooks",
        "webhook-id": str(row.public_id),
        "webhook-timestamp": str(now),
        "webhook-signature": signing.signatures(
            hook, delivery_id=str(row.public_id), timestamp=now, body=body
        ),
    }
    begun = time.monotonic()
    status, retry_after, error = None, None, ""
    try:
        answer = connections.post(
            hook.url,
            body=body,
            headers=headers,
            seconds=settings.WEBHOOK_TIMEOUT_SECONDS,
            answer_bytes=WEBHOOK_ANSWER,
        )
        status, retry_after = answer.status, answer.retry_after
        if 300 <= status < 400:
            error = "The receiver redirects. ADE does not follow redirects."
    except guarded.Unsent as failure:
        error = str(failure)
    except Exception:  # noqa: BLE001  # the results of other deliveries must be stored
        _log.exception("Webhook delivery %s failed with an unexpected error", row.public_id)
        error = "Unexpected error on the server. See the server's log."
    took = int((time.monotonic() - begun) * 1000)
    return Outcome(took, status, error, retry_after)


def _queue_next() -> None:
    """Queue the next turn, and a later look after the turns, unless they are queued already.

    A worker that is killed, or cannot write, between the start of its task and this line breaks one of
    the two chains. The other chain restarts it. Two turns queued at once become one in the next round.
    """
    for job, pause in ((deliver_webhooks, _EVERY), (look_after_webhooks, _LOOK_AFTER)):
        waiting = DBTaskResult.objects.filter(task_path=job.module_path, status="READY")
        if not waiting.exists():
            job.using(run_after=timezone.now() + pause).enqueue()


def _clean() -> None:
    """Once a minute, delete old finished deliveries and turns."""
    now = timezone.now()
    head, _ = LogHead.objects.get_or_create(id=1)
    if head.cleaned_at is not None and head.cleaned_at > now - _CLEAN:
        return
    LogHead.objects.filter(id=1).update(cleaned_at=now)
    queue.purge()
    turns = (deliver_webhooks.module_path, look_after_webhooks.module_path)
    over = DBTaskResult.objects.successful().filter(task_path__in=turns)
    over.filter(finished_at__lt=now - _CLEAN).delete()
