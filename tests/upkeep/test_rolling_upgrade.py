"""0.2.0 is replaced by this version while clients write and read: nothing fails and nothing is lost."""

import contextlib
import itertools
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from letta_client import APIError, Letta
from packages import need
from processes import ROOT, start, stop
from serve import HOST, answers, free_port

from tests.deploy.proxies import GUIDE, replaced
from tests.faults.load import Load
from tests.faults.looking import looked
from tests.faults.servers import Server, served
from tests.scaling.databases import environment_of, eventually
from tests.upkeep.databases import empty_database
from tests.upkeep.old_code import code_of_0_2_0, manage

pytestmark = pytest.mark.prove

# With a session and a key of the old version.
MAKE = """
import json
from django.conf import settings
from django.test import Client
from ade.models import User
from agents.actors import command_actor
from agents.domain.keys import create_key
client = Client()
client.force_login(User.objects.create_user("mara", role="editor"))
actor = command_actor("test")
key = create_key(name="app", scope="manage", actor=actor)
limited = create_key(name="limited", limit_tag="user_1", actor=actor)
cookie = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"
print(json.dumps([key.token, limited.token, cookie]))
"""
# Before the sites of both guides, this proxy divides the requests.
FRONT = """
split_clients $request_id $site {{ {shares} }}
server {{
    listen 127.0.0.1:{port};
    access_log {log} status;
    location / {{
        proxy_pass http://127.0.0.1:$site;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_read_timeout 120s;
    }}
}}
"""
PAGES = ["/agents/", "/tags/", "/users/", "/history/", "/views/"]


class Front:
    """nginx, which passes requests to servers, each as the guide of its version says."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder, self._file = folder, folder / "nginx.conf"
        self._log = folder / "statuses"
        self._sites: list[str] = []

    def add(self, guide: str, server: Server) -> int:
        """Add a site that passes requests to the server; its port."""
        port = free_port()
        shown = guide.split("```nginx\n")[1].split("```")[0]
        fills = {
            r"^ +listen 80;.*\n": f"listen 127.0.0.1:{port};\n",
            r"^ +(listen 443|ssl_certificate).*\n": "",
            r"127.0.0.1:8283": f"127.0.0.1:{server.port}",
        }
        self._sites.append(replaced(shown, fills))
        return port

    @contextlib.contextmanager
    def running(self, site: int) -> Iterator[None]:
        self._write(f"* {site};")
        command = [
            need("nginx"),
            "-p",
            self._folder,
            "-c",
            self._file,
            "-e",
            self._folder / "error",
        ]
        with (self._folder / "nginx.out").open("ab") as output:
            self._program = start(command, output=output)
        try:
            eventually(lambda: answers(self.port))
            yield
        finally:
            stop([self._program])

    def divide(self, shares: str) -> None:
        """Send new requests to these servers, and wait until earlier requests are answered."""
        self._write(shares)
        before = self._workers()
        self._program.send_signal(signal.SIGHUP)
        eventually(lambda: bool(self._workers()) and not self._workers() & before)

    def statuses(self) -> Counter[str]:
        """How often each was answered so far."""
        return Counter(self._log.read_text().split())

    def _workers(self) -> set[int]:
        pid = self._program.pid
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def _write(self, shares: str) -> None:
        folder = self._folder
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        front = FRONT.format(port=self.port, shares=shares, log=self._log)
        self._file.write_text(
            f"daemon off; pid {folder}/nginx.pid; worker_processes 1; events {{}}\n"
            f"http {{ access_log off; log_format status $status; {temporary}\n{''.join(self._sites)}\n{front}\n}}\n"
        )


class Clients:
    """Letta's client with two keys, and a browser; how often each answer came."""

    def __init__(self, address: str, token: str, limited: str, cookie: str) -> None:
        self.seen: Counter[str] = Counter()
        self._over = threading.Event()
        self._jobs = [
            threading.Thread(target=self._letta, args=(address, token)),
            threading.Thread(target=self._letta, args=(address, limited)),
            threading.Thread(target=self._browser, args=(address, cookie)),
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        for job in self._jobs:
            job.start()
        try:
            yield
        finally:
            self._over.set()
            for job in self._jobs:
                job.join()

    def _letta(self, address: str, token: str) -> None:
        client = Letta(base_url=address, api_key=token, timeout=60)
        while not self._over.wait(0.05):
            try:
                made = client.agents.create(model="a/b", embedding="a/b", tags=["user_1"])
                client.agents.update(made.id, name="Nova")
                client.agents.retrieve(made.id)
                found = list(client.agents.list(tags=["user_1"], limit=20))
                assert made.id in {agent.id for agent in found}
                client.agents.delete(made.id)
                self.seen["letta: well"] += 1
            except (APIError, AssertionError) as error:
                self.seen[f"letta: {error!r}"[:300]] += 1

    def _browser(self, address: str, cookie: str) -> None:
        with httpx.Client(base_url=address, headers={"Cookie": cookie}, timeout=60) as client:
            for page in itertools.cycle(PAGES):
                if self._over.wait(0.05):
                    return
                try:
                    status = str(client.get(page).status_code)
                except httpx.HTTPError as error:
                    status = repr(error)
                self.seen["page: well" if status == "200" else f"{page}: {status}"] += 1


def test_0_2_0_is_replaced_under_load(tmp_path: Path) -> None:
    code, front = code_of_0_2_0(tmp_path), Front(tmp_path)
    with empty_database(tmp_path) as url, contextlib.ExitStack() as stack:
        environment = environment_of(
            [], DATABASE_URL=url, BEHIND_PROXY="true", STATIC_ROOT=str(tmp_path / "static")
        )
        manage(code, "migrate", "-v0", environment=environment)
        manage(code, "collectstatic", "--no-input", "-v0", environment=environment)
        made = json.loads(manage(code, "shell", "-v0", "-c", MAKE, environment=environment))
        old = stack.enter_context(served(environment, tmp_path, code))
        before = front.add((code / "docs/deploy.md").read_text("utf-8"), old)
        stack.enter_context(front.running(before))
        address = f"http://{HOST}:{front.port}"
        load, clients = Load([address], made[0]), Clients(address, *made)
        with load.running(), clients.running():
            load.goes_on()
            begun = time.monotonic()
            manage(ROOT, "migrate", "-v0", environment=environment)
            migrated = time.monotonic() - begun
            load.goes_on()
            manage(ROOT, "collectstatic", "--no-input", "-v0", environment=environment)
            new = stack.enter_context(served(environment, tmp_path))
            after = front.add(GUIDE, new)
            front.divide(f"50% {before}; * {after};")
            load.goes_on(writes=20)
            front.divide(f"* {after};")
            old.stop()
            load.goes_on()
        statuses = front.statuses()
        print(f"migrated in {migrated:.1f} s; {dict(statuses)}; {dict(clients.seen)}")
        assert set(statuses) <= {"200", "201", "204", "404"}
        assert {one.status for one in load.wrote} <= {200, 404}
        assert ({status for _, status in load.read}, load.torn) == ({200}, [])
        assert set(clients.seen) == {"letta: well", "page: well"}
        fixed = manage(ROOT, "recount", "--fix", environment=environment)
        print(fixed, looked(environment, load.ledger()))
