"""What every answer carries, whichever way it came about."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.accounts.people import sign_in
from tests.helpers import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAMPLES = {"int": "1", "str": "x", "uuid": "00000000-0000-4000-8000-000000000000", "path": "x"}


def routes(patterns: Any = None, prefix: str = "/") -> Iterator[str]:
    """A path for every route of the project."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + _sample(entry)
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, path)
        elif isinstance(entry, URLPattern):
            yield path


def _sample(entry: URLPattern | URLResolver) -> str:
    path = str(entry.pattern).lstrip("^").rstrip("$")
    for name, converter in entry.pattern.converters.items():
        kind = type(converter).__name__.removesuffix("Converter").lower()
        sample = SAMPLES.get("str" if kind == "string" else kind, "x")
        for written in (f"<{kind}:{name}>", f"<{name}>", f"<str:{name}>"):
            path = path.replace(written, sample)
    return path


def headers(answer: Any) -> dict[str, str | None]:
    names = [
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "Referrer-Policy",
        "Cross-Origin-Opener-Policy",
    ]
    return {name: answer.headers.get(name) for name in names}


SAFE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.parametrize("role", [None, "viewer", "admin"])
def test_headers_stand_on_every_route(role: str | None) -> None:
    client = Client(raise_request_exception=False)
    if role:
        make_user("anna", role=role)
        sign_in("anna", client=client)
    paths = set(routes())
    assert len(paths) > 20
    for path in sorted(paths):
        answer = client.get(path)
        assert (path, headers(answer)) == (path, SAFE)
        assert "no-store" in answer.headers["Cache-Control"], path
        assert answer.headers["X-Request-ID"]
        answer.close()  # an export counts as running until it is over


@pytest.mark.parametrize(
    ("method", "path", "extra", "status"),
    [
        ("GET", "/nowhere/", {}, 404),
        ("GET", "/", {"HTTP_HOST": "evil.example"}, 400),
        ("POST", "/accounts/login/", {}, 403),  # without a CSRF token
        ("DELETE", "/accounts/login/", {}, 403),
        ("GET", "/v1/nowhere/", {}, 404),
        ("GET", "/accounts/", {"HTTP_HX_REQUEST": "true"}, 401),
    ],
)
def test_headers_stand_on_what_goes_wrong(
    method: str, path: str, extra: dict[str, str], status: int
) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    answer = client.generic(method, path, **extra)
    assert (answer.status_code, headers(answer)) == (status, SAFE)


def test_headers_stand_on_the_redirect_to_https(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/accounts/login/")
    assert (answer.status_code, headers(answer)) == (301, SAFE)


def test_static_files_are_cached_and_carry_the_headers() -> None:
    answer = Client().get("/static/css/accounts.css")
    answer.close()
    assert (answer.status_code, headers(answer)) == (200, SAFE)
    assert "no-store" not in answer.headers["Cache-Control"]


def test_every_form_wants_a_token() -> None:
    make_user("anna", role="admin")
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("bob", role="admin"))
    for path in ("/members/", "/accounts/password/", "/accounts/logout/everywhere/"):
        assert client.post(path).status_code == 403


def test_cookies_are_out_of_reach_of_scripts() -> None:
    make_user("anna")
    cookies = sign_in("anna").get("/accounts/").client.cookies
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
        assert (cookies[name]["httponly"], cookies[name]["samesite"], cookies[name]["path"]) == (
            True,
            "Lax",
            "/",
        )
