"""Kept connections to PostgreSQL: looked at before each request, with plans that are kept too."""

import select
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import close_old_connections, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext

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


def prepared(one: BaseDatabaseWrapper) -> list[tuple[str, int, int]]:
    """What the server keeps for this connection, how often planned anew and how often as it was."""
    with one.cursor() as cursor:
        cursor.execute("SELECT statement, custom_plans, generic_plans FROM pg_prepared_statements")
        found: list[tuple[str, int, int]] = cursor.fetchall()
        return found


def look_up(one: BaseDatabaseWrapper, key: str) -> object:
    with one.lookup_cursor() as cursor:  # type: ignore[attr-defined]  # PostgreSQL's alone
        cursor.execute("SELECT count(*) FROM agents_tag WHERE name = ANY(%s)", [[key]])
        return cursor.fetchone()[0]


def test_lookup_is_planned_once_whatever_is_looked_up(other: BaseDatabaseWrapper) -> None:
    assert [look_up(other, key) for key in ("a", "b", "c")] == [0, 0, 0]
    text = "SELECT count(*) FROM agents_tag WHERE name = ANY($1)"
    assert prepared(other) == [(text, 0, 3)]


def test_other_statements_are_planned_for_their_values(other: BaseDatabaseWrapper) -> None:
    for _ in range(10):
        ask(other, "SELECT count(*) FROM agents_tag WHERE name = %s", "a")
    assert prepared(other) == []


def test_lookup_counts_as_a_statement(other: BaseDatabaseWrapper) -> None:
    with CaptureQueriesContext(other) as captured:
        look_up(other, "a")
    assert len(captured) == 1


def test_lookup_behind_a_pooler_leaves_nothing_on_the_server(settings: Any) -> None:
    settings.POOLER = "transaction"
    one = connection.copy()
    try:
        assert [look_up(one, "a") for _ in range(3)] == [0, 0, 0]
        assert prepared(one) == []
        assert ask(one, "SHOW plan_cache_mode") == "auto"
    finally:
        one.close()


def test_lookup_after_a_rollback_and_after_new_plans(other: BaseDatabaseWrapper) -> None:
    assert look_up(other, "a") == 0
    other.set_autocommit(False)
    assert look_up(other, "a") == 0
    other.rollback()
    other.set_autocommit(True)
    other._planned_at = float("-inf")  # type: ignore[attr-defined]  # long ago
    assert look_up(other, "a") == 0
