"""Someone holds SQLite's write lock for too long: writers are told, readers do not notice."""

import sqlite3
import time
from pathlib import Path

import pytest

from tests.faults.databases import a_database
from tests.faults.load import Load
from tests.faults.looking import looked
from tests.faults.servers import served
from tests.scaling.databases import eventually

pytestmark = [pytest.mark.prove, pytest.mark.only_sqlite]

TIMEOUT = 20.0  # seconds that a writer waits, by the settings


def test_writers_are_told_and_readers_go_on(tmp_path: Path) -> None:
    with a_database(tmp_path) as made, served(made.environment, tmp_path) as server:
        load = Load([server.address], made.token, writers=3)
        with load.running():
            load.goes_on()
            other = sqlite3.connect(made.url.removeprefix("sqlite:///"), isolation_level=None)
            eventually(lambda: is_begun(other))
            begun = time.monotonic()
            eventually(lambda: load.since(begun + 1).writes["503"] >= 3, seconds=2 * TIMEOUT)
            held = load.since(begun + 1)
            other.execute("ROLLBACK")
            other.close()
            freed = time.monotonic()
            load.goes_on()
            after = load.since(freed)
        print(f"held: {held}; let go: {after}")
        assert set(held.reads) == {"200"}
        assert {one.nothing_saved for one in load.wrote if one.status == 503} == {True}
        assert after.first_write is not None
        assert after.first_write < 2
        assert set(after.reads) == {"200"}
        print(looked(made.environment, load.ledger()))


def is_begun(other: sqlite3.Connection) -> bool:
    try:
        other.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True
