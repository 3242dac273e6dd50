"""Random edits in ADE and at its sources, while each part is killed in turn: both sides end equal.

SOURCE_EDITS (1,000) edits of tags and fields, at a real App Server and, if ADE_LETTA_URL names one, at a
real Letta 0.16. The worker, the web server, the sources and the database are killed by SIGKILL.
"""

import itertools
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import connection

from tests.app_server import AppServer
from tests.faults.databases import Made, a_database, made
from tests.faults.looking import looked
from tests.faults.outside import (
    FAILURES,
    Outside,
    OutsideAppServer,
    OutsideLetta,
    cleared,
    retag,
)
from tests.faults.servers import Server, kill, served
from tests.net.scripted import relay
from tests.scaling.databases import Database, eventually, manage, replicated, url_of

pytestmark = pytest.mark.prove

EDITS = int(os.environ.get("SOURCE_EDITS", "1000"))
SEED = int(os.environ.get("SOURCE_SEED", "0")) or random.randrange(1, 10**6)
AGENTS = 12  # at each source: fewer than the 20 whose owners may not all change at once
ROUNDS = 2  # how often each part is killed
# Tags that only ADE writes, that only others write, and that both write.
HERE = [f"here {number}" for number in range(4)]
THERE = [f"there {number}" for number in range(4)]
BOTH = ["user_1", "user_2", "both 1", "both 2"]
# The share of edits made at a server that ADE may write over: see docs/operate/sources.md.
MAY_BE_LOST = 0.02
SETTINGS = {
    "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8",
    "SOURCE_KEYS": "a-key-for-the-tokens-of-the-sources",
    "SOURCE_POLL_SECONDS": "0.5",
}
LAST = """
import json
from agents.models import Change
rows = Change.objects.filter(op__in=("add", "remove"), agent_id__isnull=False).order_by("id")
rows = rows.values_list("agent_id", "tag", "op", "change_set__source")
print(json.dumps([[agent, tag, [op, source]] for agent, tag, op, source in rows]))
"""

State = dict[tuple[str, str], object]  # by agent, and tag or field


@dataclass
class Edits:
    """What one thread wrote: the newest state that was answered, and where an answer is missing."""

    state: State = field(default_factory=dict)
    unsure: set[tuple[str, str]] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)

    def note(self, agent_id: str, what: str, value: object, *, answered: bool) -> None:
        key = agent_id, what
        if answered:
            self.state[key] = value
            self.unsure.discard(key)
        else:
            self.unsure.add(key)
        self.done["answered" if answered else "unknown"] += 1


class Here:
    """A person who edits agents in ADE."""

    def __init__(self, address: str, token: str, ids: list[str], seed: int) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=30)
        self._ids, self._random, self.edits = ids, random.Random(seed), Edits()

    def step(self) -> None:
        agent_id, tag = self._random.choice(self._ids), self._random.choice([*HERE, *BOTH])
        url = f"/v1/agents/{agent_id}"
        if self._random.random() < 0.2:
            text = f"described {self._random.random()}"
            answered = self._send("PATCH", url, {"description": text})
            self.edits.note(agent_id, "description", text, answered=answered)
            return
        adds = self._random.random() < 0.5
        body = {"add": [tag]} if adds else {"remove": [tag]}
        answered = self._send("POST", f"{url}/tags", body)
        self.edits.note(agent_id, tag, adds, answered=answered)

    def _send(self, method: str, url: str, body: dict[str, Any]) -> bool:
        try:
            answer = self._http.request(method, url, json=body)
        except httpx.HTTPError:
            return False
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200


