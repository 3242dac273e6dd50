"""The words for programs in errors, the types of bodies that are read, and what is not sent again."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from ade.http import CODES
from agents.core import errors
from tests.api.calls import NOBODY, SEED, call, make_token
from tests.helpers import everything, make_agent

pytestmark = pytest.mark.django_db
JSON = b'{"model": "a/b"}'


def code_of(method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
    answer = call(method, path, body, **headers)
    return answer.status_code, answer.json()["code"]


def test_every_error_has_a_code() -> None:
    agent = f"/v1/agents/{make_agent(tags=['a']).public_id}"
    assert code_of("GET", f"/v1/agents/{NOBODY}") == (404, "not_found")
    assert code_of("GET", "/v1/nothing") == (404, "not_found")
    assert code_of("PUT", agent) == (405, "method_not_allowed")
    assert code_of("GET", agent, token="") == (401, "unauthorized")
    assert code_of("POST", "/v1/agents/", SEED, token=make_token(scope="read")) == (
        403,
        "forbidden",
    )
    assert code_of("PATCH", agent, {"tags": []}, If_Match='"x"') == (412, "precondition_failed")
    assert code_of("POST", "/v1/agents/", {}) == (400, "bad_request")
    assert code_of("POST", "/v1/agents/", b"{") == (422, "invalid")
    assert code_of("PATCH", agent, {"name": 5}) == (422, "invalid")
    assert code_of("POST", "/v1/tools/", {}) == (501, "not_implemented")
    assert code_of("POST", "/v1/agents/", b"x", Content_Encoding="gzip") == (
        415,
        "unsupported_media_type",
    )


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (["x" * 513], "tag_too_long"),
        (["ok", "é" * 600], "tag_too_long"),
        ([""], "illegal_tag"),
        (["a\0b"], "illegal_tag"),
        ([f"t{n}" for n in range(1001)], "limit_exceeded"),
    ],
)
def test_what_is_wrong_with_tags_has_a_code_of_its_own(tags: list[str], code: str) -> None:
    agent = f"/v1/agents/{make_agent(tags=['a']).public_id}"
    assert code_of("PATCH", agent, {"tags": tags}) == (422, code)
    assert code_of("POST", f"{agent}/tags", {"add": tags}) == (422, code)
    assert code_of("POST", "/v1/agents/", SEED | {"tags": tags}) == (422, code)


def test_what_is_over_a_limit_has_its_code() -> None:
    agent = f"/v1/agents/{make_agent().public_id}"
    assert code_of("PATCH", agent, {"name": "x" * 513}) == (422, "limit_exceeded")
    assert code_of("PATCH", agent, {"model": "a/" + "x" * 300}) == (422, "limit_exceeded")
    assert code_of("GET", f"/v1/agents/?query_text={'x' * 300}") == (422, "limit_exceeded")
    assert code_of("GET", "/v1/agents/?" + "tags=a&" * 51) == (422, "limit_exceeded")


def test_every_code_is_in_the_reference() -> None:
    own = {kind.code for kind in vars(errors).values() if getattr(kind, "code", "")}
    reference = (Path(settings.BASE_DIR) / "docs/api/reference.md").read_text()
    part = reference.partition("## Errors")[2]
    assert {*own, *CODES.values()} <= set(re.findall(r"`([a-z_]+)`", part))


@pytest.mark.parametrize(
    "path", ["/v1/tools/", "/v1/agents/{}/messages", "/v1/agents/{}/recompile", "/v1/runs/1"]
)
def test_what_is_not_carried_out_is_not_sent_again(path: str) -> None:
    answer = call("POST", path.format(make_agent().public_id), {})
    assert (answer.status_code, answer.headers["x-should-retry"]) == (501, "false")


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/xml", "application/octet-stream", "application/json; charset=utf-16",
        "application/json; charset=latin-1", "json",
    ],
)  # fmt: skip
def test_a_body_of_another_type_is_refused(kind: str) -> None:
    token, before = make_token(), everything()
    headers = {"Authorization": f"Bearer {token}"}
    answer = Client(headers=headers).generic("POST", "/v1/agents/", JSON, content_type=kind)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.json()["detail"]
    assert everything().keys() == before.keys()
    assert everything()["Agent"] == before["Agent"]


@pytest.mark.parametrize(
    "kind",
    [
        "application/json", "Application/JSON", "application/json; charset=UTF-8",
        "application/vnd.api+json", "",
    ],
)  # fmt: skip
def test_json_by_any_of_its_names_is_read(kind: str) -> None:
    headers = {"Authorization": f"Bearer {make_token()}"}
    answer = Client(headers=headers).generic("POST", "/v1/agents/", JSON, content_type=kind)
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["application/xml", "text/plain", "application/octet-stream", ""])
def test_a_file_that_is_not_sent_as_a_form_is_refused(kind: str) -> None:
    headers = {"Authorization": f"Bearer {make_token()}"}
    answer = Client(headers=headers).generic("POST", "/v1/agents/import", JSON, content_type=kind)
    assert answer.status_code == 415
    assert "multipart/form-data" in answer.json()["detail"]
