"""The doors before a real Letta 0.16, with its own clients: make prove, with ADE_LETTA_URL."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone
from letta_client import Letta, PermissionDeniedError

from agents.domain.tags.edit import change_tags
from agents.models import Agent, AgentSource, Scope
from tests.api.calls import make_token
from tests.door.conftest import place
from tests.door.proxies import DOORS, SECRET
from tests.helpers import ROOT, make_agent

pytestmark = [pytest.mark.prove, pytest.mark.only_sqlite]  # the database plays no part

WORDS = "slow 2 one two three four five"  # the model takes two seconds to say it back
SPREAD = 1.0  # seconds between the first and the last word, at least: so nothing held them back
CLIENT = "@letta-ai/letta-client@1.12.1"
SCRIPT = """
import Letta from "@letta-ai/letta-client";
const [baseURL, apiKey, own, foreign, content] = process.argv.slice(2);
const client = new Letta({ baseURL, apiKey, maxRetries: 0 });
const listed = [], words = [];
for await (const agent of client.agents.list()) listed.push(agent.id);
const messages = [{ role: "user", content }];
const stream = await client.agents.messages.stream(own, { messages, stream_tokens: true });
for await (const part of stream)
    if (part.message_type === "assistant_message") words.push([performance.now() / 1000, part.content]);
let refused = null;
try { await client.agents.messages.create(foreign, { messages }); }
catch (error) { refused = [error.status, error.error?.code]; }
console.log(JSON.stringify({ listed, words, refused }));
"""


@dataclass
class Theirs:
    """An agent at the server, and an id of each kind that is its own. Its secret is in all of them."""

    agent: str
    secret: str
    conversation: str
    run: str
    step: str
    message: str
    block: str
    archive: str
    passage: str


class Real:
    """The server itself, without a door."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.url = url
        self.http = stack.enter_context(httpx.Client(base_url=url, timeout=60))
        self._stack = stack

    def json(self, method: str, path: str, **more: Any) -> Any:
        return self.http.request(method, path, **more).raise_for_status().json()

    def make(self) -> Theirs:
        """Make an agent that has said something."""
        secret = uuid4().hex
        body = {
            "name": secret, "model": "openai-proxy/gpt-4o-mini",
            "embedding": "openai/text-embedding-ada-002",
            "memory_blocks": [{"label": "human", "value": secret}],
        }  # fmt: skip
        made = self.json("POST", "/v1/agents/", json=body)
        agent = made["id"]
        self._stack.callback(self.http.delete, f"/v1/agents/{agent}")
        path, said = f"/v1/agents/{agent}", {"messages": [{"role": "user", "content": secret}]}
        self.json("POST", f"{path}/messages", json=said)
        passage = self.json("POST", f"{path}/archival-memory", json={"text": secret})[0]
        conversation = self.json("POST", f"/v1/conversations/?agent_id={agent}", json={})["id"]
        messages = self.json("GET", f"{path}/messages")
        message = next(m["id"] for m in messages if m["message_type"] == "user_message")
        [run, *_] = self.json("GET", f"/v1/runs/?agent_id={agent}")
        # The server's own list of steps (/v1/steps/) always answers 400.
        [step, *_] = self.json("GET", f"/v1/runs/{run['id']}/steps")
        [archive] = self.json("GET", f"/v1/archives/?agent_id={agent}")
        block = self.json("GET", f"{path}/core-memory/blocks/human")["id"]
        return Theirs(
            agent, secret, conversation, run["id"], step["id"], message, block, archive["id"],
            passage["id"],
        )  # fmt: skip


@dataclass
class Door:
    url: str
    token: str
    own: Theirs
    foreign: Theirs
    real: Real
    client: httpx.Client

    def send(self, request: str, body: Any = None) -> httpx.Response:
        method, path = request.split(" ")
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return self.client.request(method, path, content=content, headers=headers)


