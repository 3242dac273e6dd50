"""Databases beside the test database: made empty, looked into, dropped."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import psycopg
from django.conf import settings
from django.db import connection
from processes import ROOT


@contextmanager
def empty_database(folder: Path) -> Iterator[str]:
    """The address of a new database of the kind that the tests run on, without a table."""
    name = f"ade_{uuid4().hex[:12]}"
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder / name}.sqlite3"
        return
    home = os.environ["DATABASE_URL"]
    with psycopg.connect(home, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield re.sub(r"/[^/]*$", f"/{name}", home)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def inside(url: str) -> Iterator[None]:
    """Everything in this process reads and writes that database meanwhile."""
    path = unquote(urlsplit(url).path)
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = path if connection.vendor == "sqlite" else path.strip("/")
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def manage(
    url: str, *arguments: str | Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`manage.py` in a process of its own, as an operator runs it on that database."""
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments],
        env=os.environ
        | {
            "DATABASE_URL": url,
            "SECRET_KEY": settings.SECRET_KEY,
            "DJANGO_SETTINGS_MODULE": "ade.settings",
        }
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
