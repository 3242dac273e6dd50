"""Kept connections to PostgreSQL: looked at before each request, without a question."""

import select
from collections.abc import Iterator

import pytest
from django.db import close_old_connections, connection
from django.db.backends.base.base import BaseDatabaseWrapper

pytestmark = [pytest.mark.only_postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def other() -> Iterator[BaseDatabaseWrapper]:
    """A second connection to the same database."""
    one = connection.copy()
    yield one
    one.close()


def ask(one: BaseDatabaseWrapper, sql: str, *params: object) -> object:
    with one.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0]


def test_connection_that_the_server_ended_is_replaced_before_it_is_used(
    other: BaseDatabaseWrapper,
) -> None:
    pid = ask(connection, "SELECT pg_backend_pid()")
    assert ask(other, "SELECT pg_terminate_backend(%s)", pid) is True
    assert select.select([connection.connection.fileno()], [], [], 10)[0]
    close_old_connections()  # as at the beginning of a request
    assert ask(connection, "SELECT pg_backend_pid()") != pid


def test_good_connection_is_asked_nothing(other: BaseDatabaseWrapper) -> None:
    pid = ask(connection, "SELECT pg_backend_pid()")
    close_old_connections()
    connection.close_if_health_check_failed()
    assert connection.health_check_done
    last = ask(other, "SELECT query FROM pg_stat_activity WHERE pid = %s", pid)
    assert last == "SELECT pg_backend_pid()"
