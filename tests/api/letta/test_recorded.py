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
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from agents.domain.agents.new import NewAgent
from agents.domain.agents.write import create_agent
from agents.domain.identities.write import NewIdentity, create_identity
from agents.domain.memory.new import NewBlock
from agents.domain.memory.write import create_block
from agents.models import Agent, Block, Identity
from tests.api.calls import call, make_token
from tests.helpers import ROOT, make_agent

pytestmark = pytest.mark.django_db

# Cases whose status differs from the recorded one.
STATUS = {
    "006-create-seed-llm": (200, "llm is another name for model"),
    "011-create-unknown-model": (200, "ADE runs no models and takes any handle"),
    "049-list-noslash-redirect": (200, "both slash forms answer directly"),
    "212-actor-bad-format": (200, "the user_id header is ignored"),
    "233-cors-preflight": (200, "CORS is off: answered, without leave"),
    "238-agent-tools": (200, "ADE keeps no tools"),
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
    "revision_id": "of Letta's own database",
}
_FOLDER = os.environ.get("ADE_REFERENCE_DIR")
_CASES = sorted(Path(_FOLDER, "letta", "cases").glob("*.json")) if _FOLDER else []
IDENTITY = "identity-614bc9ca-f02a-4596-a41c-c4f05fb01887"
_BLOCK = re.compile("block-[0-9a-f-]{36}")
_AGENT = re.compile(r"^/v1/agents/(agent-[0-9a-f-]{36})")


def load() -> list[Any]:
    if not _CASES:
        why = "needs the recorded answers in ADE_REFERENCE_DIR"
        return [pytest.param("", None, marks=pytest.mark.skip(reason=why))]
    cases = [(path.stem, json.loads(path.read_text("utf-8"))) for path in _CASES]
    return [pytest.param(name, case, id=name) for name, case in cases]


@pytest.mark.parametrize(("name", "case"), load())
def test_the_answer_is_the_recorded_one(name: str, case: dict[str, Any]) -> None:
    request, recorded = case["request"], case["response"]
    prepare(name, request, recorded)
    path = f"{request['path']}?{urlencode(pairs_of(request))}"
    headers = {key.replace("-", "_"): value for key, value in request["headers"].items()}
    headers.pop("content_type", None)
    body = request["body"]
    body = body["__raw__"].encode() if isinstance(body, dict) and "__raw__" in body else body
    token = make_token(scope="manage")
    if request["path"] == "/v1/agents/import" and body is None:
        response = upload(path, token)
    else:
        response = call(request["method"], path, body, token=token, **headers)
    status, _ = STATUS.get(name, (recorded["status"], ""))
    assert response.status_code == status, response.content
    if name not in STATUS:
        assert differences(recorded["body"], response.json(), "") == []


def upload(path: str, token: str) -> HttpResponse:
    """The recorder kept no multipart bodies: any file will do."""
    data = {"agents": [{"id": "agent-0", "name": "x", "model": "a/b"}]}
    file = SimpleUploadedFile("x.af", json.dumps(data).encode())
    headers = {"Authorization": f"Bearer {token}"}
    return Client(headers=headers).post(path, {"file": file})


def pairs_of(request: dict[str, Any]) -> list[tuple[str, str]]:
    query = request["query"] or {}
    return list(query.items()) if isinstance(query, dict) else [(k, v) for k, v in query]


def prepare(name: str, request: dict[str, Any], recorded: dict[str, Any]) -> None:
    """Make the agents that the recorded request met, as far as its answer tells."""
    body = recorded["body"]
    seen = {a.get("id"): a for a in body if isinstance(a, dict)} if isinstance(body, list) else {}
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
        if str(public_id).startswith("agent-"):
            make_seen_agent(public_id, agent, tag)
    make_others(name, request)


def make_seen_agent(public_id: str, agent: dict[str, Any], tag: str | None) -> None:
    tags = agent.get("tags") or ([tag] if tag else [])
    name = agent.get("name", "Max")
    blocks = [NewBlock("human"), NewBlock("persona")]
    spec = NewAgent(model="a/b", public_id=public_id, name=name, tags=tags, blocks=blocks)
    create_agent(spec, actor=ROOT)


def make_others(name: str, request: dict[str, Any]) -> None:
    """The block that the request names, two for a list, and the one identity of the recording."""
    for block_id in _BLOCK.findall(request["path"]):
        block = create_block(NewBlock("notes"), actor=ROOT)
        Block.objects.filter(id=block.id).update(public_id=block_id)
    if "models" in name:
        make_agent(model="letta/letta-free", embedding="letta/letta-free")
    if name == "182-blocks-list":
        for label in ("persona", "human"):
            create_block(NewBlock(label), actor=ROOT)
    if name == "192-identity-create":
        make_seen_agent(request["body"]["agent_ids"][0], {}, None)
    elif "ident" in name:
        agents = list(Agent.objects.values_list("public_id", flat=True))
        new = NewIdentity("cust-06645d", "Ann", "user", agent_ids=agents)
        identity = create_identity(new, actor=ROOT)
        Identity.objects.filter(id=identity.id).update(public_id=IDENTITY)


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
        if not where and not ours and recorded and isinstance(recorded[0], dict):
            return ["the list is empty"]
        pairs = zip(recorded[:1], ours[:1], strict=False)
        return [w for one, other in pairs for w in differences(one, other, f"{where}[0]")]
    same = type(recorded) is type(ours) or {type(recorded), type(ours)} == {int, float}
    return [] if same else [f"{where} is {type(ours).__name__}, not {type(recorded).__name__}"]
