"""Every text that can be sent, hostile: each parameter and field of each page, each parameter, field and
path part of the API. None is answered with a fault of ours, and none keeps a process busy.

The names are not listed here: they are what a page looks up of a request, what its forms have, and
what the OpenAPI document says.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.test import Client

from agents.api.core.app import api
from agents.core.limits import QUERY_LENGTH
from tests.access.asking import BODIES, FORMS, World, browser_of, make_world
from tests.access.table import API, PAGES, rows
from tests.api.calls import make_token

pytestmark = pytest.mark.django_db

# Each is repeated to any length. Putting the first in order takes the square of its length, and the
# second is eighteen times as long once it is folded.
HOSTILE = {
    "marks": "\u0300\u0316",
    "U+FDFA": "\ufdfa",
    "NUL": "\0a",
    "half a pair": "\ud800",
    "right to left": "\u202e\u2067",
    "quotes": '",',
    "spaces": " \t",
    "breaks": "a\n",
}
SHORT, SECONDS = 20, 3  # length of the short text, and how many times its time a long text may take
LENGTH = 80_000  # characters of a field: put in order mark by mark, they would take half a minute
LEAVES = {"/accounts/logout/", "/accounts/logout/everywhere/"}
DOCUMENT = json.loads(json.dumps(api.get_openapi_schema()))


def text_of(kind: str, length: int) -> str:
    return ("x" + HOSTILE[kind] * length)[:length]


def encoded(pairs: dict[str, str]) -> str:
    return "&".join(
        f"{quote(name)}={quote(text.encode('utf-8', 'surrogatepass'))}"
        for name, text in pairs.items()
    )


class Asker:
    """Sends a request of a text that is short, then of one that is long, and holds their times."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.count = 0

    def ask(self, what: str, send: Callable[[str], HttpResponse], kind: str, length: int) -> None:
        """`what` names the request where something is wrong with it."""
        first, _ = self._timed(what, send, text_of(kind, SHORT))
        again, status = self._timed(what, send, text_of(kind, length))
        if again > 20 * first + SECONDS:
            self.problems.append(f"{what} {kind}: {again:.1f} s, {first:.3f} s with a short text")
        if status >= 500 and status != 501:  # 501 is what ADE says of what it does not keep
            self.problems.append(f"{what} {kind}: {status}")

    def _timed(
        self, what: str, send: Callable[[str], HttpResponse], text: str
    ) -> tuple[float, int]:
        self.count += 1
        started = time.process_time()  # a busy machine does not make a request slow
        # What it changed is taken back.
        place = transaction.savepoint()
        try:
            response = send(text)
            if response.streaming:
                response.getvalue()
        finally:
            transaction.savepoint_rollback(place)
        return time.process_time() - started, response.status_code


@contextmanager
def looked_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The names that are looked up in what a browser sends."""
    names: set[str] = set()
    with monkeypatch.context() as patched:
        for method in ("get", "getlist", "__getitem__", "__contains__"):
            plain = getattr(QueryDict, method)

            def noted(self: Any, key: str, *more: Any, plain: Any = plain, **others: Any) -> Any:
                names.add(key)
                return plain(self, key, *more, **others)

            patched.setattr(QueryDict, method, noted, raising=False)
        yield names


def fields_of(response: HttpResponse) -> set[str]:
    """The fields of the forms that a page shows."""
    if response.streaming or not response.headers["Content-Type"].startswith("text/html"):
        return set()
    page = BeautifulSoup(response.content, "lxml")
    return {str(field["name"]) for field in page.select("form [name]")}


def page_names(
    browser: Client, method: str, url: str, form: dict[str, str], patch: pytest.MonkeyPatch
) -> set[str]:
    place = transaction.savepoint()
    with looked_up(patch) as names:
        shown = browser.get(url)
        fields = fields_of(shown)
        if shown.streaming:
            shown.getvalue()
        if method == "POST":
            browser.post(url, form)
    transaction.savepoint_rollback(place)
    return (names | fields | form.keys()) - {"csrfmiddlewaretoken"}


def ask_page(
    asker: Asker,
    browser: Client,
    world: World,
    method: str,
    route: str,
    names: list[str],
    kind: str,
) -> None:
    url = world.url(route)
    path, _, query = url.partition("?")
    base = dict(part.split("=") for part in query.split("&")) if query else {}

    def get(text: str) -> HttpResponse:
        return browser.get(f"{path}?{encoded(base | dict.fromkeys(names, text))}")

    def post(text: str) -> HttpResponse:
        body = encoded(world.form(route) | dict.fromkeys(names, text))
        return browser.post(url, body, content_type="application/x-www-form-urlencoded")

    send, length = (get, QUERY_LENGTH) if method == "GET" else (post, LENGTH)
    asker.ask(f"{method} {route} {names}", send, kind, length)


ROUTES = sorted(
    key for key in rows(PAGES) if key[0] in ("GET", "POST") and key[1] not in {*LEAVES, "/"}
)


def walk_pages(patch: pytest.MonkeyPatch, kinds: list[str], *, each: bool) -> Asker:
    """Ask for each name of each page by itself, or for all of a page's names at once."""
    world, browser, asker = make_world(), browser_of("admin"), Asker()
    browser.raise_request_exception = False
    for method, route in ROUTES:
        form = world.form(route)
        names = sorted(page_names(browser, method, world.url(route), form, patch))
        groups = [[name] for name in names] if each else [names]
        for group in groups:
            for kind in kinds:
                ask_page(asker, browser, world, method, route, group, kind)
    return asker


