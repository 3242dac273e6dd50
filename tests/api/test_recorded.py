"""Answers recorded from a real Letta server, replayed: the same status, the same shape.

What differs on purpose stands in ALLOWED, with the reason.
"""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from agents.domain.agents import create_agent
from agents.domain.newagents import NewAgent, NewBlock
from tests.api.calls import call, make_token
from tests.helpers import ROOT

pytestmark = pytest.mark.django_db

# Cases whose status differs from the recorded one.
STATUS = {
    "006-create-seed-llm": (200, "llm is another name for model"),
    "011-create-unknown-model": (200, "ADE runs no models and takes any handle"),
    "049-list-noslash-redirect": (200, "both slash forms answer directly"),
    "212-actor-bad-format": (200, "the user_id header is ignored"),
    "233-cors-preflight": (405, "CORS is off"),
}
# Fields whose shape differs, wherever they stand.
FIELDS = {
    "trace_id": "an answer carries X-Request-ID",
    "examples": "of no use to a client",
    "detail": "Letta writes the list of errors as a Python text; here it is a list",
    "llm_config": "made from the handle, or given back as it came",
    "embedding_config": "made from the handle, or given back as it came",
    "model_settings": "ADE runs no models",
    "compaction_settings": "ADE runs no models",
    "message_ids": "ADE keeps no messages",
    "tools": "ADE keeps no tools",
}
# Routes that are not served yet.
LATER = re.compile(r"/v1/(blocks|identities|models)/|/(export|import|tools|attach/.*|detach/.*)$")

_FOLDER = os.environ.get("ADE_REFERENCE_DIR")
_CASES = sorted(Path(_FOLDER, "letta", "cases").glob("*.json")) if _FOLDER else []
_AGENT = re.compile(r"^/v1/agents/(agent-[0-9a-f-]{36})")


def load() -> list[Any]:
    if not _CASES:
        why = "needs the recorded answers in ADE_REFERENCE_DIR"
        return [pytest.param("", None, marks=pytest.mark.skip(reason=why))]
    cases = [(path.stem, json.loads(path.read_text("utf-8"))) for path in _CASES]
    return [
        pytest.param(name, case, id=name)
        for name, case in cases
        if not LATER.search(case["request"]["path"]) and "identit" not in name
        and "identifier" not in name
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "case"), load())
def test_the_answer_is_the_recorded_one(name: str, case: dict[str, Any]) -> None:
    request, recorded = case["request"], case["response"]
    prepare(request, recorded)
    path = f"{request['path']}?{urlencode(pairs_of(request))}"
    headers = {key.replace("-", "_"): value for key, value in request["headers"].items()}
    headers.pop("content_type", None)
    body = request["body"]
    body = body["__raw__"].encode() if isinstance(body, dict) and "__raw__" in body else body
    response = call(request["method"], path, body, token=make_token(scope="manage"), **headers)
    status, _ = STATUS.get(name, (recorded["status"], ""))
    assert response.status_code == status, response.content
    if name not in STATUS:
        assert differences(recorded["body"], response.json(), "") == []


def pairs_of(request: dict[str, Any]) -> list[tuple[str, str]]:
    query = request["query"] or {}
    return list(query.items()) if isinstance(query, dict) else [(k, v) for k, v in query]


def prepare(request: dict[str, Any], recorded: dict[str, Any]) -> None:
    """Make the agents that the recorded request met, as far as its answer tells."""
    body = recorded["body"]
    seen = {a["id"]: a for a in body if isinstance(a, dict)} if isinstance(body, list) else {}
    if isinstance(body, int):
        seen = {f"agent-00000000-0000-4000-8000-00000000000{n}": {} for n in range(body)}
    match = _AGENT.match(request["path"])
    if match and recorded["status"] == 200:
        seen = {match.group(1): {}}
    query = dict(pairs_of(request))
    after = query.get("after", "")
    if after.startswith("agent-"):
        seen = {after: {}} | seen
    tag = query.get("tags")
    for public_id, agent in reversed(seen.items()):
        if not public_id.startswith("agent-"):
            continue
        tags = agent.get("tags") or ([tag] if tag else [])
        name = agent.get("name", "Max")
        blocks = [NewBlock("human"), NewBlock("persona")]
        spec = NewAgent(model="a/b", public_id=public_id, name=name, tags=tags, blocks=blocks)
        create_agent(spec, actor=ROOT)


def differences(recorded: Any, ours: Any, where: str) -> list[str]:
    """Where the two have another shape: other fields, or values of another type but null."""
    if recorded is None or ours is None:
        return []
    if isinstance(recorded, dict) and isinstance(ours, dict):
        missing = recorded.keys() - ours.keys() - FIELDS.keys()
        wrong = [f"{where}.{key} is missing" for key in sorted(missing)]
        for key in recorded.keys() & ours.keys() - FIELDS.keys():
            wrong += differences(recorded[key], ours[key], f"{where}.{key}")
        return wrong
    if isinstance(recorded, list) and isinstance(ours, list):
        pairs = zip(recorded[:1], ours[:1], strict=False)
        return [w for one, other in pairs for w in differences(one, other, f"{where}[0]")]
    same = type(recorded) is type(ours) or {type(recorded), type(ours)} == {int, float}
    return [] if same else [f"{where} is {type(ours).__name__}, not {type(recorded).__name__}"]
