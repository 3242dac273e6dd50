"""Webhooks are told: a task that comes back every two seconds while there is one.

It asks for the next turn before it does anything, so that a worker may be killed at any point.
"""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from agents import outgoing
from agents.domain import webhook_queue, webhook_secrets
from agents.domain.transactions import snapshot
from agents.domain.webhook_queue import Outcome
from agents.limits import WEBHOOK_ANSWER
from agents.listing.events import render
from agents.models import Delivery, LogHead

_log = logging.getLogger(__name__)

_EVERY = timedelta(seconds=2)
_SLICE = 5.0  # seconds of one turn, and what the last attempts in it take
_CLEAN = timedelta(minutes=1)
_THREADS = 32


@contextmanager
def delivering() -> Iterator[None]:
    """Around a write after which a webhook may have something to send: someone will look."""
    with transaction.atomic():
        yield
        _come_back()


@task()
def deliver_webhooks() -> None:
    """Take from the log what is new, and send what is due, for some seconds."""
    if not webhook_queue.is_busy():
        return  # `delivering` begins again
    _come_back()
    end = time.monotonic() + _SLICE
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        while deliver_some(pool) and time.monotonic() < end:
            pass
    _clean()


def deliver_some(pool: ThreadPoolExecutor) -> bool:
    """Take up a part of the log, and make some attempts. True if there may be more to do."""
    more = webhook_queue.take_up()
    return bool(send_due(pool)) or more


def send_due(pool: ThreadPoolExecutor) -> int:
    """One attempt of some deliveries that are due, side by side. How many."""
    claimed = webhook_queue.claim()
    if not claimed:
        return 0
    with snapshot():
        bodies = render(claimed)
    sent = {pool.submit(_send, one, bodies.get(one.id)): one for one in claimed}
    for done in as_completed(sent):
        webhook_queue.settle(sent[done], done.result())
    return len(claimed)


def _send(one: Delivery, body: bytes | None) -> Outcome:
    """One attempt. It runs in a thread, and does not touch the database."""
    if body is None:
        return Outcome(0, error="History does not tell of it any more.")
    hook, now = one.webhook, int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "ADE-Webhooks",
        "webhook-id": str(one.public_id),
        "webhook-timestamp": str(now),
        "webhook-signature": webhook_secrets.signatures(
            hook, delivery_id=str(one.public_id), timestamp=now, body=body
        ),
    }
    begun = time.monotonic()
    status, retry_after, error = None, None, ""
    try:
        answer = outgoing.post(
            hook.url,
            body=body,
            headers=headers,
            seconds=settings.WEBHOOK_TIMEOUT_SECONDS,
            allowed=settings.WEBHOOK_ALLOWED_NETWORKS,
            answer_bytes=WEBHOOK_ANSWER,
        )
        status, retry_after = answer.status, answer.retry_after
        if 300 <= status < 400:
            error = "It redirects, and redirects are not followed."
    except outgoing.Unsent as failure:
        error = str(failure)
    except Exception:  # noqa: BLE001  # the others are to be settled
        _log.exception("Webhook delivery %s failed in an unforeseen way", one.public_id)
        error = "Something went wrong on the server; its log says what."
    took = int((time.monotonic() - begun) * 1000)
    return Outcome(took, status, error, retry_after)


def _come_back() -> None:
    """Ask for a turn, unless one waits already. Two that meet here become one in the next round."""
    waiting = DBTaskResult.objects.filter(task_path=deliver_webhooks.module_path, status="READY")
    if not waiting.exists():
        deliver_webhooks.using(run_after=timezone.now() + _EVERY).enqueue()


def _clean() -> None:
    """Now and then: what is over and old goes, deliveries and turns."""
    now = timezone.now()
    head, _ = LogHead.objects.get_or_create(id=1)
    if head.cleaned_at is not None and head.cleaned_at > now - _CLEAN:
        return
    LogHead.objects.filter(id=1).update(cleaned_at=now)
    webhook_queue.purge()
    over = DBTaskResult.objects.successful().filter(task_path=deliver_webhooks.module_path)
    over.filter(finished_at__lt=now - _CLEAN).delete()