@pytest.fixture(params=DOORS)
def door(
    request: pytest.FixtureRequest, serve: Callable[..., str], database_url: str, tmp_path: Path
) -> Iterator[Door]:
    url = os.environ.get("ADE_LETTA_URL")
    if not url:
        pytest.skip("needs a real Letta server, which ADE_LETTA_URL names")
    ade = serve(
        BEHIND_PROXY="true",
        ALLOWED_HOSTS="127.0.0.1",
        DOOR_SECRET=SECRET,
        SOURCE_ALLOWED_NETWORKS="127.0.0.0/8",
    )
    now = timezone.now()
    source = AgentSource.objects.create(
        name="letta", kind="letta", url=url, created_at=now, created_by="test", listed_at=now
    )
    with ExitStack() as stack:
        real = Real(url, stack)
        own, foreign = real.make(), real.make()
        for theirs, tag in ((own, "user_1"), (foreign, "user_2")):
            row = make_agent(tags=[tag])
            Agent.objects.filter(pk=row.pk).update(public_id=theirs.agent, source=source)
            row.public_id = theirs.agent
            place(row, source)
        address = DOORS[request.param](tmp_path, urlsplit(ade).netloc, urlsplit(url).netloc, stack)
        token = make_token(limit_tag="user_1", scope=Scope.WRITE)
        client = stack.enter_context(
            httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        )
        yield Door(address, token, own, foreign, real, client)


def test_the_python_client_streams_token_by_token(door: Door) -> None:
    messages = [{"role": "user", "content": WORDS}]
    with closing(Letta(base_url=door.url, api_key=door.token, max_retries=0)) as client:
        assert [agent.id for agent in client.agents.list()] == [door.own.agent]
        stream = client.agents.messages.create(
            door.own.agent, messages=messages, streaming=True, stream_tokens=True
        )
        words = [
            (time.monotonic(), str(part.content))
            for part in stream
            if part.message_type == "assistant_message"
        ]
        with pytest.raises(PermissionDeniedError) as refused:
            client.agents.messages.create(door.foreign.agent, messages=messages)
    assert refused.value.body["code"] == "unknown_agent"
    require_spread(words)


