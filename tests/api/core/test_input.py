"""Bodies made to break a server: 4xx, never 5xx, and nothing changed."""

import json
import tracemalloc

import pytest
from pytest_django import Settings

from agents.core.limits import JSON_VALUES
from tests.api.calls import call, make_token, wheres
from tests.helpers import everything, make_agent

pytestmark = pytest.mark.django_db

BODIES = {
    "empty": b"",
    "cut short": b'{"model": "a/b"',
    "not json": b"model=a/b",
    "nan": b'{"model": "a/b", "metadata": {"x": NaN}}',
    "infinity": b'{"model": "a/b", "metadata": {"x": 1e999}}',
    "long number": b'{"model": "a/b", "metadata": {"x": ' + b"1" * 5000 + b"}}",
    "half a surrogate": b'{"model": "a/b", "tags": ["\\ud800"]}',
    "half a surrogate in metadata": b'{"model": "a/b", "metadata": {"\\udc00": 1}}',
    "bytes that are no utf-8": b'{"model": "a/b", "tags": ["\xff"]}',
    "surrogate as utf-8": b'{"model": "a/b", "tags": ["\xed\xa0\x80"]}',
    "byte order mark": b'\xef\xbb\xbf{"model": "a/b"}',
    "nul": b'{"model": "a/b", "tags": ["\\u0000"]}',
    "nul in a name": b'{"model": "a/b", "name": "a\\u0000b"}',
    "nul in a model": b'{"model": "a/b\\u0000"}',
    "nul in a block": b'{"model": "a/b", "memory_blocks": [{"label": "\\u0000"}]}',
    "nul in a block's id": b'{"model": "a/b", "block_ids": ["\\u0000"]}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"model": "a/b", "metadata": ' + b'{"a":' * 500 + b"1" + b"}" * 501,
    "deeper objects": b'{"a":' * 100_000,
    "20,000 tags": json.dumps({"model": "a/b", "tags": [str(n) for n in range(20000)]}).encode(),
    "a long system prompt": json.dumps({"model": "a/b", "system": "x" * 1_000_001}).encode(),
    "a long handle": json.dumps({"model": "a/" + "b" * 300}).encode(),
    "null": b"null",
    "a number": b"1",
    "a form": b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\na/b\r\n--x--',
}


# Fields that an edit does not have, and so ignores.
ONLY_NEW = {"nul in a block", "nul in a block's id"}


@pytest.mark.parametrize(
    ("method", "name"),
    [("POST", name) for name in BODIES]
    + [("PATCH", name) for name in BODIES if name not in ONLY_NEW],
)
def test_a_hostile_body_is_422_and_changes_nothing(method: str, name: str) -> None:
    agent, token = make_agent(tags=["a"]), make_token()
    call("GET", "/v1/tags/", token=token)  # its first use is written
    before = everything()
    url = "/v1/agents/" if method == "POST" else f"/v1/agents/{agent.public_id}"
    response = call(method, url, BODIES[name], token=token)
    assert everything() == before
    assert wheres(response)[0][0] == "body"


def test_a_body_over_the_limit_is_413(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = call("POST", "/v1/agents/", b" " * 1001)
    assert (response.status_code, response.json()) == (
        413,
        {"detail": "The body is too large.", "code": "body_too_large"},
    )


def test_too_many_parameters_are_400(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
    response = call("GET", "/v1/agents/?" + "&".join("x=1" for _ in range(11)))
    assert response.status_code == 400
    assert "at most" in response.json()["detail"]


@pytest.mark.parametrize("part", [b"{},", b"1,", b'"a",', b'{"a":[]},', b"[],"])
def test_a_body_of_very_many_values_is_refused(part: bytes) -> None:
    body = b'{"model": "a/b", "unknown": [' + part * (8 * JSON_VALUES) + b"1]}" + b"[" * 100
    response = call("POST", "/v1/agents/", body)
    assert "more than 250,000 values" in response.json()["detail"][0]["msg"]
    assert wheres(response) == [["body"]]


def test_such_a_body_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.core.json_text.JSON_VALUES", 1000)
    body = b'{"model": "a/b", "unknown": [' + b"{}," * 200_000 + b"1]}"
    token = make_token()
    tracemalloc.start()
    response = call("POST", "/v1/agents/", body, token=token)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert response.status_code == 422
    assert most < 6 * len(body)  # it would be some 30 times as much


def test_commas_in_a_text_are_no_values() -> None:
    body = {"model": "a/b", "system": "," * 500_000 + '"' * 100_000}
    response = call("POST", "/v1/agents/", body)
    assert (response.status_code, response.json()["system"]) == (200, body["system"])


def test_a_list_of_wrong_values_is_answered_with_a_few_of_them() -> None:
    body = {"model": "a/b", "tags": [1] * 50_000, "memory_blocks": [{"label": 1}] * 50_000}
    found = wheres(call("POST", "/v1/agents/", body))
    assert found == [["body", "tags", 0], ["body", "memory_blocks", 0, "label"]]


def test_nul_in_metadata_is_given_back() -> None:
    body = {"model": "a/b", "metadata": {"k": "a\u0000b"}}
    assert call("POST", "/v1/agents/", body).json()["metadata"] == {"k": "a\u0000b"}


# The other routes that take a body, and which of the bodies have nothing that is wrong for them.
ROUTES = {
    ("POST", "/v1/blocks/"): {"label": "b"},
    ("POST", "/v1/identities/"): {"identifier_key": "k", "name": "n", "identity_type": "user"},
    ("PUT", "/v1/identities/"): {"identifier_key": "k", "name": "n", "identity_type": "user"},
}
BROKEN = [
    "empty", "cut short", "not json", "nan", "long number", "half a surrogate", "deep arrays",
    "bytes that are no utf-8", "byte order mark", "deeper objects", "null", "a number", "a form",
]  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_broken_body_is_422_everywhere(method: str, path: str, name: str) -> None:
    token = make_token()
    call("GET", "/v1/tags/", token=token)
    before = everything()
    response = call(method, path, BODIES[name], token=token)
    assert everything() == before
    assert wheres(response)[0][0] == "body"


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("text", ["\0", "x" * 1_000_001])
def test_a_text_that_cannot_be_kept_is_422_everywhere(method: str, path: str, text: str) -> None:
    token = make_token()
    call("GET", "/v1/tags/", token=token)
    before = everything()
    body = ROUTES[method, path]
    for field in body:
        assert call(method, path, body | {field: text}, token=token).status_code == 422
    assert everything() == before
