"""A tag on very many agents of a source renamed, merged, deleted, off-boarded, bulk-changed and undone.

With SOURCE_AGENTS (1,000) agents at a real App Server. Meanwhile another program writes tags there, the
source is read whole, and worker, source and database are killed. Single edits must not wait.
"""

import base64
import json
import os
import random
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.app_server import MODEL, AppServer, Model
from tests.faults.looking import looked
from tests.faults.outside import FAILURES, OutsideAppServer, retag
from tests.faults.servers import Server, kill, served
from tests.faults.test_sources_killed import a_place
from tests.scaling.databases import Database, eventually, manage

pytestmark = pytest.mark.prove

AGENTS = int(os.environ.get("SOURCE_AGENTS", "1000"))
LONGEST = 120 + AGENTS / 5  # seconds until a change of all agents is at the source
SOON = 2.0  # seconds until a single edit is there, in the median
FEW = 10  # agents that may wait because of single edits
AFTER_A_FAULT = 15.0  # seconds in which nobody counts how long a single edit takes
SEEDED = ["user_old", "team", "role:support"]


def seed(backend: Path) -> list[str]:
    """Write agents into the folder of an App Server that is not running; return their ids."""
    folder = backend / "agents"
    folder.mkdir(parents=True)
    ids = [f"agent-local-{uuid4()}" for _ in range(AGENTS)]
    for number, agent_id in enumerate(ids):
        agent = {
            "id": agent_id, "name": f"Agent {number}", "description": None, "system": "S" * 1000,
            "tags": [*SEEDED, *(["user_new"] if number == 0 else [])], "model": MODEL, "model_settings": {},
        }  # fmt: skip
        name = base64.urlsafe_b64encode(agent_id.encode()).decode().rstrip("=")
        (folder / f"{name}.json").write_text(json.dumps(agent))
    return ids


@contextmanager
def seeded(program: Path, folder: Path) -> Iterator[tuple[AppServer, list[str]]]:
    """An App Server of this test alone, with AGENTS agents."""
    model = Model()
    server = AppServer(program, folder, model)
    try:
        ids = seed(server.backend)
        server.start()
        yield server, ids
    finally:
        server.stop()
        model.close()


