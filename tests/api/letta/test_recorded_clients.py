"""Every request that three real clients sent to a real Letta server, sent to a running ADE.

Letta's client for Python of the 0.1 line cannot live beside the one of the 1.x line, and the one for
TypeScript wants another runtime: what they sent is sent again, headers and all. Ids that the server
made are put in place of the recorded ones.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.calls import make_token
from tests.api.letta.test_recorded import differences

CLIENTS = ("python-0.1.324", "python-1.12.1", "typescript-1.12.1")
# What the transport sets by itself.
_OWN = {"host", "connection", "content-length", "accept-encoding", "authorization"}
_ID = re.compile(r"agent-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FOLDER = os.environ.get("ADE_REFERENCE_DIR")
_SHAPELESS = ("/v1/health/", "/v1/models/")


@pytest.mark.skipif(not _FOLDER, reason="needs the recorded requests in ADE_REFERENCE_DIR")
@pytest.mark.parametrize("name", CLIENTS)
def test_what_a_client_sent_is_answered_alike(live: str, name: str) -> None:
    lines = Path(_FOLDER or "", "letta", "sdk", f"{name}.jsonl").read_text("utf-8").splitlines()
    assert len(lines) > 10
    token, ids = make_token(), dict[str, str]()
    with httpx.Client(
        base_url=live, headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as client:
        for line in lines:
            call = json.loads(line)
            answer = send(client, call, ids)
            assert_alike(call, answer)
            learn(call, answer, ids)


def send(client: httpx.Client, call: dict[str, Any], ids: dict[str, str]) -> httpx.Response:
    def swap(text: str) -> str:
        return _ID.sub(lambda found: ids.get(found[0], found[0]), text)

    headers = {key: value for key, value in call["headers"].items() if key.lower() not in _OWN}
    body = swap(call["body"])
    if "multipart" in str(headers.get("Content-Type", headers.get("content-type"))):
        # The recorder shortened long bodies: a whole file of the same kind is sent instead.
        del headers["Content-Type" if "Content-Type" in headers else "content-type"]
        data = {"agents": [{"id": "agent-0", "name": "x", "model": "a/b", "tags": []}]}
        files = {"file": ("x.af", json.dumps(data), "application/octet-stream")}
        return client.request(call["method"], swap(call["path"]), headers=headers, files=files)
    return client.request(call["method"], swap(call["path"]), headers=headers, content=body)


def assert_alike(call: dict[str, Any], answer: httpx.Response) -> None:
    """The same status; and the same fields, as far as the recorder kept the answer whole."""
    what = (call["method"], call["path"], answer.text[:300])
    # The real server ignores `llm` and then misses the model.
    expected = 200 if call["status"] == 400 and '"llm"' in call["body"] else call["status"]
    assert (answer.status_code, what) == (expected, what)
    recorded = whole(call)
    if recorded is not None and call["path"] not in _SHAPELESS and answer.status_code < 300:
        assert (what, differences(recorded, answer.json(), "answer")) == (what, [])


def whole(call: dict[str, Any]) -> Any:
    """The recorded answer, or None where only its beginning was kept."""
    if not isinstance(call["resp"], str):
        return call["resp"]
    try:
        return json.loads(call["resp"])
    except ValueError:
        return None


def learn(call: dict[str, Any], answer: httpx.Response, ids: dict[str, str]) -> None:
    """Note which id here stands for the recorded one."""
    if call["method"] == "POST" and call["path"] == "/v1/agents/" and call["status"] == 200:
        found = re.search(rf'"id": ?"({_ID.pattern})"', str(call["resp"]))
        if found:
            ids[found[1]] = answer.json()["id"]
