"""The table of routes: it names every route of the server, every id, and only what it can explain."""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from agents.core.agent_rights import Right
from agents.core.door.ids import PATH_KINDS, WITHIN_AGENT
from agents.core.door.paths import read_target
from agents.core.door.routes import Route, Who, find_route, routes
from agents.core.door.table import HARMLESS, IGNORED
from tests.door.described import described

TABLE = {(route.method, route.template): route for route in routes()}
ID = re.compile("(.*_)?(id|ids|otid)")
CURSORS = {"before", "after", "cursor"}
FOR_LIMITED = [route for route in routes() if route.who is Who.LETTA and not route.unlimited_only]
VALUES = {"agent_id": "agent-123e4567-e89b-42d3-8456-426614174000"}


def path_of(route: Route, start: str = "/v1") -> str:
    """An address of the route."""
    path = re.sub(r"{(\w+)}", lambda found: VALUES.get(found[1], "x1"), route.template)
    return start + path.removeprefix("/v1")


def test_no_route_is_there_twice() -> None:
    assert len(TABLE) == len(routes()) == 249


def test_the_table_has_the_routes_of_the_list(reference_dir: Any) -> None:
    lines = (reference_dir / "letta/routes-0.16.8.txt").read_text().splitlines()
    assert set(TABLE) == {tuple(line.split()) for line in lines if line}


@pytest.mark.parametrize("start", ["/v1", "/latest"])
def test_each_route_is_found_by_its_address(start: str) -> None:
    for route in routes():
        match = find_route(route.method, read_target(path_of(route, start)))
        assert match is not None
        assert (match.route, match.old) == (route, start == "/latest")


def test_what_limited_keys_can_use_has_only_ids_that_are_looked_up() -> None:
    assert len(FOR_LIMITED) > 30
    for route in FOR_LIMITED:
        names = set(re.findall(r"{(\w+)}", route.template))
        assert names <= set(PATH_KINDS) | WITHIN_AGENT, route
        assert route.right in list(Right), route
        kinds = {kind.rstrip("!") for kind in route.query_ids.values()}
        assert kinds <= {"agent", "conversation", "run", "step", "message", "listed", "never"}, (
            route
        )
        if not names & set(PATH_KINDS):  # a list of more than one agent, unless it must name one
            assert route.query_ids["agent_id"] == "agent!", route


def test_no_id_in_a_body_reaches_another_agent_of_a_limited_key() -> None:
    for route in FOR_LIMITED:
        ignored = IGNORED.get(f"{route.method} {route.template}", set())
        assert route.body_ids <= set(HARMLESS) | ignored, route


@pytest.mark.parametrize(
    "route",
    [
        "POST /v1/conversations/{conversation_id}/stream",
        "POST /v1/conversations/{conversation_id}/cancel",
        "POST /v1/conversations/{conversation_id}/compact",
        "POST /v1/conversations/{conversation_id}/recompile",
        "POST /v1/conversations/{conversation_id}/fork",
        "POST /v1/agents/{agent_id}/messages/cancel",
        "DELETE /v1/agents/{agent_id}/archival-memory/{memory_id}",
        "GET /v1/agents/{agent_id}/context",
        "PATCH /v1/agents/{agent_id}/files/{file_id}/open",
        "PATCH /v1/agents/{agent_id}/files/{file_id}/close",
        "POST /v1/agents/{agent_id}/summarize",
        "POST /v1/agents/{agent_id}/generate",
        "POST /v1/agents/{agent_id}/tools/{tool_name}/run",
        "POST /v1/voice-beta/{agent_id}/chat/completions",
        "POST /v1/chat/completions",
        "GET /v1/messages/",
        "GET /v1/agents/{agent_id}/groups",
    ],
)
def test_known_traps_are_for_unlimited_keys(route: str) -> None:
    assert TABLE[tuple(route.split())].unlimited_only


def test_attaching_and_groups_and_batches_are_for_unlimited_keys() -> None:
    words = ("attach", "detach", "groups", "batches", "search", "run", "tools")
    for route in FOR_LIMITED:
        parts = route.template.strip("/").split("/")
        allowed = ("archival-memory/search", "{agent_id}/tools", "tools/approval/")
        assert not set(words) & set(parts[1:]) or any(x in route.template for x in allowed), route


# --- Compared with the server itself ----------------------------------------------------------


def compare(described: dict[str, Any]) -> None:
    """Compare the table with the names in a description of the server."""
    unclassified = {tuple(key.split()) for key in described} ^ set(TABLE)
    assert not unclassified, "The table of routes and the server differ in these routes."
    for key, names in described.items():
        route = TABLE[tuple(key.split())]
        query, body = set(names["query"]), set(names["body"])
        assert set(route.query_ids) == {n for n in query if ID.fullmatch(n) or n in CURSORS}, key
        if route in FOR_LIMITED:
            assert route.query_other == query - set(route.query_ids), key
        if route.method != "GET":  # a body of a GET is a mistake of the document
            assert route.body_ids == {name for name in body if ID.fullmatch(name)}, key


def test_the_table_has_every_route_and_id_of_letta_0_16_8() -> None:
    compare(json.loads((Path(__file__).parent / "letta-0.16.8.json").read_text()))


@pytest.mark.prove
def test_the_table_has_every_route_and_id_of_a_running_letta() -> None:
    address = os.environ.get("ADE_LETTA_URL")
    if not address:
        pytest.skip("needs a real Letta server, which ADE_LETTA_URL names")
    with urlopen(f"{address}/openapi.json") as answer:
        compare(described(json.load(answer)))


@pytest.mark.parametrize("change", ["route", "query", "body"])
def test_a_new_route_or_id_is_noticed(change: str) -> None:
    known = json.loads((Path(__file__).parent / "letta-0.16.8.json").read_text())
    if change == "route":
        known["GET /v1/agents/{agent_id}/diary"] = {"query": [], "body": []}
    else:
        known["GET /v1/runs/" if change == "query" else "POST /v1/agents/"][change] += ["other_id"]
    with pytest.raises(AssertionError):
        compare(known)
