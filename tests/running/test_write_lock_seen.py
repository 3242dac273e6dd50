"""/readyz on SQLite: a lock that another program keeps is a fault, many writers are not."""

import sqlite3
from pathlib import Path

import pytest
from django.db import ConnectionHandler

from ade.ops import writable
from ade.ops.outage import Trouble

pytestmark = pytest.mark.django_db
LATER = writable.LOCK_SECONDS + 1


@pytest.fixture
def locked(tmp_path: Path) -> tuple[ConnectionHandler, sqlite3.Connection]:
    """A database whose write lock another connection has taken."""
    file = tmp_path / "ade.sqlite3"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA journal_mode = wal")
    other.execute("CREATE TABLE t (n)")
    other.execute("BEGIN IMMEDIATE")
    return ConnectionHandler({"default": {"ENGINE": "ade.db.sqlite", "NAME": str(file)}}), other


def test_a_lock_that_is_kept_is_a_fault(
    locked: tuple[ConnectionHandler, sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, other = locked
    now = [100.0]
    monkeypatch.setattr("ade.ops.writable.time.monotonic", lambda: now[0])
    assert writable.find_trouble(handler["default"]) is None
    now[0] += LATER
    assert writable.find_trouble(handler["default"]) is Trouble.SLOW
    other.execute("ROLLBACK")
    assert writable.find_trouble(handler["default"]) is None
    handler.close_all()
    other.close()


def test_a_lock_that_writers_hand_on_is_none(
    locked: tuple[ConnectionHandler, sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, other = locked
    now = [100.0]
    monkeypatch.setattr("ade.ops.writable.time.monotonic", lambda: now[0])
    assert writable.find_trouble(handler["default"]) is None
    other.execute("INSERT INTO t VALUES (1)")
    other.execute("COMMIT")
    other.execute("BEGIN IMMEDIATE")
    now[0] += LATER
    assert writable.find_trouble(handler["default"]) is None
    handler.close_all()
    other.close()
