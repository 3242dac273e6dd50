"""The database of the first release, as its own code left it."""

import json
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from django.db import connection

RELEASE = Path(__file__).parent / "release-0.1.0"


def load(url: str) -> None:
    """Make the database as the release left it."""
    script = (RELEASE / f"{connection.vendor}.sql").read_text("utf-8")
    if connection.vendor == "sqlite":
        file = sqlite3.connect(unquote(urlsplit(url).path))
        file.executescript(f"PRAGMA journal_mode = WAL; {script}")
        file.close()
        return
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(script)


def known() -> dict[str, Any]:
    """What is known to be in it."""
    return json.loads((RELEASE / f"{connection.vendor}.json").read_text("utf-8"))
