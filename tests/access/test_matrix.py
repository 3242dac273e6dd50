"""Every route against everyone: pages by role, the API by key; and what holds for all of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from ade.models import MemberEvent, User
from agents.domain.core.numbers import shown_number
from agents.views.core.actors import member_actor
from tests.access.asking import (
    ask,
    browser_of,
    make_world,
    operations,
    routes,
    token_of,
    visit,
)
from tests.access.limited_table import LIMITED
from tests.access.table import API, FACTORS, OIDC, PAGES, PUBLIC, rows
from tests.helpers import everything

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part

FACTORS_ON = bool(settings.MFA_SUPPORTED_TYPES)
PAGE_ROWS = rows(PAGES) | (rows(FACTORS) if FACTORS_ON else {})
API_ROWS = rows(API)
LIMITED_ROWS = rows(LIMITED)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HEADERS = {
    "Content-Security-Policy": settings.CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def named(answer: HttpResponse) -> str:
    """The answer as the table has it."""
    if answer.status_code != 302 and not is_sign_in(answer):
        return str(answer.status_code)
    if is_sign_in(answer):
        return "in"
    return "proof" if "reauthenticate" in answer.headers["Location"] else "out"


def is_sign_in(answer: HttpResponse) -> bool:
    return answer.headers.get("Location", "").startswith("/accounts/login/?next=")


def guarded(answer: HttpResponse) -> HttpResponse:
    """The answer, after a look at what every answer must carry."""
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "no-store" in answer.headers["Cache-Control"]
    assert len(answer.headers["X-Request-ID"]) >= 8
    return answer


def state() -> dict[str, Any]:
    """All that a request might change, but for when a key was used."""
    rows = everything()
    del rows["ApiKey"]
    people = list(User.objects.order_by("pk").values_list("pk", "role", "is_active", "password"))
    return rows | {
        "people": people,
        "events": MemberEvent.objects.count(),
        "sessions": Session.objects.count(),
    }


@contextmanager
def taken_back() -> Iterator[None]:
    """What happens inside has not happened afterwards."""
    place = transaction.savepoint()
    yield
    transaction.savepoint_rollback(place)


# --- The tables are whole -------------------------------------------------------------------


def test_every_page_has_a_row() -> None:
    pages = {route for route in routes() if not route.startswith("/v1/")} - OIDC
    assert pages == {route for _, route in PAGE_ROWS}
    assert rows(PAGES).keys() == LIMITED_ROWS.keys()


def test_every_route_of_the_api_has_a_row() -> None:
    assert {route for route in routes() if route.startswith("/v1/")} - PUBLIC == {
        route for _, route in operations()
    }
    assert operations() == set(API_ROWS)


def test_a_method_without_a_row_is_refused() -> None:
    world = make_world()
    admin, token = browser_of("admin"), token_of("manage")
    answers = {
        (method, route): named(visit(admin, method, route, world))
        for method in METHODS
        for route in {route for _, route in PAGE_ROWS} - {"/"}
        if (method, route) not in PAGE_ROWS
    }
    answers |= {
        (method, route): named(ask("manage", token, method, route, world))
        for method in METHODS
        for route in {route for _, route in API_ROWS}
        if (method, route) not in API_ROWS
    }
    # Whoever is signed in is led on from the sign-in, and an old link is dead, whatever the method.
    wrong = {row: said for row, said in answers.items() if said not in ("405", "out", "410")}
    # Django's form views take a PUT for a POST.
    assert wrong == {("PUT", "/accounts/reauthenticate/"): "200"}


# --- The tables hold ------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "route"), PAGE_ROWS)
def test_page(method: str, route: str) -> None:
    world = make_world()
    expected = PAGE_ROWS[method, route]
    answers: dict[str, str] = {}
    for who in expected:
        with taken_back():
            client = browser_of(who)
            before = state()
            answers[who] = named(guarded(visit(client, method, route, world)))
            if method == "GET" or answers[who] in ("in", "403", "404", "410", "422"):
                assert (who, state()) == (who, before)
    assert answers == expected


@pytest.mark.parametrize("who", ["own", "foreign"])
def test_pages_of_a_limited_member(who: str) -> None:
    world, client = make_world(), browser_of(who)
    member = member_actor(User.objects.get(username=who))
    world.values["change_set"] = shown_number(world.values["change_set"], member)
    before, cookies = state(), client.cookies
    answers = {}
    for method, route in LIMITED_ROWS:
        with taken_back():
            client.cookies = copy(cookies)  # one of the pages signs out
            answer = visit(client, method, route, world, foreign=who == "foreign")
            answers[method, route] = named(guarded(answer))
            if method == "GET" or answers[method, route] in ("403", "404", "422"):
                assert (method, route, state()) == (method, route, before)
    assert answers == {row: expected[who] for row, expected in LIMITED_ROWS.items()}


@pytest.mark.parametrize(("method", "route"), PAGE_ROWS)
def test_a_fragment_is_no_way_round(method: str, route: str) -> None:
    world = make_world()
    expected = PAGE_ROWS[method, route]
    for who in ("nobody", "viewer"):
        with taken_back():
            client = browser_of(who, headers={"HX-Request": "true"})
            before = state()
            answer = guarded(visit(client, method, route, world))
            if expected[who] == "in":
                assert answer.status_code == 401
                assert answer.headers["HX-Redirect"].startswith("/accounts/login/?next=")
            if expected[who] == "403":
                assert answer.status_code == 403
            if method == "GET" or expected[who] in ("in", "403"):
                assert state() == before


@pytest.mark.parametrize(("method", "route"), API_ROWS)
def test_api(method: str, route: str) -> None:
    world = make_world()
    expected = API_ROWS[method, route]
    answers: dict[str, str] = {}
    for who in expected:
        with taken_back():
            token = token_of(who)
            before = state()
            answers[who] = named(guarded(ask(who, token, method, route, world)))
            if method == "GET" or answers[who] != "200":
                assert (who, state()) == (who, before)
    assert answers == expected


def test_head_answers_pages_as_get_does() -> None:
    world = make_world()
    told: dict[tuple[str, str], str] = {}
    for who in ("nobody", "admin"):
        client = browser_of(who)
        for route in (route for method, route in PAGE_ROWS if method == "GET"):
            answer = guarded(visit(client, "HEAD", route, world))
            assert (route, answer.getvalue()) == (route, b"")
            told[route, who] = named(answer)
    assert told == {(route, who): PAGE_ROWS["GET", route][who] for route, who in told}


def test_head_answers_the_api_as_get_does() -> None:
    world = make_world()
    told: dict[tuple[str, str], str] = {}
    for who in ("nobody", "manage", "own"):
        token = token_of(who)
        for route in (route for method, route in API_ROWS if method == "GET"):
            answer = guarded(ask(who, token, "HEAD", route, world))
            assert (route, answer.content) == (route, b"")
            told[route, who] = named(answer)
    assert told == {(route, who): API_ROWS["GET", route][who] for route, who in told}


# --- What holds for all of them -------------------------------------------------------------


@pytest.mark.parametrize(
    "route", [route for method, route in PAGE_ROWS if method == "POST" and route != "/"]
)
def test_a_post_without_its_csrf_token_changes_nothing(route: str) -> None:
    world = make_world()
    admin = browser_of("admin", enforce_csrf_checks=True)
    before = state()
    answer = visit(admin, "POST", route, world)
    assert (answer.status_code, state() == before) == (403, True)


# /metrics is no page: who may read it is tested beside what it says.
@pytest.mark.parametrize(
    ("method", "route"), [row for row in PAGE_ROWS if row != ("GET", "/metrics")]
)
def test_a_key_opens_no_page(method: str, route: str) -> None:
    world = make_world()
    client = Client(headers={"Authorization": f"Bearer {token_of('manage')}"})
    assert named(visit(client, method, route, world)) == PAGE_ROWS[method, route]["nobody"]


@pytest.mark.parametrize(("method", "route"), API_ROWS)
def test_a_session_opens_no_api(method: str, route: str) -> None:
    world = make_world()
    answer = browser_of("admin").generic(method, world.url(route), "{}", "application/json")
    assert str(answer.status_code) == API_ROWS[method, route]["nobody"]


@pytest.mark.parametrize("path", ["/nonexistent", "/agents", "/v1/nonexistent", "/agents/x%00/"])
def test_what_is_not_there_carries_the_headers_too(path: str) -> None:
    assert guarded(browser_of("admin").get(path)).status_code == 404


@pytest.mark.parametrize(
    "goal",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        " //evil.example",
        "/%0d%0aSet-Cookie:x=y",
        "//testserver@evil.example/",
    ],
)
def test_next_leads_nowhere_else(goal: str) -> None:
    browser_of("viewer")
    proof = {"login": "viewer", "password": "correct horse"}
    fresh = Client()
    answers = [fresh.post("/accounts/login/", proof | {"next": goal})]
    answers.append(fresh.get("/accounts/login/", {"next": goal}))
    answers.append(fresh.post("/accounts/reauthenticate/", proof | {"next": goal}))
    answers.append(fresh.post("/accounts/logout/", {"next": goal}))
    for answer in answers:
        assert answer.status_code == 302
        assert answer.headers["Location"] in ("/", "/accounts/login/", goal)
        assert "evil" not in answer.headers["Location"]
        assert "javascript" not in answer.headers["Location"]


@pytest.mark.only_sqlite  # what it starts has a database of its own
@pytest.mark.skipif(FACTORS_ON, reason="this is what it starts")
def test_the_same_with_second_factors_switched_on(tmp_path: Path) -> None:
    environment = os.environ | {
        "MFA": "true",
        "PASSKEYS": "true",
        "OIDC_SERVER_URL": "https://id.example",
        "OIDC_CLIENT_ID": "ade",
        "OIDC_CLIENT_SECRET": "secret",
        "DATABASE_URL": f"sqlite:///{tmp_path}/ade.sqlite3",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    command += ["-k", "test_page and 2fa or has_a_row"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