class There:
    """A program that edits agents at a server."""

    def __init__(self, outside: Outside, ids: list[str], seed: int) -> None:
        self._outside, self._ids = outside, ids
        self._random, self.edits = random.Random(seed), Edits()

    def step(self) -> None:
        agent_id, tag = self._random.choice(self._ids), self._random.choice([*THERE, *BOTH])
        if self._random.random() < 0.2:
            name = f"named {self._random.random()}"
            answered = self._try(lambda: self._outside.update(agent_id, name=name))
            self.edits.note(agent_id, "name", name, answered=answered)
            return
        adds = self._random.random() < 0.5
        change = {"add": tag} if adds else {"remove": tag}
        answered = self._try(lambda: retag(self._outside, agent_id, **change))
        self.edits.note(agent_id, tag, adds, answered=answered)

    def _try(self, do: Callable[[], bool | None]) -> bool:
        try:
            return do() is not False
        except FAILURES:
            return False


@contextmanager
def editing(editors: list[Here | There]) -> Iterator[None]:
    """Let all of them edit in threads. An error in one of them fails the test."""
    over, errors = threading.Event(), []

    def work(editor: Here | There) -> None:
        try:
            while not over.wait(0.05):
                editor.step()
        except Exception as error:  # noqa: BLE001  # raised again below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(one,)) for one in editors]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert errors == []


@contextmanager
def a_place(folder: Path) -> Iterator[tuple[Made, Database | None]]:
    """A migrated database; on PostgreSQL a server of its own, which can be killed."""
    if connection.vendor == "sqlite":
        with a_database(folder, **SETTINGS) as there:
            yield there, None
        return
    with replicated() as (database,):
        yield made(url_of([database]), **SETTINGS), database


@contextmanager
def outsides(app_server: AppServer) -> Iterator[list[tuple[Outside, list[str]]]]:
    """The sources, and what `source add` needs for each."""
    with ExitStack() as stack:
        token = app_server.folder / "token"
        found: list[tuple[Outside, list[str]]] = [
            (OutsideAppServer(app_server), [app_server.url, "--token-file", str(token)])
        ]
        if url := os.environ.get("ADE_LETTA_URL"):
            address, opened = stack.enter_context(relay(url))
            letta = OutsideLetta(url, f"run:{uuid4().hex[:12]}", opened)
            stack.enter_context(cleared(letta))
            found.append((letta, [address, "--tag", letta.mark]))
        yield found


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        kill(pid)


def faults(server: Server, database: Database | None, sources: list[Outside]) -> dict[str, Any]:
    """What can be killed, by name."""

    def everything() -> None:
        server.kill()
        server.start()

    def restart_database() -> None:
        assert database is not None
        database.stop(signal.SIGKILL)
        database.start()

    found: dict[str, Callable[[], None]] = {
        "worker": lambda: kill_all(server.workers()),
        "web process": lambda: kill(server.web_processes()[0]),
        "everything": everything,
        **{source.name: source.interrupt for source in sources},
    }
    return found | ({"database": restart_database} if database else {})


def test_both_sides_end_equal(app_server: AppServer, tmp_path: Path) -> None:
    print(f"SOURCE_SEED={SEED}")
    OutsideAppServer(app_server).delete_all()  # what other tests left there
    with (
        outsides(app_server) as connected,
        a_place(tmp_path) as (place, database),
        served(place.environment, tmp_path) as server,
    ):
        sources = [outside for outside, _ in connected]
        ids = {
            outside.name: [outside.make(f"Agent {n}", ["user_1"]) for n in range(AGENTS)]
            for outside in sources
        }
        for outside, more in connected:
            manage("source", "add", outside.name, *more, environment=place.environment)
        asking = ADE(server.address, place.token)
        eventually(lambda: sorted(asking.agents()) == sorted(itertools.chain(*ids.values())))
        editors = run(server, database, sources, ids, place.token)
        settled = eventually(lambda: asking.is_settled(sources), seconds=180)
        print(f"in step {settled:.1f} s after the last edit; {asking.numbers()}")
        judge(asking, editors, place)
        looked(place.environment, [])
        for outside in sources:
            outside.close()


