"""Lists read in proportion to the page whatever the planner believes of the tables.

PostgreSQL's statistics are old until autovacuum comes by, and gone after a restore or an upgrade of
the cluster; SQLite's are what the last ANALYZE saw, which may never have run.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connection

from ade.db.sqlite import statistics
from agents.api.agents.json import Show, write_many
from agents.core.actors import command_actor
from agents.core.filters import AgentFilter
from agents.core.lookalikes import lookalike_key
from agents.queries import agents as listing
from agents.queries import directory, users
from agents.queries.directory import Wanted
from agents.queries.tags import names as tags
from agents.queries.tags import suggestions
from agents.samples import bulk_load
from agents.samples.bench_shapes import SHAPES
from tests.helpers import make_agent, make_key_actor
from tests.queries.test_plans import Cost, all_costs, measured

ROOT = command_actor("test")
TABLES = ("agents_agent", "agents_agentdetail", "agents_agenttag", "agents_tag")


def about_tags() -> dict[str, Callable[[], object]]:
    """What reads tags: chips of a page, the API's list, suggestions, the directory, users."""
    newest = listing.page(AgentFilter(), actor=ROOT, size=50).seqs
    huge, one = make_key_actor("region:eu"), make_key_actor("user_9")
    return {
        "chips": lambda: listing.chips(newest),
        "the API's rows": lambda: write_many(newest, Show()),
        "look-alikes": lambda: directory.alike("USER_7", lookalike_key("user_7")),
        "rows": lambda: listing.rows(newest),
        "names": lambda: tags.names(actor=ROOT, size=50),
        "names with a part": lambda: tags.names(actor=ROOT, part="user_5", size=50),
        "names of a limited key": lambda: tags.names(actor=one, size=50),
        "names of a key on a huge tag": lambda: tags.names(actor=huge, size=50),
        "suggestions": lambda: suggestions.suggest("gold", actor=ROOT),
        "suggestions of many": lambda: suggestions.suggest("user_5", actor=ROOT),
        "suggestions for a limited key": lambda: suggestions.suggest("gold", actor=huge),
        "tags by use": lambda: directory.tag_page(Wanted(), actor=ROOT, size=50),
        "tags by name": lambda: directory.tag_page(Wanted(sort="name"), actor=ROOT, size=50),
        "users by name": lambda: users.user_page(actor=ROOT, size=50),
        "users by a beginning": lambda: users.user_page(actor=ROOT, q="5", size=50),
    }


def costs() -> dict[str, Cost]:
    """The cost of every kind of page, and of what reads tags."""
    found = all_costs()
    for name, read in about_tags().items():
        with measured() as found[name]:
            read()
    return found


def dearer(than: dict[str, Cost], stale: dict[str, Cost]) -> dict[str, tuple[int, int]]:
    """What costs more than with fresh statistics, by more than another plan that is as good."""
    return {
        name: (than[name].work, cost.work)
        for name, cost in stale.items()
        if cost.work > 2 * than[name].work + 300
    }


@contextmanager
def statistics_of_twenty(agents: int) -> Iterator[None]:
    """So many agents, with the statistics of a day when there were twenty."""
    for n in range(20):
        make_agent(tags=["env:prod", "region:eu", f"user_{n}"])
    bulk_load.settle()
    autovacuum("autovacuum_enabled = off", "SET")
    try:
        for _ in bulk_load.load(SHAPES["reference"](agents, 2), actor=ROOT, reason=""):
            pass
        run(
            postgresql=f"VACUUM {', '.join(TABLES)}"
        )  # so that an index tells as much as with fresh statistics
        yield
    finally:
        autovacuum("autovacuum_enabled", "RESET")
        call_command("flush", interactive=False, verbosity=0)


def autovacuum(setting: str, verb: str) -> None:
    """Keep PostgreSQL from making statistics meanwhile."""
    for table in TABLES:
        run(postgresql=f"ALTER TABLE {table} {verb} ({setting})")


def run(*, postgresql: str = "", sqlite: str = "") -> None:
    """What the database at hand has to do."""
    statement = {"postgresql": postgresql, "sqlite": sqlite}[connection.vendor]
    if statement:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def forget() -> None:
    """No statistics at all."""
    names = ", ".join(f"'{table}'::regclass" for table in TABLES)
    run(postgresql=f"DELETE FROM pg_statistic WHERE starelid IN ({names})")
    if connection.vendor == "sqlite":
        statistics.forget(connection)


@pytest.mark.prove
@pytest.mark.django_db(transaction=True)
def test_pages_cost_the_same_whatever_the_statistics_say() -> None:
    with statistics_of_twenty(30_000):
        of_twenty = costs()
        forget()
        of_none = costs()
        bulk_load.settle()
        run(sqlite="ANALYZE")
        fresh = costs()
    assert (dearer(fresh, of_twenty), dearer(fresh, of_none)) == ({}, {})


@pytest.mark.only_sqlite
@pytest.mark.django_db
def test_tidy_forgets_what_analyze_once_counted() -> None:
    for n in range(5):
        make_agent(tags=[f"user_{n}"])
    run(sqlite="ANALYZE")
    with measured() as misled:
        listing.page(AgentFilter(), actor=ROOT, size=2)
    assert misled.bad_plans != []
    call_command("tidy", verbosity=0)
    with measured() as free:
        listing.page(AgentFilter(), actor=ROOT, size=2)
    assert free.bad_plans == []
