"""Record what the API answers to the recorded requests, to compare before and after a refactoring.

    ADE_REFERENCE_DIR=... .venv/bin/python bin/record.py before.jsonl
    (change the code)
    ADE_REFERENCE_DIR=... .venv/bin/python bin/record.py after.jsonl && diff before.jsonl after.jsonl

Every request of letta/cases and letta/sdk is sent twice, with an unlimited key and with a key limited
to user_1, to an empty database in memory. One line per request: status, headers and body. Ids and
times are numbered in order of appearance; Date, X-Request-ID and the value of ETag are left out.
"""

import io
import json
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import django
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

# Headers that differ from run to run.
VOLATILE = {"date", "x-request-id"}
CHANGING = re.compile(
    r"(?P<id>(?:[a-z]+-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"|(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    r"|(?P<key>key:[0-9a-f]{12})"
)
# The transport sets these by itself; the key is ours.
OWN_HEADERS = {
    "host",
    "connection",
    "content-length",
    "content-type",
    "accept-encoding",
    "authorization",
}


class Numbered:
    """Replaces each id and time by its kind and a number, in order of first appearance."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        return CHANGING.sub(self._name, text)

    def _name(self, found: re.Match[str]) -> str:
        kind = found.lastgroup or ""
        number = sum(name.startswith(f"<{kind} ") for name in self._known.values()) + 1
        return self._known.setdefault(found[0], f"<{kind} {number}>")


def recorded_requests(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield each recorded request: name, method, path with query, headers, body as text."""
    for file in sorted((folder / "letta" / "cases").glob("*.json")):
        request = json.loads(file.read_text("utf-8"))["request"]
        query = request["query"] or {}
        pairs = list(query.items()) if isinstance(query, dict) else [tuple(pair) for pair in query]
        body = request["body"]
        if isinstance(body, dict) and "__raw__" in body:
            text = body["__raw__"]
        else:
            text = "" if body is None else json.dumps(body)
        path = f"{request['path']}?{urlencode(pairs)}" if pairs else request["path"]
        yield {**request, "name": file.stem, "path": path, "body": text}
    for file in sorted((folder / "letta" / "sdk").glob("*.jsonl")):
        for number, line in enumerate(file.read_text("utf-8").splitlines()):
            yield {"name": f"{file.stem}:{number}", **json.loads(line)}


def send(client: Client, request: dict[str, Any], ids: dict[str, str]) -> Any:
    """Send one request; ids that the recorded server made are replaced by ours."""

    def swap(text: str) -> str:
        for theirs, ours in ids.items():
            text = text.replace(theirs, ours)
        return text

    headers = {k: v for k, v in request["headers"].items() if k.lower() not in OWN_HEADERS}
    path, body = swap(request["path"]), swap(request["body"] or "")
    if path.startswith("/v1/agents/import"):  # the recorder kept no whole file: send a small one
        content = {"agents": [{"id": "agent-0", "name": "x", "model": "a/b", "tags": ["user_1"]}]}
        file = SimpleUploadedFile("x.af", json.dumps(content).encode())
        return client.post(path, {"file": file}, headers=headers)
    return client.generic(
        request["method"], path, body.encode(), content_type="application/json", headers=headers
    )


def learn(request: dict[str, Any], answer: Any, ids: dict[str, str]) -> None:
    """Note which of our ids stands for the id of a recorded answer."""
    theirs = request.get("resp")
    try:
        theirs = json.loads(theirs) if isinstance(theirs, str) else theirs
        ours = json.loads(answer.content)
    except ValueError:
        return
    if isinstance(theirs, dict) and isinstance(ours, dict) and "id" in theirs and "id" in ours:
        ids[theirs["id"]] = ours["id"]


def record(folder: Path, *key_options: str) -> Iterator[str]:
    """Yield one line of JSON per request, sent to an empty database with a new key."""
    call_command("flush", interactive=False, verbosity=0)
    random.seed(1)  # agents without a name get a random one
    output = io.StringIO()
    call_command("create_api_key", "recorder", *key_options, stdout=output, stderr=io.StringIO())
    token = re.search(r"ade_\S+", output.getvalue())
    assert token  # noqa: S101  # the command prints it
    client = Client(headers={"Authorization": f"Bearer {token[0]}"}, raise_request_exception=False)
    numbered, ids = Numbered(), dict[str, str]()
    for request in recorded_requests(folder):
        answer = send(client, request, ids)
        learn(request, answer, ids)
        headers = {name: value for name, value in answer.items() if name.lower() not in VOLATILE}
        if "ETag" in headers:
            headers["ETag"] = "…"
        if "Allow" in headers:  # made from a set
            headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        line = {
            "request": f"{' '.join(key_options)} {request['name']}".strip(),
            "status": answer.status_code,
            "headers": dict(sorted(headers.items())),
            "body": body.decode(),
        }
        yield numbered(json.dumps(line, ensure_ascii=False))


def main(target: str) -> None:
    folder = os.environ.get("ADE_REFERENCE_DIR")
    if not folder:
        sys.exit("Set ADE_REFERENCE_DIR to the folder with the recorded requests.")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{scratch}/record.sqlite3",
            "DJANGO_SETTINGS_MODULE": "ade.settings",
            "SECRET_KEY": "only for this recording",
            "ALLOWED_HOSTS": "testserver",
            "STATIC_ROOT": scratch,
            "LOG_LEVEL": "ERROR",
            "RATE_PER_CALLER": "0",
            "RATE_PER_ADDRESS": "0",
        }
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
        django.setup()
        call_command("migrate", verbosity=0)
        lines = [
            *record(Path(folder), "--scope=manage"),
            *record(Path(folder), "--limit-tag=user_1"),
        ]
    Path(target).write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(lines)} answers in {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