@dataclass
class Beside:
    """What goes on beside the changes of all agents: single edits in ADE, and another program there."""

    here: httpx.Client
    server: AppServer
    ids: list[str]
    took: list[tuple[float, float]] = field(default_factory=list)  # begun, seconds
    faults: list[float] = field(default_factory=list)
    written: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        threads = [threading.Thread(target=job) for job in (self._edit, self._write)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def undisturbed(self) -> list[float]:
        """How long single edits took, but for those near a fault."""
        return [
            seconds
            for begun, seconds in self.took
            if all(begun + seconds < at or begun > at + AFTER_A_FAULT for at in self.faults)
        ]

    def _edit(self) -> None:
        there, number = OutsideAppServer(self.server), 0
        while not self._over.wait(0.3):
            agent_id, number = random.choice(self.ids), number + 1
            tag, begun = f"one {number}", time.monotonic()
            try:
                answer = self.here.post(f"/v1/agents/{agent_id}/tags", json={"add": [tag]})
            except httpx.HTTPError:
                continue
            while answer.status_code == 200 and not self._over.is_set():
                try:
                    if tag in there.agent(agent_id)["tags"]:
                        self.took.append((begun, time.monotonic() - begun))
                        break
                except FAILURES:
                    pass
                time.sleep(0.02)  # between looks at the server, which tells nobody of a change
        there.close()

    def _write(self) -> None:
        there = OutsideAppServer(self.server)
        while not self._over.wait(0.2):
            try:
                retag(there, random.choice(self.ids), add=f"out {random.randrange(5)}")
                self.written += 1
            except FAILURES:
                continue
        there.close()


class Changes:
    """Changes of the whole tag, each awaited until the source has it, with faults in its middle."""

    def __init__(
        self, here: httpx.Client, beside: Beside, faults: list[Callable[[], None]]
    ) -> None:
        self.here, self.beside, self._faults = here, beside, faults
        self._there = OutsideAppServer(beside.server)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.here.post(path, json=body)
        assert answer.status_code in (200, 202), answer.text
        return dict(answer.json())

    def make(self, what: str, begun: dict[str, Any]) -> dict[str, Any]:
        """Wait for a change that has begun; kill something and read the whole source meanwhile."""
        start = time.monotonic()
        eventually(lambda: self._waiting() > AGENTS / 4 or self._is_done(begun), seconds=LONGEST)
        self.post("/v1/sources/1/sync")
        self.beside.faults.append(time.monotonic())
        fault = self._faults[len(self.beside.faults) % len(self._faults)]
        fault()
        # Single edits go on, so that some agent always waits.
        eventually(lambda: self._is_done(begun) and self._waiting() < FEW, seconds=LONGEST)
        print(f"{what}: {time.monotonic() - start:.0f} s, with {fault.__name__}")
        return begun

    def require(self, *, gone: list[str], everywhere: list[str]) -> None:
        """No agent has the one kind of tags and all have the other, here and there."""
        numbers = dict.fromkeys(gone, 0) | dict.fromkeys(everywhere, AGENTS)
        wrong: dict[str, tuple[int, int]] = {}

        def is_so() -> bool:
            there = self._all_there()
            having = {tag: sum(tag in agent["tags"] for agent in there) for tag in numbers}
            found = {tag: (having[tag], self._count(tag)) for tag in numbers}
            wrong.clear()
            wrong.update({t: both for t, both in found.items() if set(both) != {numbers[t]}})
            return not wrong

        try:
            eventually(is_so, seconds=60)
        except AssertionError as error:
            raise AssertionError(f"there and here: {wrong}") from error

    def _all_there(self) -> list[dict[str, Any]]:
        try:
            return list(self._there.agents().values())
        except FAILURES:  # the connection is older than the last fault
            return list(self._there.agents().values())

    def _count(self, tag: str) -> int:
        return int(self._get("/v1/agents/count", tags=tag).text)

    def _get(self, path: str, **params: str) -> httpx.Response:
        found: list[httpx.Response] = []

        def answered() -> bool:  # ADE is being killed meanwhile
            try:
                found.append(self.here.get(path, params=params))
            except httpx.HTTPError:
                return False
            return found[-1].status_code == 200

        eventually(answered)
        return found[-1]

    def _waiting(self) -> int:
        return int(self._get("/v1/sources/1").json()["waiting"])

    def _is_done(self, begun: dict[str, Any]) -> bool:
        plan = begun.get("id") if "state" in begun else None
        marked = all(not change["left"] for change in self._get("/v1/sources/1").json()["changes"])
        return marked and (plan is None or self._get(f"/v1/bulk/{plan}").json()["state"] == "done")


def faults_of(
    server: Server, app_server: AppServer, database: Database | None
) -> list[Callable[[], None]]:
    def worker_killed() -> None:
        for pid in server.workers():
            kill(pid)

    def source_killed() -> None:
        app_server.kill()
        app_server.start()

    def everything_killed() -> None:
        server.kill()
        server.start()

    def database_killed() -> None:
        assert database is not None
        database.stop(signal.SIGKILL)
        database.start()

    found = [worker_killed, source_killed, everything_killed]
    return [*found, database_killed] if database else found


def test_no_old_name_comes_back(app_server_package: Path, tmp_path: Path) -> None:
    program = app_server_package.parents[3] / "bin/letta"
    with (
        seeded(program, tmp_path / "app") as (app_server, ids),
        a_place(tmp_path) as (place, database),
    ):
        settings = {"WHOLE_TAG_AT_ONCE": str(AGENTS // 4)}
        with served(place.environment | settings, tmp_path) as server:
            token = str(app_server.folder / "token")
            begun = time.monotonic()
            manage(
                *("source", "add", "app", app_server.url, "--token-file", token),
                environment=place.environment,
            )
            headers = {"Authorization": f"Bearer {place.token}"}
            with httpx.Client(base_url=server.address, headers=headers, timeout=60) as here:
                eventually(lambda: here.get("/v1/agents/count").text == str(AGENTS), seconds=300)
                print(f"first sync of {AGENTS:,} agents: {time.monotonic() - begun:.0f} s")
                beside = Beside(here, app_server, ids)
                changes = Changes(here, beside, faults_of(server, app_server, database))
                with beside.going_on():
                    change_all(changes)
                inbox = here.get("/v1/sources/inbox").json()
                source = here.get("/v1/sources/1").json()
            took = beside.undisturbed()
            print(
                f"{len(took)} single edits: median {statistics.median(took):.2f} s, longest "
                f"{max(took):.2f} s; {beside.written} writes of another program; lost updates "
                f"{source['lost_updates']}; inbox {[(q['kind'], q['tag']) for q in inbox]}"
            )
            assert statistics.median(took) <= SOON
        looked(place.environment, [])  # the worker has stopped, so nothing comes in meanwhile


def change_all(changes: Changes) -> None:
    renamed = changes.post("/v1/tags/rename", name="user_old", new="user_mid", apply=True)
    changes.make("rename", renamed)
    changes.require(gone=["user_old"], everywhere=["user_mid", "team"])
    merged = changes.post("/v1/users/move", name="user_mid", to="user_new", apply=True)
    changes.make("move", merged)
    changes.require(gone=["user_old", "user_mid"], everywhere=["user_new"])
    undone = changes.post(f"/v1/bulk/{merged['id']}/undo")
    changes.make("undo of the move", undone)
    changes.require(gone=["user_old"], everywhere=["user_mid"])
    wanted = {"filter": {}, "op": "add", "add": ["bulk"]}
    plan = changes.post("/v1/bulk/", **wanted)
    changes.make("bulk", changes.post(f"/v1/bulk/{plan['id']}/apply"))
    changes.require(gone=["user_old"], everywhere=["bulk", "user_mid"])
    deleted = changes.post("/v1/tags/delete", name="team", apply=True)
    changes.make("delete", deleted)
    changes.require(gone=["team", "user_old"], everywhere=["bulk", "user_mid"])
    left = changes.post("/v1/users/offboard", name="user_mid", how="tag", apply=True)
    changes.make("off-boarding", left)
    changes.require(gone=["user_old", "user_mid", "team"], everywhere=["bulk"])
