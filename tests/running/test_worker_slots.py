"""With all worker slots taken, probes are answered and other requests get 503 in time."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import RequestFactory

from ade.server import worker_slots
from ade.server.application import Application
from ade.server.worker_slots import SLOTS, NoSlot, Slots


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits."""
    monkeypatch.setattr(worker_slots, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(worker_slots, "_PIECE_SECONDS", 0.02)


@pytest.fixture
def application() -> Iterator[Application]:
    """The application, with a stuck request in each of its slots."""
    application = Application(get_wsgi_application())
    application._first.acquire()  # this process is no server whose sockets need options
    over, there = threading.Event(), threading.Barrier(SLOTS + 1)

    def stuck() -> None:
        application._slots.enter()
        there.wait()
        over.wait()
        application._slots.leave()

    jobs = [threading.Thread(target=stuck) for _ in range(SLOTS)]
    with ExitStack() as stack:
        for job in jobs:
            job.start()
            stack.callback(job.join)
        stack.callback(over.set)
        there.wait()
        yield application


def answered(application: Application, method: str, path: str) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body of the answer."""
    environ = RequestFactory().generic(method, path).environ
    begun: list[Any] = []
    body = b"".join(application(environ, lambda *head: begun.extend(head)))
    return int(begun[0][:3]), dict(begun[1]), body.decode()


def test_health_needs_no_slot_and_no_database(application: Application) -> None:
    # No mark: pytest-django lets no query through. A thread of its own has no connection yet, as
    # a thread of the server that has only answered probes.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(answered, application, "GET", "/healthz").result()[0] == 200


@pytest.mark.django_db(transaction=True)
def test_readiness_needs_no_slot(application: Application) -> None:
    assert answered(application, "GET", "/readyz")[0] == 200


@pytest.mark.django_db(transaction=True)  # a mark for what probes note
@pytest.mark.parametrize("path", ["/agents/", "/v1/agents/"])
def test_other_requests_get_503_in_time(application: Application, path: str) -> None:
    status, headers, body = answered(application, "POST", path)
    assert (status, headers["Retry-After"]) == (503, "5")
    assert "ADE is overloaded. Nothing was saved." in body
    assert body.startswith("{") is path.startswith("/v1/")
    assert "saved" not in answered(application, "GET", path)[2]


def test_requests_do_not_wait_for_stuck_slots_while_threads_are_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_slots, "WAIT_SECONDS", 60.0)
    monkeypatch.setattr(worker_slots, "STUCK_SECONDS", 0.1)
    taken = Slots(1)
    taken.enter()
    begun = time.monotonic()
    with pytest.raises(NoSlot):
        taken.enter(lambda: True)
    assert 0.1 < time.monotonic() - begun < 30
    threading.Timer(0.5, taken.leave, kwargs={"own": False}).start()
    taken.enter(lambda: False)  # waits until the slot is free
    assert time.monotonic() - begun > 0.5