@pytest.mark.only_postgres  # it refuses more texts than SQLite
def test_every_text_of_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    asker = walk_pages(monkeypatch, ["marks"], each=False)
    assert asker.problems == []
    assert asker.count > 150


@pytest.mark.prove
@pytest.mark.parametrize("kind", HOSTILE)
def test_each_text_of_every_page_by_itself(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    assert walk_pages(monkeypatch, [kind], each=True).problems == []


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_fields_of_tags_take_every_text(kind: str) -> None:
    world, browser, asker = make_world(), browser_of("admin"), Asker()
    for method, route, name in (
        ("GET", "/tags/suggest/", "q"),
        ("GET", "/go/suggest/", "q"),
        ("GET", "/go/", "q"),
        ("GET", "/agents/", "q"),
        ("GET", "/tags/", "q"),
        ("POST", "/agents/<str:agent_id>/tags/", "tag"),
        ("POST", "/agents/<str:agent_id>/tags/", "exact"),
        ("POST", "/agents/new/", "tags"),
        ("POST", "/bulk/csv/", "rows"),
        ("POST", "/tags/rename/", "other"),
    ):
        ask_page(asker, browser, world, method, route, [name], kind)
    assert asker.problems == []


# --- The API --------------------------------------------------------------------------------


def filled(schema: dict[str, Any], text: str, depth: int = 0) -> Any:
    """A value of the schema, with the text wherever one fits."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if options := schema.get("anyOf"):
        return filled(options[0], text, depth)
    kind = schema.get("type")
    if kind == "array":
        return [filled(schema.get("items", {}), text, depth)]
    if kind == "object" and depth < 3:
        properties = schema.get("properties", {})
        known = {name: filled(part, text, depth + 1) for name, part in properties.items()}
        return known or {text: text}
    return text


def body_fields(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return dict(schema.get("properties", {}))


def api_sends(world: World, method: str, route: str) -> Iterator[tuple[str, int, Any]]:
    """What to ask of an operation: a name, the length of the text, and how to send it."""
    program = Client(headers={"Authorization": f"Bearer {make_token(scope='manage')}"})
    program.raise_request_exception = False
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
    operation = DOCUMENT["paths"].get(path, {}).get(method.lower(), {})
    base = BODIES.get((method, route)) or {}
    url = world.url(route)

    def asked(name: str) -> Callable[[str], HttpResponse]:
        return lambda text: program.generic(method, f"{url}?{encoded({name: text})}")

    def in_path(name: str) -> Callable[[str], HttpResponse]:
        def send(text: str) -> HttpResponse:
            part = quote(text.encode("utf-8", "surrogatepass"), safe="")
            return program.generic(
                method, world.url(route.replace(name, "HOSTILE")).replace("HOSTILE", part)
            )

        return send

    def in_body(name: str, schema: dict[str, Any]) -> Callable[[str], HttpResponse]:
        def send(text: str) -> HttpResponse:
            own = base if isinstance(base, dict) else {}
            body = json.dumps(own | {name: filled(schema, text)})
            return program.generic(method, url, body, content_type="application/json")

        return send

    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            yield parameter["name"], QUERY_LENGTH, asked(parameter["name"])
    for part in re.findall(r"<[^>]+>", route):
        yield part, QUERY_LENGTH, in_path(part)
    for name, schema in body_fields(operation).items():
        yield name, LENGTH, in_body(name, schema)


def walk_api(kinds: list[str]) -> Asker:
    world, asker = make_world(), Asker()
    for method, route in sorted(rows(API)):
        for name, length, send in api_sends(world, method, route):
            for kind in kinds:
                asker.ask(f"{method} {route} {name}", send, kind, length)
    return asker


@pytest.mark.only_postgres
def test_every_text_of_the_api() -> None:
    asker = walk_api(["marks"])
    assert asker.problems == []
    assert asker.count > 300


@pytest.mark.prove
def test_every_text_of_the_api_with_every_text() -> None:
    assert walk_api(list(HOSTILE)).problems == []


def test_every_form_is_walked() -> None:
    assert FORMS.keys() - {route for _, route in ROUTES} <= LEAVES | {
        route for route in FORMS if "/2fa/" in route
    }
