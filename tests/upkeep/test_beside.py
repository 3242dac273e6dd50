"""Migrations beside a version that still serves: nobody waits long, and what was interrupted goes on."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.state import ModelState, ProjectState
from django.test.utils import CaptureQueriesContext
from processes import ROOT

from ade.db.indexes import AddIndexBeside
from tests.scaling.databases import environment_of, eventually
from tests.upkeep.databases import empty_database, inside
from tests.upkeep.releases import load

pytestmark = [pytest.mark.django_db(transaction=True)]

LAST_OF_0_2_0 = {"ade": "0004", "agents": "0009"}
LARGE = {
    f"agents_{name}"
    for name in (
        "agent",
        "agentdetail",
        "agenttag",
        "tag",
        "change",
        "changeset",
        "block",
        "agentblock",
    )
}


@pytest.fixture
def released(tmp_path: Path) -> Iterator[str]:
    """The address of a database that the first release left."""
    with empty_database(tmp_path) as url:
        load(url)
        yield url


def test_no_released_table_is_written_again_and_no_large_one_locked_for_an_index(
    released: str,
) -> None:
    with inside(released):
        for app, name in LAST_OF_0_2_0.items():
            call_command("migrate", app, name, verbosity=0)
        tables = set(connection.introspection.table_names())
        with CaptureQueriesContext(connection) as done:
            call_command("migrate", verbosity=0)
    statements = [query["sql"] for query in done.captured_queries]
    again = {name for sql in statements for name in re.findall(r'^CREATE TABLE "new__(\w+)"', sql)}
    assert again & tables == set()
    if connection.vendor == "postgresql":
        made = re.compile(r'^CREATE (?:UNIQUE )?INDEX "\w+" ON "(\w+)"')
        assert {name for sql in statements for name in made.findall(sql)} & LARGE == set()


@pytest.mark.only_postgres
def test_nobody_waits_for_a_migration_that_waits_for_a_long_reader(released: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    with (
        psycopg.connect(released) as reader,
        psycopg.connect(released, autocommit=True) as other,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment_of([], DATABASE_URL=released),
            stderr=subprocess.PIPE,
            text=True,
        ) as migrate,
    ):
        reader.execute("LOCK TABLE agents_agent IN ACCESS SHARE MODE")  # as a backup does
        other.execute("SET statement_timeout = '20s'")
        said: list[str] = []
        listener = threading.Thread(target=lambda: said.extend(migrate.stderr))
        listener.start()

        def told_twice() -> bool:
            assert migrate.poll() is None, said
            other.execute("UPDATE agents_agent SET tag_count = tag_count")
            return sum("trying again" in line for line in said) > 1

        eventually(told_twice)
        reader.rollback()
        assert migrate.wait() == 0
        listener.join()
        other.execute("SELECT hidden FROM agents_agent")


def test_an_index_that_is_there_stays_and_one_half_made_is_made_again(released: str) -> None:
    model = ModelState("agents", "Agent", [("seq", models.BigAutoField(primary_key=True)), ("name", models.TextField())])  # fmt: skip
    before = ProjectState()
    before.add_model(model)
    operation = AddIndexBeside("agent", models.Index(fields=["name"], name="by_name_online"))
    after = before.clone()
    operation.state_forwards("agents", after)

    def apply() -> None:
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("agents", editor, before, after)

    with inside(released):
        apply()
        apply()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE pg_index SET indisvalid = false"
                    " WHERE indexrelid = 'by_name_online'::regclass"
                )
                apply()
                cursor.execute(
                    "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_name_online'::regclass"
                )
                assert cursor.fetchone() == (True,)
        with connection.schema_editor(atomic=False) as editor:
            operation.database_backwards("agents", editor, after, before)
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, "agents_agent")
        assert "by_name_online" not in found
