"""Without its database ADE says so, and goes on by itself once the database is back.

A PostgreSQL of its own, which is stopped as a crash would and started again.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db import OperationalError, connection
from django.test import Client
from postgres import Cluster
from processes import ROOT, start, stop
from serve import answers, free_port

from ade.ops import noted_use, outage
from ade.ops.outage import LOOK, NOTHING, Trouble, headline, sentence_for
from agents.core.errors import Invalid
from agents.domain.tags.edit import change_tags
from agents.models import ApiKey
from tests.api.calls import call, make_token
from tests.helpers import ROOT as ACTOR
from tests.helpers import make_agent, make_user

SECONDS = 180  # until whatever is awaited must have come

MADE = """
import json
from django.conf import settings
from django.test import Client
from ade.models import User
from agents.core.actors import command_actor
from agents.domain.keys import create_key
user = User.objects.create_user("mara", password="correct horse", role="editor")
client = Client()
client.force_login(user)
session = client.cookies[settings.SESSION_COOKIE_NAME].value
token = create_key(name="app", actor=command_actor("test")).token
print(json.dumps({"cookie": f"{settings.SESSION_COOKIE_NAME}={session}", "token": token}))
"""


class Ade:
    """All of ADE, as `make run` serves it, on a PostgreSQL that can be stopped."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.port = free_port()
        self.log = folder / "log"
        self.environment = os.environ | {
            "DATABASE_URL": cluster.url,
            "SECRET_KEY": "only for this test" * 4,
            "STATIC_ROOT": str(folder / "static"),
            "DEMO_USER": "demo",
            "DEMO_PASSWORD": "demo",
            "PORT": str(self.port),
            "DEBUG": "false",
        }
        self.manage("migrate", "-v0")
        self.manage("collectstatic", "--no-input", "-v0")
        self.made = json.loads(self.manage("shell", "-v0", "-c", MADE))
        with self.log.open("wb") as output:
            self.server = start(
                [sys.executable, ROOT / "bin/serve.py"], env=self.environment, output=output
            )

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, ROOT / "manage.py", *arguments]
        return subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=60)

    def api(self) -> httpx.Response:
        return self.get("/v1/agents/", Authorization=f"Bearer {self.made['token']}")

    def page(self, **headers: str) -> httpx.Response:
        return self.get("/agents/", Cookie=self.made["cookie"], **headers)

    def workers(self) -> list[int]:
        """The processes of the worker that runs now."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
                command = (process / "cmdline").read_text()
            except OSError:
                continue
            if int(fields[1]) == self.server.pid and "db_worker" in command and fields[0] != "Z":
                found.append(int(process.name))
        return found


def await_that(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@contextmanager
def running(folder: Path) -> Iterator[Ade]:
    cluster = Cluster()
    try:
        cluster.start()
        ade = Ade(cluster, folder)
        try:
            await_that(lambda: answers(ade.port), "the server answers")
            yield ade
        finally:
            stop([ade.server])
    finally:
        cluster.remove()


@pytest.mark.whole
def test_it_says_so_and_recovers_by_itself(tmp_path: Path) -> None:
    with running(tmp_path) as ade:
        await_that(ade.workers, "a worker runs")
        for _ in range(20):  # each thread of each process has a connection
            assert (ade.api().status_code, ade.page().status_code) == (200, 200)
        first_workers = ade.workers()

        ade.cluster.stop()
        for _ in range(10):
            api = ade.api()
            assert (api.status_code, api.json()) == (
                503,
                {"detail": Trouble.AWAY.sentence, "code": "unavailable"},
            )
            assert api.headers["Retry-After"] == "5"
            page = ade.page()
            assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
            assert f"Request {page.headers['X-Request-ID']}." in page.text
            fragment = ade.page(**{"HX-Request": "true"})
            assert (fragment.status_code, fragment.headers["HX-Retarget"]) == (503, "#messages")
            assert Trouble.AWAY.sentence in fragment.text
            assert "<html" not in fragment.text
        assert ade.get("/accounts/login/").status_code == 200  # it asks nothing of the database
        assert ade.get("/healthz").status_code == 200
        ready = ade.get("/readyz")
        assert (ready.status_code, ready.json()["reason"]) == (
            503,
            "The database does not answer.",
        )
        measured = ade.get("/metrics").text
        assert re.search(r"^ade_db_up 0.0$", measured, re.M)
        assert float(re.search(r"^ade_db_unreachable_total (.*)$", measured, re.M)[1]) >= 30
        await_that(lambda: ade.workers() != first_workers, "the worker ended")

        ade.cluster.start()
        await_that(lambda: ade.get("/readyz").status_code == 200, "it is ready again")
        for _ in range(20):  # no thread has a dead connection left
            assert (ade.api().status_code, ade.page().status_code) == (200, 200)
        await_that(ade.workers, "the worker is back")
        assert ade.server.poll() is None
        log = ade.log.read_text()
    assert "The worker ended (status 1): starts again in 1 seconds." in log
    requests = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {entry["level"] for entry in requests if entry["logger"] == "django.request"} == set()


def test_a_full_disk_is_told() -> None:
    from psycopg import errors

    full = [
        raised(OperationalError("no space left on device"), errors.DiskFull()),
        OperationalError("database or disk is full"),
    ]
    outage.begin()
    assert [sentence_for(error) for error in full] == [f"{Trouble.FULL.sentence} {NOTHING}"] * 2
    assert [headline(error) for error in full] == ["The disk is full"] * 2
    assert (
        sentence_for(OperationalError("database is locked")) == f"{Trouble.SLOW.sentence} {NOTHING}"
    )


@pytest.mark.django_db(transaction=True)
def test_what_fails_after_a_write_does_not_say_that_nothing_was_saved() -> None:
    full, slow = OperationalError("database or disk is full"), OperationalError("interrupted")
    agent = make_agent()
    assert (sentence_for(full), sentence_for(slow)) == (
        f"{Trouble.FULL.sentence} {LOOK}",
        f"{Trouble.SLOW.sentence} {LOOK}",
    )
    outage.begin()
    assert (sentence_for(full), sentence_for(slow)) == (
        f"{Trouble.FULL.sentence} {NOTHING}",
        f"{Trouble.SLOW.sentence} {NOTHING}",
    )
    with pytest.raises(Invalid):
        change_tags(agent_id=agent.public_id, add=[""], actor=ACTOR)
    assert sentence_for(full) == f"{Trouble.FULL.sentence} {NOTHING}"


@pytest.fixture
def no_writes() -> Iterator[None]:
    """SQLite reads, and refuses to write, as on a full disk."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = 1")
        yield
        cursor.execute("PRAGMA query_only = 0")


