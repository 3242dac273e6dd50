"""A migrated database of the kind that the tests run on, with a key to it."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.scaling.databases import environment_of
from tests.scaling.databases import manage as run
from tests.upkeep.databases import empty_database

MAKE = """
import json
from django.conf import settings
from django.test import Client
from ade.models import User
from agents.core.actors import command_actor
from agents.domain.keys import create_key
client = Client()
client.force_login(User.objects.create_user("mara", role="editor"))
session = client.session
session["started_at"] = session["used_at"] = {now} - 600
session.save()
tokens = [
    create_key(name=name, scope="manage", actor=command_actor("test")).token
    for name in ("app", "idle")
]
cookie = f"{{settings.SESSION_COOKIE_NAME}}={{session.session_key}}"
print(json.dumps([*tokens, cookie]))
"""


@dataclass
class Made:
    """How to reach it: the environment for ADE's processes, and a key with every scope.

    Then another key, which was never used, and the cookie of someone who was idle for ten minutes.
    """

    url: str
    environment: dict[str, str]
    token: str
    idle_token: str
    cookie: str


def made(url: str, **settings: str) -> Made:
    """Migrate the database at that address, and make a key."""
    environment = environment_of([], DATABASE_URL=url, **settings)
    run("migrate", "-v0", environment=environment)
    if "STATIC_ROOT" in settings:  # who asks for pages too
        run("collectstatic", "--no-input", "-v0", environment=environment)
    code = MAKE.format(now=int(time.time()))
    return Made(
        url, environment, *json.loads(run("shell", "-v0", "-c", code, environment=environment))
    )


@contextlib.contextmanager
def a_database(folder: Path, **settings: str) -> Iterator[Made]:
    """A new one, of the kind that the tests run on."""
    with empty_database(folder) as url:
        yield made(url, **settings)
