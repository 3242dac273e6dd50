"""No answer is a bare page of Django's: each says in a sentence what is wrong, with the right status."""

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.api.calls import make_token
from tests.helpers import everything, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.only_sqlite]  # the database plays no part

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
PAGES = ["/accounts/login/", "/agents/new/", "/agents/upload/", "/views/new/"]
API = ["/v1/agents/import", "/v1/agents/"]
FILES = b"".join(
    b'--x\r\nContent-Disposition: form-data; name="f%d"; filename="a"\r\n\r\na\r\n' % n
    for n in range(501)
)
# Content-Type, body, headers; the status, and what the sentence says.
BROKEN: dict[str, tuple[str, bytes, dict[str, str], int, str]] = {
    "no boundary": ("multipart/form-data", b"a=1", {}, 400, "boundary"),
    "an empty boundary": ("multipart/form-data; boundary=", b"a=1", {}, 400, "boundary"),
    "a bad boundary": ("multipart/form-data; boundary=é", b"a=1", {}, 400, "boundary"),
    "too many fields": (FORM, b"a=1&" * 5001, {}, 400, "at most 5,000 fields"),
    "too many files": (PARTS, FILES + b"--x--", {}, 400, "at most 500 files"),
    "another charset": (f"{FORM}; charset=latin-1", b"a=\xe9", {}, 400, "UTF-8"),
    "packed": (FORM, b"\x1f\x8b", {"Content-Encoding": "gzip"}, 415, "Content-Encoding"),
    "packed twice": (FORM, b"x", {"Content-Encoding": "br, gzip"}, 415, "Content-Encoding"),
    "another host": (FORM, b"a=1", {"Host": "evil.example"}, 400, "host name"),
    "no host": (FORM, b"a=1", {"Host": "a b"}, 400, "host name"),
}
# What the API reads otherwise: its JSON bodies are no forms.
ONLY_FORMS = {"too many fields", "another charset"}


def signed_in() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user("ada", role="admin"))
    return client


def is_own_page(answer: HttpResponse) -> bool:
    return b"css/base.css" in answer.content and b"<html" in answer.content


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("name", BROKEN)
def test_a_page_says_what_is_wrong_with_a_form(name: str, path: str) -> None:
    kind, body, headers, status, why = BROKEN[name]
    client = signed_in()
    before = everything()
    answer = client.generic("POST", path, body, content_type=kind, headers=headers)
    assert (answer.status_code, why in answer.content.decode()) == (status, True), answer.content
    assert is_own_page(answer)
    assert everything() == before


@pytest.mark.parametrize("path", PAGES[:2])
@pytest.mark.parametrize("name", BROKEN)
def test_htmx_gets_it_as_a_message(name: str, path: str) -> None:
    kind, body, headers, status, why = BROKEN[name]
    headers = headers | {"HX-Request": "true"}
    answer = signed_in().generic("POST", path, body, content_type=kind, headers=headers)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (status, "#messages")
    assert why in answer.content.decode()
    assert b"<html" not in answer.content


@pytest.mark.parametrize("path", API)
@pytest.mark.parametrize("name", [name for name in BROKEN if name not in ONLY_FORMS])
def test_the_api_says_it_as_json(name: str, path: str) -> None:
    kind, body, headers, status, why = BROKEN[name]
    if path == "/v1/agents/" and kind.startswith("multipart"):
        status, why = 415, "as JSON"
    headers = headers | {"Authorization": f"Bearer {make_token()}"}
    answer = Client().generic("POST", path, body, content_type=kind, headers=headers)
    assert (answer.status_code, why in str(answer.json()["detail"])) == (status, True)


@pytest.mark.parametrize("length", ["abc", "-1", "1e3", "9" * 5000, "²"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/v1/agents/"])
def test_a_length_that_is_no_number_is_refused(path: str, length: str) -> None:
    answer = Client().generic("POST", path, b"", CONTENT_LENGTH=length)
    assert answer.status_code == 400
    assert "Content-Length must be a number" in answer.content.decode()


def test_a_body_that_says_it_is_not_packed_is_read() -> None:
    headers = {"Content-Encoding": "identity", "Authorization": f"Bearer {make_token()}"}
    answer = Client(headers=headers).post(
        "/v1/agents/", {"model": "a/b"}, content_type="application/json"
    )
    assert answer.status_code == 200


def test_too_many_parameters_of_an_address() -> None:
    answer = signed_in().get("/agents/?" + "a=1&" * 5001)
    assert (answer.status_code, is_own_page(answer)) == (400, True)
    assert "at most 5,000 fields" in answer.content.decode()


@pytest.mark.parametrize(
    "query", ["q=%ff%fe", "q=%", "%ff=%ff", "q=%ed%a0%80", "q=%00", "any=%ff&after=%ff"]
)
@pytest.mark.parametrize("path", ["/agents/", "/tags/", "/history/", "/go/", "/accounts/login/"])
def test_an_address_that_is_no_utf8_is_answered(path: str, query: str) -> None:
    answer = signed_in().get(f"{path}?{query}")
    assert answer.status_code in (200, 302, 400, 422)
    assert answer.status_code == 302 or b"<html" in answer.content


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/agents/", "GET"),
        ("PUT", "/agents/new/", "POST"),
        ("GET", "/bulk/selection/", "POST"),
        ("DELETE", "/accounts/logout/", "POST"),
        ("POST", "/healthz", "GET"),
        ("DELETE", "/metrics", "GET"),
    ],
)
def test_another_method_is_refused_with_a_sentence(method: str, path: str, allow: str) -> None:
    answer = signed_in().generic(method, path)
    assert (answer.status_code, is_own_page(answer)) == (405, True)
    assert allow in answer.headers["Allow"]
    assert f"does not take {method}" in answer.content.decode()


def test_a_form_without_its_token_is_refused_on_our_page() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/accounts/login/", {"login": "a"})
    assert (answer.status_code, is_own_page(answer)) == (403, True)
    assert "out of date" in answer.content.decode()


@pytest.mark.parametrize("path", ["/none", "/static/none.css", "/%ff", "/agents//", "/v1"])
def test_no_page_is_djangos_where_nothing_is(path: str) -> None:
    answer = signed_in().get(path)
    assert (answer.status_code, is_own_page(answer)) == (404, True)
