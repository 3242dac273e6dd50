"""Statements that take longer than the first check of a silent server, on PostgreSQL."""

import pytest
from django.db import connection

from ade.db.postgres.silence import PATIENCE_SECONDS


@pytest.mark.only_postgres
@pytest.mark.django_db(transaction=True)
def test_many_statements_in_one_go_may_take_longer_than_a_check() -> None:
    seconds = PATIENCE_SECONDS + 0.5
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE slow (n double precision)")
        cursor.executemany("INSERT INTO slow SELECT 1 FROM pg_sleep(%s)", [(seconds,), (0,)])
        cursor.execute("SELECT count(*) FROM slow")
        assert cursor.fetchone() == (2,)