def test_the_typescript_client_streams_token_by_token(door: Door, tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("needs node and npm")
    folder = tmp_path / "typescript"
    folder.mkdir()
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", CLIENT]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs {CLIENT}, which could not be installed: {done.stderr[-200:]}")
    (folder / "stream.mjs").write_text(SCRIPT)
    given = [door.url, door.token, door.own.agent, door.foreign.agent, WORDS]
    done = subprocess.run(
        [node, "stream.mjs", *given], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["listed"] == [door.own.agent]
    assert said["refused"] == [403, "unknown_agent"]
    require_spread([(at, text) for at, text in said["words"]])


def require_spread(words: list[tuple[float, str]]) -> None:
    assert "one two three four five" in "".join(text for _, text in words)
    assert len(words) > 3
    print(f"{len(words)} parts in {words[-1][0] - words[0][0]:.2f} s")
    assert words[-1][0] - words[0][0] > SPREAD


def asked_of(theirs: Theirs, own: Theirs) -> list[tuple[str, Any]]:
    """A request for each way to name something of an agent, in path, query or body."""
    text = {"messages": [{"role": "user", "content": "hello"}]}
    mine = f"/v1/agents/{own.agent}"
    return [
        (f"GET /v1/agents/{theirs.agent}", None),
        (f"GET /v1/agents/{theirs.agent}/messages", None),
        (f"POST /v1/agents/{theirs.agent}/messages", text),
        (f"POST /v1/agents/{theirs.agent}/messages/stream", text),
        (f"GET /v1/agents/{theirs.agent}/archival-memory", None),
        (f"GET /v1/agents/{theirs.agent}/core-memory/blocks/human", None),
        (f"GET /v1/conversations/{theirs.conversation}", None),
        (f"GET /v1/conversations/{theirs.conversation}/messages", None),
        (f"POST /v1/conversations/{theirs.conversation}/messages", text),
        (f"PATCH /v1/conversations/{theirs.conversation}", {"summary": "x"}),
        (f"GET /v1/runs/{theirs.run}", None),
        (f"GET /v1/runs/{theirs.run}/messages", None),
        (f"GET /v1/runs/{theirs.run}/steps", None),
        (f"GET /v1/runs/{theirs.run}/usage", None),
        (f"POST /v1/runs/{theirs.run}/stream", {}),
        (f"GET /v1/steps/{theirs.step}", None),
        (f"GET /v1/steps/{theirs.step}/messages", None),
        (f"PATCH /v1/steps/{theirs.step}/feedback", {"feedback": "positive"}),
        (f"GET /v1/messages/{theirs.message}", None),
        (f"GET {mine}/messages?conversation_id={theirs.conversation}", None),
        (f"GET {mine}/messages?before={theirs.message}", None),
        (f"GET {mine}/archival-memory?after={theirs.passage}", None),
        (f"GET /v1/runs/?agent_id={theirs.agent}", None),
        (f"GET /v1/runs/?agent_id={own.agent}&conversation_id={theirs.conversation}", None),
        (f"GET /v1/runs/?agent_id={own.agent}&after={theirs.run}", None),
        (f"GET /v1/runs/active?agent_id={theirs.agent}", None),
        (f"GET /v1/steps/?agent_id={theirs.agent}", None),
        (f"GET /v1/steps/?agent_id={own.agent}&before={theirs.step}", None),
        (f"GET /v1/conversations/?agent_id={theirs.agent}", None),
        (f"POST /v1/conversations/?agent_id={theirs.agent}", {}),
    ]


def never(theirs: Theirs, own: Theirs) -> list[tuple[str, Any]]:
    """Requests that name something in a body, or in a route that limited keys never get."""
    mine = f"/v1/agents/{own.agent}"
    return [
        (f"POST /v1/conversations/{own.conversation}/stream", {"run_id": theirs.run}),
        (f"POST {mine}/messages/cancel", {"run_ids": [theirs.run]}),
        (f"DELETE {mine}/archival-memory/{theirs.passage}", None),
        (f"GET {mine}/context?conversation_id={theirs.conversation}", None),
        (f"POST {mine}/export", {"conversation_id": theirs.conversation}),
        (f"GET /v1/blocks/{theirs.block}", None),
        (f"PATCH /v1/blocks/{theirs.block}", {"value": "x"}),
        (f"GET /v1/archives/{theirs.archive}", None),
        (f"GET /v1/archives/?agent_id={theirs.agent}", None),
        (f"GET /v1/messages/?conversation_id={theirs.conversation}", None),
        ("POST /v1/messages/search", {"query": theirs.secret, "agent_id": theirs.agent}),
        ("POST /v1/agents/messages/search", {"query": theirs.secret}),
        ("POST /v1/passages/search", {"query": theirs.secret, "agent_id": theirs.agent}),
        (f"POST /v1/conversations/default/messages?agent_id={theirs.agent}", {"messages": []}),
        (f"GET /v1/conversations/{theirs.agent}/messages", None),
        (f"GET /v1/runs/?agent_id={own.agent}&agent_ids={theirs.agent}", None),
        (f"GET /v1/runs/?agent_id={own.agent}&agent_id={theirs.agent}", None),
        (f"GET /latest/agents/{theirs.agent}/messages", None),
    ]


def test_no_id_of_another_agent_passes(door: Door) -> None:
    before = door.real.json("GET", f"/v1/agents/{door.foreign.agent}/messages?limit=100")
    for request, body in asked_of(door.own, door.own):
        if "active" in request:
            continue
        answer = door.send(request, body)
        assert answer.status_code < 500, (request, answer.text)
        assert answer.status_code not in (401, 403, 404), (request, answer.text)
    refused = [*asked_of(door.foreign, door.own), *never(door.foreign, door.own)]
    for number, (request, body) in enumerate(refused):
        if number % 10 == 9:  # at most 20 unknown ids a minute for each key
            door.client.headers["Authorization"] = f"Bearer {make_token(limit_tag='user_1')}"
        answer = door.send(request, body)
        assert answer.status_code in (403, 404), (request, answer.text)
        assert door.foreign.secret not in answer.text, request
        assert answer.json().get("code") != "too_many_unknown_ids", request
    after = door.real.json("GET", f"/v1/agents/{door.foreign.agent}/messages?limit=100")
    assert before == after


def test_a_right_ends_with_the_next_request(door: Door) -> None:
    path = f"GET /v1/agents/{door.own.agent}/messages"
    assert door.send(path).status_code == 200
    for _ in range(5):
        change_tags(agent_id=door.own.agent, remove=["user_1"], actor=ROOT)
        assert door.send(path).status_code == 403
        change_tags(agent_id=door.own.agent, add=["user_1"], actor=ROOT)
        assert door.send(path).status_code == 200
