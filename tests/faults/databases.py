"""A migrated database of the kind that the tests run on, with a key to it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.scaling.databases import environment_of
from tests.scaling.databases import manage as run
from tests.upkeep.databases import empty_database

MAKE = """
from agents.actors import command_actor
from agents.domain.keys import create_key
print(create_key(name="app", scope="manage", actor=command_actor("test")).token)
"""


@dataclass
class Made:
    """How to reach it: the environment for ADE's processes, and a key with every scope."""

    url: str
    environment: dict[str, str]
    token: str


def made(url: str, **settings: str) -> Made:
    """Migrate the database at that address, and make a key."""
    environment = environment_of([], DATABASE_URL=url, **settings)
    run("migrate", "-v0", environment=environment)
    return Made(url, environment, run("shell", "-v0", "-c", MAKE, environment=environment))


@contextlib.contextmanager
def a_database(folder: Path, **settings: str) -> Iterator[Made]:
    """A new one, of the kind that the tests run on."""
    with empty_database(folder) as url:
        yield made(url, **settings)
