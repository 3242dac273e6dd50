"""The disk is full: writes are refused and say so, reads go on, and with space again all goes on.

A small tmpfs, with the database and what the processes count on it.
"""

import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.faults.databases import Made, made
from tests.faults.load import Load
from tests.faults.looking import looked
from tests.faults.servers import Server, served
from tests.scaling.databases import Database, eventually, url_of

pytestmark = pytest.mark.prove

FULL_SECONDS = 6.0
BACK_WITHIN = 10.0


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A disk of that size."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small tmpfs")
    folder = Path(tempfile.mkdtemp(prefix="ade-disk-", dir="/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        folder.rmdir()
        pytest.skip("may not mount a tmpfs here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill(disk: Path) -> Path:
    """Take what is left of the disk; the file to remove."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as output:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while output.write(b"\0" * size):
                    pass
    assert shutil.disk_usage(disk).free < 4096
    return filler


def test_fill_leaves_nothing() -> None:
    with small_disk(2) as disk:
        fill(disk)
        with pytest.raises(OSError, match="No space") as refused:
            (disk / "more").write_bytes(b"x" * 4096)
        assert refused.value.errno == errno.ENOSPC


def nothing() -> None:
    """Nothing more."""


def filled_and_emptied(
    disk: Path,
    load: Load,
    use_up: Callable[[], None] = nothing,
    look: Callable[[], None] = nothing,
) -> None:
    """With the disk full no write is done for long; with space again all is as before.

    `use_up` takes what the database had put by; `look` is called while it is full.
    """
    load.goes_on()
    begun = time.monotonic()
    filler = fill(disk)
    use_up()
    eventually(lambda: "503" in load.since(begun).writes)
    refused = time.monotonic()
    look()
    time.sleep(FULL_SECONDS)  # the length of the fault
    full = load.since(refused)
    filler.unlink()
    freed = time.monotonic()
    load.goes_on()
    after = load.since(freed)
    print(f"full after {refused - begun:.1f} s, for {FULL_SECONDS:g} s: {full}")
    print(f"freed: {after}")
    assert after.first_write is not None
    assert after.first_write < BACK_WITHIN
    assert after.last_failure < BACK_WITHIN


def on_disk(disk: Path, static: Path) -> Made:
    """A database of SQLite there, and beside it what the processes count."""
    run = {"RUN_DIR": str(disk / "run"), "RATE_PER_CALLER": "1000000", "STATIC_ROOT": str(static)}
    return made(f"sqlite:///{disk}/ade.sqlite3", **run)


@pytest.mark.only_sqlite
def test_sqlite_on_a_full_disk(tmp_path: Path) -> None:
    with small_disk(24) as disk:
        database = on_disk(disk, tmp_path / "static")
        with served(database.environment, tmp_path) as server:
            before = server.web_processes()
            load = Load([server.address], database.token)
            with load.running():
                filled_and_emptied(disk, load, look=lambda: read_after_idling(database, server))
            assert set(load.since(0).reads) == {"200"}
            assert set(load.since(0).writes) <= {"200", "404", "503"}
            assert {one.nothing_saved for one in load.wrote if one.status == 503} == {True}
            assert server.web_processes() == before
        size = (disk / "ade.sqlite3").stat().st_size
        print(looked(database.environment, load.ledger()), f"{size / 1e6:.1f} MB")


@pytest.mark.only_sqlite
def test_server_started_on_a_full_disk_goes_on_once_there_is_room(tmp_path: Path) -> None:
    """SQLite opens no file there; ADE says so, and neither ends nor has to be started again."""
    with small_disk(16) as disk:
        database = on_disk(disk, tmp_path / "static")
        filler = fill(disk)
        with served(database.environment, tmp_path) as server:
            headers = {"Authorization": f"Bearer {database.token}"}
            with httpx.Client(headers=headers, timeout=60) as client:
                url = f"{server.address}/v1/agents/"
                assert {client.get(url).status_code for _ in range(20)} == {503}
                filler.unlink()
                assert {client.get(url).status_code for _ in range(20)} == {200}
                assert client.post(url, json={"model": "a/b"}).status_code == 200


class Supervisor(threading.Thread):
    """Starts a PostgreSQL again that ended by itself, as its service does."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database, self.starts, self.over = database, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.5):
            if self.database.ended():
                self.starts += 1
                with contextlib.suppress(AssertionError):
                    self.database.start(seconds=10)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.over.set()
            self.join()


@pytest.mark.only_postgres
@pytest.mark.parametrize("full", ["data", "log"])
def test_postgres_on_a_full_disk(tmp_path: Path, full: str) -> None:
    with small_disk(160) as disk, postgres_on(disk, full) as database:
        there = made(url_of([database]), STATIC_ROOT=str(tmp_path / "static"))
        supervisor = Supervisor(database)
        with supervisor.watching():  # to the end: with its thread ends what it started
            with served(there.environment, tmp_path) as server:
                load = Load([server.address], there.token)
                use_up = [] if full == "data" else ["SELECT pg_switch_wal()"] * 20
                look = nothing if use_up else lambda: read_after_idling(there, server)
                with load.running():
                    filled_and_emptied(disk, load, lambda: ask(database, use_up), look)
            assert set(load.since(0).writes) <= {"200", "404", "503"}
            assert set(load.since(0).reads) <= ({"200"} if full == "data" else {"200", "503"})
            print(f"{database.panics()} panics, PostgreSQL started again {supervisor.starts} times")
            print(looked(there.environment, load.ledger()))


def ask(database: Database, statements: list[str]) -> None:
    """Ask as many of them as it answers."""
    with contextlib.suppress(psycopg.OperationalError):
        for statement in statements:
            database.ask(statement)


def read_after_idling(made: Made, server: Server) -> None:
    """A read that would note when its key or session was used is answered without."""
    with httpx.Client(base_url=server.address, timeout=60) as client:
        auth = {"Authorization": f"Bearer {made.idle_token}"}
        assert {client.get("/v1/agents/", headers=auth).status_code for _ in range(8)} == {200}
        cookie = {"Cookie": made.cookie}
        assert {client.get("/agents/", headers=cookie).status_code for _ in range(8)} == {200}


@contextlib.contextmanager
def postgres_on(disk: Path, what: str) -> Iterator[Database]:
    """A PostgreSQL whose data with its log, or whose log alone, is there; in small segments."""
    small = {"max_wal_size": "2MB", "min_wal_size": "2MB", "wal_keep_size": "0"}
    other = Path(tempfile.mkdtemp(prefix="ade-data-", dir="/tmp"))
    try:
        for folder in (disk, other):
            shutil.chown(folder, "postgres")
        database = Database(disk if what == "data" else other, "primary", small)
        try:
            apart = [f"--waldir={disk}/log"] if what == "log" else []
            database.create("--wal-segsize=1", *apart)
            yield database
        finally:
            database.stop()
    finally:
        shutil.rmtree(other)
