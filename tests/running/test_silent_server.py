"""A PostgreSQL that is frozen: it takes connections, and answers nothing."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connections
from postgres import Cluster

from ade.db.postgres import base, silence
from ade.db.postgres.silence import Connection, Servers

pytestmark = [pytest.mark.only_postgres, pytest.mark.django_db(transaction=True)]

SECONDS = 60.0  # in which a busy machine does what takes some seconds


def processes_of(cluster: Cluster) -> list[int]:
    """PostgreSQL's first process and all that it started."""
    assert cluster.server is not None
    first = cluster.server.pid
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *map(int, children)]


@contextlib.contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Stopped as a machine that hangs stops its processes."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Servers:
    """Nothing is known of any server, and looks come soon."""
    servers = Servers()
    monkeypatch.setattr(silence, "servers", servers)
    monkeypatch.setattr(base, "servers", servers)
    monkeypatch.setattr(silence, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(silence, "REST_SECONDS", 0.5)
    return servers


def connect(cluster: Cluster, **more: Any) -> Connection:
    params = {"dbname": "ade", "user": "ade", "autocommit": True, "connect_timeout": 2, **more}
    return Connection.to((str(cluster.folder), ""), params)


def test_statement_is_abandoned_when_the_server_is_frozen(cluster: Cluster, quick: Servers) -> None:
    kept, other = connect(cluster), connect(cluster)
    with frozen(processes_of(cluster)):
        begun = time.monotonic()
        for connection in (kept, other):
            with pytest.raises(psycopg.OperationalError, match="did not answer") as raised:
                connection.execute("SELECT 1")
            assert raised.value.sqlstate is None
            assert connection.closed
        assert time.monotonic() - begun < SECONDS
        assert quick.is_silent(kept.address)
        assert not quick.may_try(kept.address)
    deadline = time.monotonic() + SECONDS
    while not quick.may_try(kept.address):
        assert time.monotonic() < deadline
    with connect(cluster) as again:
        assert again.execute("SELECT 1").fetchone() == (1,)
    assert quick.may_try(kept.address)


def test_commit_is_abandoned_when_the_server_is_frozen(cluster: Cluster) -> None:
    connection = connect(cluster, autocommit=False)
    connection.execute("CREATE TEMP TABLE t (a int)")
    with frozen(processes_of(cluster)):
        with pytest.raises(psycopg.OperationalError, match="did not answer"):
            connection.commit()
        assert connection.closed


def test_connecting_to_a_frozen_server_ends(cluster: Cluster, quick: Servers) -> None:
    with frozen(processes_of(cluster)):
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            connect(cluster)
        # Alone it is tried again at once: a busy server may only be slow.
        assert quick.may_try((str(cluster.folder), ""))


def test_slow_statement_of_a_server_that_answers_goes_on(cluster: Cluster) -> None:
    with connect(cluster) as connection:
        found = connection.execute("SELECT 1 FROM pg_sleep(2)").fetchall()
        assert found == [(1,)]


def test_large_answer_comes_in_pieces(cluster: Cluster) -> None:
    sql = "SELECT g, repeat('x', 1000), pg_sleep(0.01) FROM generate_series(1, 100) g"
    with connect(cluster) as connection:
        assert len(connection.execute(sql).fetchall()) == 100


def test_one_frozen_backend_is_given_up_after_the_limit(cluster: Cluster, quick: Servers) -> None:
    connection = connect(cluster)
    connection.limit = 1.0
    with frozen([connection.info.backend_pid]):
        with pytest.raises(psycopg.OperationalError, match="did not answer"):
            connection.execute("SELECT 1")
        assert connection.closed
        assert not quick.is_silent(connection.address)
        with connect(cluster) as another:
            assert another.execute("SELECT 1").fetchone() == (1,)


def test_other_hosts_are_taken_while_one_is_silent(
    cluster: Cluster, quick: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "REST_SECONDS", 600.0)
    here = connections["default"].settings_dict
    hosts = {"HOST": f"{cluster.folder},{here['HOST']}", "PORT": ""}
    several = connections["default"].copy()
    several.settings_dict = here | hosts
    with frozen(processes_of(cluster)):
        with several.cursor() as cursor:  # waits once for the first
            cursor.execute("SELECT current_database()")
            assert cursor.fetchone() == (here["NAME"],)
        assert not quick.may_try((str(cluster.folder), ""))
        begun = time.monotonic()
        for _ in range(3):
            several.close()
            several.ensure_connection()
        assert time.monotonic() - begun < 5  # as long as one attempt takes
    several.close()


def test_kept_connection_to_a_silent_server_is_replaced(quick: Servers) -> None:
    kept = connections["default"].copy()
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        before = cursor.fetchone()
    quick._of(kept.connection.address).unanswered = silence.LOOKS
    time_to_try = time.monotonic() + SECONDS
    kept.close_if_health_check_failed()
    assert kept.connection is None
    while kept.connection is None:
        assert time.monotonic() < time_to_try
        with contextlib.suppress(OperationalError):
            kept.ensure_connection()
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != before
    kept.close()


def test_server_that_takes_no_writes_any_more_is_left() -> None:
    wrapper = connections["default"].copy()
    wrapper.settings_dict = wrapper.settings_dict | {
        "OPTIONS": wrapper.settings_dict["OPTIONS"] | {"target_session_attrs": "read-write"}
    }
    wrapper.ensure_connection()
    assert wrapper.is_usable()
    with wrapper.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    assert not wrapper.is_usable()
    wrapper.close()


def test_one_thread_looks_for_all(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    answers = silence._answers
    monkeypatch.setattr(silence, "_answers", lambda params: looks.append(1) or answers(params))
    connections = [connect(cluster) for _ in range(6)]

    def wait(connection: Connection) -> None:
        connection.execute("SELECT pg_sleep(1)")

    jobs = [threading.Thread(target=wait, args=(one,)) for one in connections]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert 1 <= len(looks) <= 8  # and not one for each thread and thought
    for connection in connections:
        connection.close()
