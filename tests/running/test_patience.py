"""A statement that takes too long is ended, and the caller told."""

import os
import subprocess
import sys
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connections
from django.test import RequestFactory

from ade.db import statement_timeout
from ade.ops import outage
from ade.ops.failure_pages import failed
from ade.ops.outage import NOTHING, Trouble, trouble
from agents.api.core.errors import broken

SLOW = {
    "postgresql": "SELECT pg_sleep(20)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)"
    " SELECT count(*) FROM n",
}


def too_slow(settings: Any) -> OperationalError:
    """What a limited connection raises, and that it goes on afterwards."""
    settings.STATEMENT_SECONDS = 1
    limited = connections.create_connection("default")
    limited.connect()
    try:
        statement_timeout._limit(limited)
        began = time.monotonic()
        with limited.cursor() as cursor, pytest.raises(OperationalError) as raised:
            cursor.execute(SLOW[limited.vendor])
        assert time.monotonic() - began > 0.9
        with limited.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
    finally:
        limited.close()
    return raised.value


@pytest.mark.django_db
def test_slow_statement_is_ended_and_told(settings: Any) -> None:
    outage.begin()
    error = too_slow(settings)
    assert trouble(error) is Trouble.SLOW
    request = RequestFactory().post("/agents/")
    try:
        raise error
    except OperationalError:
        page, answer = failed(request), broken(request, error)
    assert (page.status_code, answer.status_code) == (503, 503)
    assert (page.headers["Retry-After"], answer.headers["Retry-After"]) == ("5", "5")
    assert f"{Trouble.SLOW.sentence} {NOTHING}" in page.content.decode()
    assert answer.content.decode() == (
        f'{{"detail":"{Trouble.SLOW.sentence} {NOTHING}","code":"unavailable"}}'
    )


@pytest.mark.only_postgres
def test_connection_of_a_command_has_no_limit(database_url: str) -> None:
    # In a process of its own: one that has served pages limits its connections from then on.
    program = (
        "import django; django.setup(); from django.db import connection as c;"
        " print(c.cursor().execute('SHOW statement_timeout').fetchone()[0])"
    )
    environment = {"DATABASE_URL": database_url, "SECRET_KEY": settings.SECRET_KEY}
    command = subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "ade.settings"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert command.stdout == "0\n"