def run(
    server: Server,
    database: Database | None,
    sources: list[Outside],
    ids: dict[str, list[str]],
    token: str,
) -> list[Here | There]:
    """Edit until EDITS are answered, and kill each part in turn meanwhile."""
    every = list(itertools.chain(*ids.values()))
    editors: list[Here | There] = [
        Here(server.address, token, every[half::2], SEED + half) for half in (0, 1)
    ]
    editors += [
        There(outside.another(), ids[outside.name], SEED + 10 + number)
        for number, outside in enumerate(sources)
    ]
    parts = faults(server, database, sources)
    step = EDITS // (ROUNDS * len(parts) + 1)

    def answered() -> int:
        return sum(editor.edits.done["answered"] for editor in editors)

    begun = time.monotonic()
    with editing(editors):
        for name, break_it in list(parts.items()) * ROUNDS:
            goal = answered() + step
            eventually(lambda goal=goal: answered() >= goal, seconds=300)  # type: ignore[misc]
            break_it()
            print(f"{time.monotonic() - begun:.1f} s: killed {name} after {answered()} edits")
        eventually(lambda: answered() >= EDITS, seconds=300)
    unknown = sum(editor.edits.done["unknown"] for editor in editors)
    print(f"{answered()} edits answered, {unknown} not, in {time.monotonic() - begun:.0f} s")
    return editors


class ADE:
    """What ADE says."""

    def __init__(self, address: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=60)

    def agents(self) -> dict[str, dict[str, Any]]:
        answer = self._http.get("/v1/agents/", params={"limit": 1000})
        return {agent["id"]: agent for agent in answer.raise_for_status().json()}

    def sources(self) -> list[dict[str, Any]]:
        return list(self._http.get("/v1/sources/").raise_for_status().json())

    def numbers(self) -> dict[str, dict[str, int]]:
        names = ("waiting", "lost_updates", "open_questions", "refused")
        return {source["name"]: {n: source[n] for n in names} for source in self.sources()}

    def is_settled(self, outsides: list[Outside]) -> bool:
        """True if nothing waits and both sides are equal."""
        if any(s["waiting"] or s["state"] != "in_step" for s in self.sources()):
            return False
        here = {agent_id: _facts(agent) for agent_id, agent in self.agents().items()}
        there: dict[str, object] = {}
        try:
            for outside in outsides:
                there |= {agent_id: _facts(agent) for agent_id, agent in outside.agents().items()}
        except FAILURES:  # the connection is older than the last fault
            return False
        return here == there


def _facts(agent: dict[str, Any]) -> tuple[object, ...]:
    return agent["name"], agent["description"] or "", sorted(agent["tags"])


def judge(asking: ADE, editors: list[Here | There], place: Made) -> None:
    """Nothing that was answered is lost, but for what another program wrote over: history says so."""
    rows = json.loads(manage("shell", "-v0", "-c", LAST, environment=place.environment))
    last = {(agent, tag): fact for agent, tag, fact in rows}
    agents = asking.agents()
    lost: Counter[str] = Counter()
    for editor in editors:
        own = {*HERE, "description"} if isinstance(editor, Here) else {*THERE, "name"}
        for (agent_id, what), value in editor.edits.state.items():
            if what not in own or (agent_id, what) in editor.edits.unsure:
                continue
            agent = agents[agent_id]
            now = agent[what] if what in ("name", "description") else what in agent["tags"]
            if now == value:
                continue
            if isinstance(editor, There):
                lost["edits there that ADE wrote over"] += 1
                continue
            op = "add" if now else "remove"
            assert last[agent_id, what] == [op, "seen"], (agent_id, what, value)
            lost["edits here that others wrote over"] += 1
    edits = sum(editor.edits.done["answered"] for editor in editors if isinstance(editor, There))
    print(f"lost: {dict(lost)} of {edits} edits there")
    assert lost["edits there that ADE wrote over"] <= max(2, MAY_BE_LOST * edits)
