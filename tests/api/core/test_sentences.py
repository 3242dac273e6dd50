"""Errors of the API are sentences for a person: no pattern, no word of pydantic's."""

import json
import re

import pytest
from django.http import HttpResponse

from agents.api.core.app import api
from agents.api.core.sentences import sentence
from tests.access.table import API, rows
from tests.api.calls import NOBODY, call, make_token, whole

pytestmark = pytest.mark.django_db

DOCUMENT = json.loads(json.dumps(api.get_openapi_schema()))
PARAMETERS = [
    (method.upper(), path, parameter)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    for parameter in operation.get("parameters", [])
    if parameter["in"] in ("path", "query")
]
WORDS = r"\^|\[0-9|\[a-f|\\d|pattern|Input should|Field required|pydantic|validation|Traceback"


def told(answer: HttpResponse) -> str:
    """The answer without the names of kinds of errors, which are for programs."""
    return re.sub(r'"type":"\w+"', "", whole(answer).content.decode())


def test_an_id_that_is_none_is_told_what_an_id_looks_like() -> None:
    response = call("GET", "/v1/agents/agent-1")
    (found,) = response.json()["detail"]
    assert response.status_code == 422
    assert found["msg"] == (
        "An agent's ID must be “agent-” plus a lower-case UUID, such as "
        "agent-123e4567-e89b-42d3-8456-426614174000."
    )
    assert set(found) == {"type", "loc", "msg"}


@pytest.mark.parametrize("where", ["path", "query"])
@pytest.mark.parametrize("value", ["-1", "x" * 600, "2026-13-45"])
def test_no_parameter_is_answered_with_a_pattern(where: str, value: str) -> None:
    token = make_token(scope="manage")
    for method, path, parameter in PARAMETERS:
        if parameter["in"] != where:
            continue
        name = parameter["name"]
        url = re.sub(r"{\w+}", NOBODY, path.replace(f"{{{name}}}", value))
        url += f"?{name}={value}" if where == "query" else ""
        answer = call(method, url, {}, token=token)
        assert answer.status_code < 500, url
        assert re.search(WORDS, told(answer)) is None, url


BODIES = [None, [], {}, "x", 1, {"tags": 1, "agent_ids": [1], "rows": [1], "label": [], "name": {}}]


@pytest.mark.parametrize(("method", "route"), sorted(key for key in rows(API) if key[0] != "GET"))
def test_no_body_is_answered_with_a_pattern(method: str, route: str) -> None:
    url = re.sub(r"<(\w+:)?\w+>", NOBODY, route)
    token = make_token(scope="manage")
    for body in BODIES:
        answer = call(method, url, json.dumps(body).encode(), token=token)
        assert answer.status_code < 500 or route.startswith("/v1/git/")
        assert re.search(WORDS, told(answer)) is None


def test_what_is_not_in_the_table_has_a_sentence_too() -> None:
    assert sentence({"type": "something_new"}).endswith(".")
