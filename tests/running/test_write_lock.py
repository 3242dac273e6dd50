"""How writers on SQLite wait for the write lock: in a queue, outside SQLite, without a worker slot."""

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction

from ade.db.sqlite.turns import _ENTRY, Turns
from ade.models import CacheEntry
from ade.server.worker_slots import Slot, Slots
from tests.scaling.databases import eventually

pytestmark = [pytest.mark.only_sqlite, pytest.mark.django_db(transaction=True)]


@contextmanager
def lock_held() -> Iterator[None]:
    """Another program has the write lock meanwhile."""
    path = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def in_thread(work: Callable[[], Any]) -> "Future[Any]":
    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return ThreadPoolExecutor(max_workers=1).submit(run)


def write_outside_transaction() -> int:
    return CacheEntry.objects.update(value="new")


def write_inside_transaction() -> int:
    with transaction.atomic():
        return CacheEntry.objects.update(value="new")


@pytest.fixture(autouse=True)
def entry() -> None:
    CacheEntry.objects.create(cache_key="some", value="old", expires="2030-01-01T00:00Z")


@pytest.mark.parametrize("write", [write_outside_transaction, write_inside_transaction])
def test_a_writer_waits_until_the_lock_is_free(write: Callable[[], int]) -> None:
    with lock_held():
        waits = in_thread(write)
        assert not waits.done()
        assert CacheEntry.objects.get().value == "old"
    assert waits.result(10) == 1
    assert CacheEntry.objects.get().value == "new"


@pytest.mark.parametrize("write", [write_outside_transaction, write_inside_transaction])
def test_a_writer_gives_up_in_time(write: Callable[[], int], monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.2)
    with lock_held():
        with pytest.raises(OperationalError, match="database is locked"):
            write()
        # The next to come has a turn of its own: none was kept.
        with pytest.raises(OperationalError, match="database is locked"):
            write()
    assert write() == 1


def test_nothing_waits_inside_sqlite() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (0,)


def cursors() -> list[sqlite3.Cursor]:
    return [one for one in gc.get_objects() if issubclass(type(one), sqlite3.Cursor)]


def test_a_wait_leaves_no_cursor_to_the_garbage_collector(monkeypatch: Any) -> None:
    """Freed in another thread, it would wait there for the mutex of its connection."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.2)
    connection.ensure_connection()
    gc.collect()
    gc.disable()
    before = cursors()  # of other tests, whose threads may still end
    try:
        with lock_held(), pytest.raises(OperationalError):
            write_inside_transaction()
        left = [one for one in cursors() if not any(one is other for other in before)]
    finally:
        gc.enable()
    assert left == []


def test_a_statement_that_reads_while_it_writes_is_not_tried_for_ever() -> None:
    """Its own open read is of before another's write: no wait changes that."""
    CacheEntry.objects.create(cache_key="more", value="old", expires="2030-01-01T00:00Z")
    with connection.cursor() as reading:
        reading.execute("SELECT cache_key FROM ade_cache")
        reading.fetchone()
        assert in_thread(write_outside_transaction).result(10) == 2
        began = time.monotonic()
        with pytest.raises(OperationalError, match="database is locked"):
            write_outside_transaction()
        assert time.monotonic() - began < 5


def test_threads_are_served_in_the_order_they_came(tmp_path: Any) -> None:
    turns, served = Turns(str(tmp_path / "some")), []
    assert turns.take(0)

    def ask(number: int) -> None:
        assert turns.take(30)
        served.append(number)
        turns.give()

    asked = []
    for number in range(5):
        asked.append(in_thread(lambda number=number: ask(number)))
        eventually(lambda number=number: len(turns._waiting) == number + 1, seconds=10)
    assert not turns.take(0.05)  # who gives up leaves the queue
    turns.give()
    for one in asked:
        one.result(10)
    assert served == list(range(5))
    assert turns.take(0)


