"""The worker as it is started keeps sources in step: killed, and beside a source that does not answer."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from processes import start, stop
from serve import worker_command

from agents.models import Agent, AgentSource, SourcedAgent
from tests.domain.sources.conftest import Connected
from tests.domain.sources.stand_in import StandIn, stand_in

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def worker(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker as `make run` starts it, which may connect to this machine."""
    about = {
        "DATABASE_URL": database_url,
        "SECRET_KEY": settings.SECRET_KEY,
        "SOURCE_ALLOWED_NETWORKS": "127.0.0.1/32",
        "SOURCE_POLL_SECONDS": "0.2",
    }
    process = start(worker_command(), env=os.environ | about)
    try:
        yield process
    finally:
        stop([process], seconds=20)


def wait_until(is_so: Callable[[], bool]) -> float:
    """Wait, and return the seconds that it took."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < 120
        time.sleep(0.02)  # between looks; what is waited for has no other sign
    return time.monotonic() - begun


def test_sources_are_kept_in_step_beside_a_frozen_one_and_after_a_kill(
    server: StandIn, database_url: str
) -> None:
    agent_id = server.add("user_1")
    local = Connected(server).add()
    thaw = threading.Event()
    with stand_in() as other:
        frozen = Connected(other, name="frozen").add()
        other.before = lambda kind, _id: thaw.wait() and None
        try:
            with worker(database_url) as first:
                wait_until(lambda: Agent.objects.filter(public_id=agent_id).exists())
                local.edit(agent_id, add=["vip"])
                took = wait_until(lambda: "vip" in server.tags(agent_id))
                print(f"at the source after {took:.2f} s")
                server.retag(agent_id, add="there")
                wait_until(lambda: "there" in local.tags(agent_id))
                first.kill()
                first.wait()
            local.edit(agent_id, remove=["vip"])
            with worker(database_url):
                wait_until(lambda: "vip" not in server.tags(agent_id))
                wait_until(lambda: not waiting())
                thaw.set()
                came = other.add("user_2")
                wait_until(lambda: Agent.objects.filter(public_id=came).exists())
        finally:
            thaw.set()
    assert local.tags(agent_id) == sorted(server.tags(agent_id)) == ["there", "user_1"]
    assert frozen.source.listed_at is not None
    # A worker that is told to stop gives its sources up.
    assert not AgentSource.objects.exclude(held_by=None).exists()


def waiting() -> bool:
    return SourcedAgent.objects.filter(behind_since__isnull=False).exists()
