"""The worker itself, as it is started: told within seconds, and killed in the middle."""

import os
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from processes import start, stop
from serve import worker_command

from agents.domain.tags.edit import change_tags
from agents.domain.webhooks.write import create_webhook, disable_webhook
from agents.models import Delivery, DeliveryState, LogHead, Webhook
from agents.tasks import webhooks
from tests.helpers import ROOT, make_agent
from tests.webhooks.receiver import Got, Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def worker(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker as `make run` starts it, which may send to this machine."""
    about = {
        "DATABASE_URL": database_url,
        "SECRET_KEY": settings.SECRET_KEY,
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32",
        "WEBHOOK_RETRY_SECONDS": "0.1",
        "WEBHOOK_TIMEOUT_SECONDS": "60",
    }
    process = start(worker_command(), env=os.environ | about)
    try:
        yield process
    finally:
        stop([process], seconds=20)


def make_hook(there: Receiver) -> Webhook:
    with webhooks.delivering():
        return create_webhook(url=there.url, actor=ROOT).webhook


def turns() -> list[str]:
    rows = DBTaskResult.objects.filter(task_path=webhooks.deliver_webhooks.module_path)
    return sorted(rows.values_list("status", flat=True))


def done() -> int:
    return Delivery.objects.filter(state=DeliveryState.DONE).count()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # between looks; what is waited for has no other sign


def test_a_change_is_told_within_seconds_and_the_next_as_well(
    there: Receiver, database_url: str
) -> None:
    agent = make_agent().public_id
    make_hook(there)
    with worker(database_url):
        for number, tag in enumerate(("a", "b"), 1):
            begun = time.monotonic()
            change_tags(agent_id=agent, add=[tag], actor=ROOT)
            there.wait_for(number)
            print(f"told after {time.monotonic() - begun:.1f} s")
    assert [body["data"]["tags"] for body in there.told()] == [["a"], ["a", "b"]]


def test_a_killed_worker_loses_nothing(there: Receiver, database_url: str) -> None:
    ids = [make_agent().public_id for _ in range(40)]
    make_hook(there)
    for tag in "abc":
        for one in ids:
            change_tags(agent_id=one, add=[tag], actor=ROOT)

    killed = threading.Event()

    def some_at_once(got: Got) -> int:
        if len(there.got) >= 30:  # so that the kill meets some under way
            killed.wait()
        return 204

    there.answer = some_at_once
    with worker(database_url) as process:
        there.wait_for(30)
        with worker(database_url):
            process.kill()
            process.wait()
            begun, came = time.monotonic(), len(there.got)
            under_way = Delivery.objects.filter(state=DeliveryState.WAITING, attempts__gt=0)
            # Those that it was sending, and those answered that it had not noted yet.
            most_again = under_way.count()
            assert most_again >= 1
            there.answer = lambda got: 204
            killed.set()
            there.wait_for(came + 1, seconds=60)
            print(f"taken over after {time.monotonic() - begun:.1f} s")
            wait_until(lambda: done() == 120)
    order: dict[str, list[str]] = defaultdict(list)
    seen = set()
    for body in there.told():
        if body["id"] not in seen:  # as a receiver does
            seen.add(body["id"])
            order[body["data"]["agent_id"]] += body["data"]["added"]
    assert order == {one: ["a", "b", "c"] for one in ids}
    # docs/api/webhooks.md: those being sent, and those whose results were not stored yet.
    assert len(there.got) - len(seen) <= min(most_again, 48)


def test_a_frozen_worker_stops_nothing_and_notes_nothing_later(
    there: Receiver, database_url: str
) -> None:
    ids = [make_agent().public_id for _ in range(20)]
    make_hook(there)
    for one in ids:
        change_tags(agent_id=one, add=["a"], actor=ROOT)
    thawed = threading.Event()

    def hold(got: Got) -> int:
        thawed.wait()
        return 500

    there.answer = hold
    with worker(database_url) as frozen:
        there.wait_for(10)
        os.kill(frozen.pid, signal.SIGSTOP)
        there.answer = lambda got: 204
        with worker(database_url):
            wait_until(lambda: done() == 20)
            thawed.set()
            os.kill(frozen.pid, signal.SIGCONT)
            change_tags(agent_id=ids[0], add=["b"], actor=ROOT)
            wait_until(lambda: done() == 21)
    assert Webhook.objects.get().failures == 0
    assert len(there.got) <= 16 + 21


def test_a_turn_that_is_lost_is_asked_for_again(there: Receiver) -> None:
    make_hook(there)
    # The worker was killed after it had taken the turn, and before it asked for the next one.
    DBTaskResult.objects.filter(task_path=webhooks.deliver_webhooks.module_path).delete()
    webhooks.look_after_webhooks.func()
    assert turns() == ["READY"]
    paths = DBTaskResult.objects.filter(status="READY").values_list("task_path", flat=True)
    assert len(set(paths)) == len(paths) == 2


def test_turns_go_on_while_there_is_a_webhook_and_end_with_it(there: Receiver) -> None:
    hook = make_hook(there)
    assert turns() == ["READY"]
    with webhooks.delivering():
        pass
    assert turns() == ["READY"]
    for number in (1, 2):
        DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())
        call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
        assert turns() == ["READY", *["SUCCESSFUL"] * number]
    disable_webhook(webhook_id=hook.public_id, actor=ROOT)
    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())
    call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
    assert turns() == ["SUCCESSFUL"] * 3


def test_turns_that_are_over_do_not_pile_up(there: Receiver) -> None:
    make_hook(there)
    webhooks.deliver_webhooks.func()
    old = timezone.now() - 2 * webhooks._CLEAN
    DBTaskResult.objects.update(status="SUCCESSFUL", finished_at=old)
    LogHead.objects.update(cleaned_at=old)
    webhooks.deliver_webhooks.func()
    assert turns() == ["READY"]