class OtherProcess:
    """Another process in the queue: it takes a turn, or gives it, when it is told to."""

    _CODE = (
        "import sys; sys.path.insert(0, '.'); from ade.db.sqlite.turns import Turns\n"
        "turns = Turns(sys.argv[1])\n"
        "for line in sys.stdin:\n"
        "    print('asks', flush=True)\n"
        "    turns.take(30) if line == 'take\\n' else turns.give()\n"
        "    print('done', flush=True)\n"
    )

    def __init__(self, queue: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", self._CODE, queue],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "OtherProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def begin(self, what: str) -> None:
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "asks\n"

    def end(self) -> None:
        assert self.process.stdout.readline() == "done\n"

    def ask(self, what: str) -> None:
        self.begin(what)
        self.end()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, no process is taken for a stopped one."""
    monkeypatch.setattr("ade.db.sqlite.turns._LONGEST", 60.0)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("ends", ["gives its turn", "is killed"])
def test_a_process_waits_for_the_turn_of_another(tmp_path: Any, ends: str) -> None:
    queue = str(tmp_path / "some")
    turns = Turns(queue)
    with OtherProcess(queue) as other:
        other.ask("take")
        waits = in_thread(lambda: turns.take(60))
        eventually(lambda: turns._taken and turns._processes._is_asked, seconds=10)
        assert not waits.done()
        if ends == "is killed":
            other.process.kill()
        else:
            other.ask("give")
        assert waits.result(30)
        assert turns._processes.is_ours
        turns.give()


def is_waited_for(turns: Turns) -> bool:
    """Another process is the next in the queue."""
    free = turns._processes._lock(LOCK_EX | LOCK_NB, _ENTRY)
    turns._processes._lock(LOCK_UN, _ENTRY)
    return not free


@pytest.mark.usefixtures("patient")
def test_a_process_that_leaves_does_not_overtake_one_that_waits(tmp_path: Any) -> None:
    queue = str(tmp_path / "some")
    turns = Turns(queue)
    with OtherProcess(queue) as other:
        other.ask("give")  # it has started
        for _ in range(3):
            assert turns.take(60)
            other.begin("take")
            eventually(lambda: is_waited_for(turns), seconds=10)
            turns.give()
            mine = in_thread(lambda: turns.take(60))
            other.end()
            assert not mine.done()
            other.ask("give")
            assert mine.result(30)
            turns.give()


def test_a_process_that_waited_for_long_is_not_overtaken_for_ever(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ade.db.sqlite.turns._LONGEST", 0.05)
    queue = str(tmp_path / "some")
    turns = Turns(queue)
    with OtherProcess(queue) as other:
        other.ask("take")
        assert turns.take(60)
        assert not turns._processes.is_ours
        other.ask("give")
        eventually(lambda: turns._processes.is_ours, seconds=10)
        turns.give()
        assert turns._processes._distrusted_until == 0
        other.ask("take")  # it was given back


def test_a_stopped_process_delays_others_and_does_not_block_them(tmp_path: Any) -> None:
    queue = str(tmp_path / "some")
    turns = Turns(queue)
    with OtherProcess(queue) as other:
        other.ask("take")
        other.process.send_signal(signal.SIGSTOP)
        for _ in range(3):
            assert turns.take(60)  # SQLite's own lock decides
            assert not turns._processes.is_ours
            turns.give()
        assert turns._processes._distrusted_until > 0  # only the first of them waited


@pytest.mark.usefixtures("patient")
def test_writers_of_two_processes_find_the_lock_free(tmp_path: Any) -> None:
    """They would find it taken if the queue were left before the lock is free."""
    path = str(tmp_path / "some.sqlite3")
    code = (
        "import sys, threading; sys.path.insert(0, '.')\n"
        "from django.db import connections, transaction\n"
        "from ade.db.sqlite import base, turns; turns._LONGEST = 60\n"
        "tries = []; base.random.uniform = lambda *_: tries.append(1) or 0.001\n"
        "def work():\n"
        "    for _ in range(25):\n"
        "        with transaction.atomic(), connections['default'].cursor() as cursor:\n"
        "            cursor.execute('UPDATE t SET n = n + 1')\n"
        "    connections.close_all()\n"
        "threads = [threading.Thread(target=work) for _ in range(4)]\n"
        "[one.start() for one in threads]; [one.join() for one in threads]; print(len(tries))\n"
    )
    about = {"DATABASE_URL": f"sqlite:///{path}", "SECRET_KEY": settings.SECRET_KEY}
    command, env = [sys.executable, "-c", code], os.environ | about
    with closing(sqlite3.connect(path)) as made:  # open meanwhile: the first to open it locks it
        made.execute("PRAGMA journal_mode = wal")
        made.execute("CREATE TABLE t (n)")
        made.execute("INSERT INTO t VALUES (0)")
        made.commit()
        both = [
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        assert [one.communicate()[0] for one in both] == ["0\n", "0\n"]
        assert made.execute("SELECT n FROM t").fetchall() == [(200,)]


def test_a_writer_that_waits_for_the_lock_lends_its_worker_slot() -> None:
    slots = Slots(1)

    def request(work: Callable[[], Any]) -> Any:
        slot = Slot(slots)
        slot.enter()
        try:
            return work()
        finally:
            slot.leave()

    with lock_held():
        waits = in_thread(lambda: request(write_inside_transaction))
        reads = in_thread(lambda: request(lambda: CacheEntry.objects.get().value))
        assert reads.result(10) == "old"
        assert not waits.done()
    assert waits.result(10) == 1
    assert slots._free.qsize() == 1  # as before
