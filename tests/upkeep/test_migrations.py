"""What migrates a released database leaves the version that still runs on it working.

Looked at is the SQL for PostgreSQL: only there several servers are replaced one after another.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter

from tests.upkeep.databases import empty_database, inside
from tests.upkeep.releases import load

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_postgres]


@pytest.fixture
def linter(tmp_path: Path) -> Iterator[MigrationLinter]:
    with empty_database(tmp_path) as url:
        load(url)
        with inside(url):
            yield MigrationLinter(include_apps=["ade", "agents"], no_cache=True, no_output=True)


def broken(linter: MigrationLinter, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of the migrations would break the version before them."""
    found = set()
    for key in sorted(wanted):
        before = linter.nb_erroneous
        linter.lint_migration(linter.migration_loader.disk_migrations[key])
        if linter.nb_erroneous > before:
            found.add(key)
    return found


def test_new_migrations_run_under_the_old_version(linter: MigrationLinter) -> None:
    loader: MigrationLoader = linter.migration_loader
    own = {key for key in loader.disk_migrations if key[0] in ("ade", "agents")}
    assert broken(linter, own - set(loader.applied_migrations)) == set()


def test_a_column_that_the_old_version_does_not_fill_is_found(linter: MigrationLinter) -> None:
    released = ("agents", "0005_tag_directory")
    assert broken(linter, {released}) == {released}
