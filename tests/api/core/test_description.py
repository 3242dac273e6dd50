"""The OpenAPI document: each status, tag and header is described, and no schema is unused."""

import json
import re
from typing import Any

from agents.api.core.app import api

DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(), default=str))
OPERATIONS = {
    (method, path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def test_every_answer_is_described() -> None:
    for key, operation in OPERATIONS.items():
        assert operation.get("description"), key
        assert {"200", "429", "503"} <= set(operation["responses"]), key
        for code, answer in operation["responses"].items():
            assert answer["description"].endswith("."), (key, code)
            assert "X-Request-ID" in answer["headers"], (key, code)
        assert "Retry-After" in operation["responses"]["429"]["headers"]


def test_lists_and_agents_describe_their_headers() -> None:
    def headers(method: str, path: str) -> set[str]:
        return set(OPERATIONS[method, path]["responses"]["200"]["headers"])

    assert "Link" in headers("get", "/v1/agents/")
    assert "Link" in headers("get", "/v1/tags/")
    assert "ETag" in headers("get", "/v1/agents/{agent_id}")
    assert {"ETag", "X-ADE-Not-Kept"} <= headers("patch", "/v1/agents/{agent_id}")


def test_tags_servers_and_license_are_there() -> None:
    used = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}
    assert {tag["name"] for tag in DOCUMENT["tags"]} == used
    assert all(tag["description"] for tag in DOCUMENT["tags"])
    assert DOCUMENT["servers"][0]["url"] == "/"
    assert DOCUMENT["info"]["license"]["url"]


def test_each_operation_says_whether_it_needs_a_key() -> None:
    open_to_all = {key for key, operation in OPERATIONS.items() if operation["security"] == []}
    assert open_to_all == {("get", "/v1/health/")}
    schemes = DOCUMENT["components"]["securitySchemes"]
    for key, operation in OPERATIONS.items():
        assert all(name in schemes for one in operation["security"] for name in one), key


def test_no_schema_is_unused() -> None:
    text = json.dumps(DOCUMENT)
    for name in DOCUMENT["components"]["schemas"]:
        assert re.search(f'"#/components/schemas/{re.escape(name)}"', text), name
