"""A real Letta App Server (PyPI `letta`) for tests, and the model provider that it asks.

Use the fixture `app_server`. Each pytest process starts at most one server: with its own home folder, a
free port and a token. The program is installed once into a cache folder; a test is skipped if that fails.
"""

import asyncio
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from processes import start, stop
from serve import HOST, free_port

T = TypeVar("T")
VERSION = "0.34.12"
TOKEN = "the-token-of-the-app-server"
INSTALL_SECONDS = 600
START_SECONDS = 120  # usually three; more on a busy machine
MODEL = "openai-compatible/scripted"


class Model:
    """A model provider that answers as told.

    The user's last message decides. `tool NAME {"argument": ...}` asks for that tool, and the next answer
    starts with `result:` and what the tool gave. `slow N` makes the answer take about N seconds. All other
    text comes back after `said:`, with the id of the agent that the server named.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        model = self

        class Handler(_Handler):
            requests = model.requests

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests: list[dict[str, Any]]

    def do_GET(self) -> None:
        model = {"id": "scripted", "object": "model", "created": 1, "owned_by": "tests"}
        self._send(json.dumps({"object": "list", "data": [model]}).encode(), "application/json")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append(body)
        delta, seconds = _answer(body["messages"], f"call_{len(self.requests)}")
        parts: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        if "content" in delta:
            parts += [{"content": word} for word in re.findall(r"\S+\s*", delta["content"])]
        else:
            parts.append(delta)
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for part in parts:
                time.sleep(seconds / len(parts))
                self._event({"index": 0, "delta": part, "finish_reason": None})
            finish = "tool_calls" if "tool_calls" in delta else "stop"
            self._event({"index": 0, "delta": {}, "finish_reason": finish})
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            return  # the turn was cancelled

    def _event(self, choice: dict[str, Any]) -> None:
        usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
        chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
        self.wfile.write(
            b"data: " + json.dumps(chunk | {"choices": [choice], "usage": usage}).encode() + b"\n\n"
        )
        self.wfile.flush()

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _answer(messages: list[dict[str, Any]], call_id: str) -> tuple[dict[str, Any], float]:
    """Return the assistant's message, and the seconds that it takes. A call's id must not repeat."""
    last = messages[-1]
    if last["role"] == "tool":
        return {"content": f"result: {_text(last)}"}, 0
    users = [_text(message) for message in messages if message["role"] == "user"]
    plain = [re.sub(r"(?s)<system-reminder>.*?</system-reminder>", "", t).strip() for t in users]
    said = next((text for text in reversed(plain) if text), "")
    if call := re.fullmatch(r"(?s)tool (\w+) (\{.*\})", said):
        function = {"name": call[1], "arguments": call[2]}
        calls = [{"index": 0, "id": call_id, "type": "function", "function": function}]
        return {"tool_calls": calls}, 0
    everything = " ".join(_text(message) for message in messages)
    agents = re.findall(r"agent-local-[0-9a-f-]{36}", everything)
    slow = re.match(r"slow (\d+)", said)
    content = f"agent={agents[-1] if agents else None} said: {said}"
    return {"content": content}, float(slow[1]) if slow else 0


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


class AppServer:
    """A running App Server. Its address is `url` (WebSocket) or `http`; its token is `token`."""

    def __init__(self, program: Path, folder: Path, model: Model) -> None:
        self.model, self.folder, self.token = model, folder, TOKEN
        self.port = free_port()
        self.url, self.http = f"ws://{HOST}:{self.port}/ws", f"http://{HOST}:{self.port}"
        self.log = folder / "log"
        self._program = program
        self.work = folder / "work"  # where agents' shells start
        self.work.mkdir(parents=True)
        (folder / "token").write_text(TOKEN)
        self.backend = folder / "home/.letta/lc-local-backend"
        providers = self.backend / "providers"
        providers.mkdir(parents=True)
        (providers / "auth.json").write_text(json.dumps(_provider(model.url)))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, on the same port and folder as before, and wait until it is ready."""
        keep = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        switches = {"DO_NOT_TRACK": "1", "LETTA_CODE_TELEM": "0", "DISABLE_AUTOUPDATER": "1"}
        command = [
            *("env", f"--chdir={self.work}", self._program, "server", "--backend", "local"),
            *("--listen", f"ws://{HOST}:{self.port}", "--openai-api"),
            *("--ws-auth", "capability-token", "--ws-token-file", self.folder / "token"),
        ]
        environment = keep | switches | {"HOME": str(self.folder / "home")}
        with self.log.open("ab") as output:
            self._process = start(command, env=environment, output=output)
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.http}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def stop(self) -> None:
        """Stop it politely. Agents stay in its folder."""
        self.thaw()
        stop([self._process] if self._process else [], seconds=10)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        stop([self._process], polite=signal.SIGKILL)

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)

    def revive(self) -> None:
        """Make it run, whatever a test did to it."""
        self.thaw()
        if self._process is None or self._process.poll() is not None:
            self.start()


def _provider(url: str) -> dict[str, Any]:
    """Return what `letta connect openai-compatible` stores, which takes four seconds to start."""
    name, made = "openai-compatible", "2026-01-01T00:00:00.000Z"
    entry = {
        "id": f"local-provider-{name}",
        "name": name,
        "provider_type": name,
        "provider_category": "byok",
        "auth": {"type": "api", "key": "sk-none"},
        "base_url": url,
        "created_at": made,
        "updated_at": made,
    }
    return {"version": 1, "providers": {name: entry}}


def installed() -> Path:
    """Return the folder of a virtual environment with `letta`, installed on first use.

    Raises RuntimeError with pip's last lines if it cannot be installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ade"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"letta-{VERSION}"
    with (cache / f"letta-{VERSION}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel pytest processes wait for each other
        if not (folder / "bin/letta").exists():
            _run([sys.executable, "-m", "venv", "--clear", folder])
            _run([folder / "bin/pip", "install", "-q", "--retries=1", f"letta=={VERSION}"])
    return folder


def _run(command: list[str | Path]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"not within {INSTALL_SECONDS} seconds") from error
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no reason given"])[-1])


@pytest.fixture(scope="session")
def app_server_package() -> Path:
    """The folder of the installed package `letta_code`."""
    try:
        folder = installed()
    except RuntimeError as error:
        pytest.skip(f"needs the App Server from PyPI, which could not be installed: {error}")
    return next(folder.glob("lib/python*/site-packages/letta_code"))


@pytest.fixture(scope="session")
def _app_server(
    app_server_package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppServer]:
    program = app_server_package.parents[3] / "bin/letta"
    model = Model()
    server = AppServer(program, tmp_path_factory.mktemp("app-server"), model)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        model.close()


@pytest.fixture
def app_server(_app_server: AppServer) -> AppServer:
    """A real App Server, running; what other tests made in it is still there."""
    _app_server.revive()
    return _app_server


def run_alone(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own: a browser of the same tests may run a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, scenario).result()
