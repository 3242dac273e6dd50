"""While another program has SQLite's write lock, every page that only shows something is answered."""

import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django_tasks_db.models import DBTaskResult

from ade.ops import outage
from tests.api.calls import call, make_token
from tests.helpers import make_agent, make_user
from tests.running.test_write_lock import lock_held

pytestmark = [pytest.mark.only_sqlite, pytest.mark.django_db(transaction=True)]


def paths(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """The addresses that take no argument."""
    for one in patterns:
        path = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from paths(one.url_patterns, path)
        elif not any(mark in path for mark in "<([^$*"):
            yield path


def test_no_get_waits_for_the_write_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.0)  # a wait is a 503
    make_agent()
    client, token = Client(raise_request_exception=False), make_token(scope="manage")
    client.force_login(make_user(role="admin"))
    asked = [*dict.fromkeys(paths(get_resolver().url_patterns))]
    assert {"/agents/", "/tags/", "/v1/agents/", "/healthz"} <= set(asked)
    with lock_held():
        found = {}
        for path in asked:
            if path in ("/readyz",):  # it asks whether the database takes writes
                continue
            if path.startswith("/v1/"):
                found[path] = call("GET", path, token=token).status_code
            else:
                found[path] = client.get(path).status_code
    assert {path: status for path, status in found.items() if status >= 500} == {}
    assert sum(status == 200 for status in found.values()) > 15


def test_a_page_that_shows_a_message_does_not_wait_to_save_that() -> None:
    make_agent()
    client = Client(raise_request_exception=False)
    client.force_login(make_user(role="editor"))
    session = client.session
    session["_messages"] = '[["__json_message",0,25,"Saved so and so.",""]]'
    session.save()
    with lock_held():
        began = time.monotonic()
        page = client.get("/agents/")
        assert (page.status_code, time.monotonic() - began < 5) == (200, True)
        assert "Saved so and so." in page.content.decode()
    assert client.get("/agents/").status_code == 200
    assert "Saved so and so." not in client.get("/agents/").content.decode()


@pytest.mark.parametrize("path", ["/crossings/", "/v1/crossings"])
def test_a_page_does_not_wait_to_queue_a_task(path: str) -> None:
    make_agent(tags=["user_1"])
    client, token = Client(raise_request_exception=False), make_token(scope="manage")
    client.force_login(make_user(role="admin"))

    def ask() -> int:
        return (
            call("GET", path, token=token) if path.startswith("/v1/") else client.get(path)
        ).status_code

    with lock_held():
        began = time.monotonic()
        assert (ask(), time.monotonic() - began < 5) == (200, True)
    assert DBTaskResult.objects.count() == 0
    outage.forget()
    ask()
    assert DBTaskResult.objects.count() > 0