@pytest.mark.only_sqlite
@pytest.mark.django_db(transaction=True)
def test_readers_go_on_where_their_use_cannot_be_noted(
    client: Client, request: pytest.FixtureRequest
) -> None:
    agent, token, user = make_agent(), make_token(), make_user()
    client.force_login(user)
    session = client.session
    session["started_at"] = session["used_at"] = int(time.time()) - 600
    session.save()
    request.getfixturevalue("no_writes")
    answer = call("GET", "/v1/agents/", token=token)
    assert (answer.status_code, [one["id"] for one in answer.json()]) == (200, [agent.public_id])
    noted_use.flush()
    assert outage.are_optional_writes_paused()
    outage.forget()
    assert client.get("/agents/").status_code == 200
    assert not outage.are_optional_writes_paused()
    noted_use.flush()
    assert outage.are_optional_writes_paused()
    assert client.get("/agents/").status_code == 200
    answer = call("POST", "/v1/agents/", {"model": "a/b"}, token=token)
    assert answer.status_code == 503
    assert ApiKey.objects.get().last_used_at is None


@pytest.mark.only_sqlite
@pytest.mark.django_db(transaction=True)
def test_a_session_that_cannot_be_saved_is_an_outage(request: pytest.FixtureRequest) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(make_user(role="manager"))
    client.get("/agents/")
    assert client.post("/bulk/selection/", {"act": "all"}).status_code == 303
    request.getfixturevalue("no_writes")
    answer = client.post("/bulk/selection/", {"act": "none"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The database accepts no changes" in answer.content.decode()


def test_a_session_that_was_ended_is_no_outage(db: None) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    session = client.session
    session["x"] = 1
    client.session.delete()
    with pytest.raises(UpdateError):
        session.save()


def raised(error: Exception, cause: Exception | None) -> Exception:
    try:
        raise error from cause
    except type(error) as made:
        return made
