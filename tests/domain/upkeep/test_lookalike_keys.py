"""Look-alike keys of an older version are computed again: by the migration, and by a recount."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from agents.core.lookalikes import LOOKALIKE_VERSION
from agents.domain.upkeep import recount
from agents.models import Tag
from tests.helpers import make_agent

pytestmark = pytest.mark.django_db
migration = import_module("agents.migrations.0019_lookalike_keys")


def make_old(count: int) -> None:
    for start in range(0, count, 100):
        make_agent(tags=[f"user_е{n}" for n in range(start, min(start + 100, count))])
    Tag.objects.update(lookalike="old", lookalike_version=1)


def keys() -> set[tuple[str, int]]:
    return set(Tag.objects.values_list("lookalike", "lookalike_version"))


def test_the_migration_works_in_batches_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "_BATCH", 7)
    make_old(30)
    Tag.objects.filter(name="user_е3").update(lookalike="done", lookalike_version=LOOKALIKE_VERSION)
    migration.compute_again(apps, connection.schema_editor())
    done = {(f"usere{n}", LOOKALIKE_VERSION) for n in range(30) if n != 3}
    assert keys() == done | {("done", LOOKALIKE_VERSION)}


def test_a_recount_does_the_same() -> None:
    make_old(3)
    assert {found.what for found in recount.differences()} == {
        "tag.lookalike",
        "tag.lookalike_version",
    }
    recount.repair()
    assert keys() == {(f"usere{n}", LOOKALIKE_VERSION) for n in range(3)}
