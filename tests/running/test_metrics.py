"""/metrics: who may read it, what it says, and that it is right with several processes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from django.test import Client
from processes import ROOT

from agents.domain.tags.edit import change_tags
from tests.accounts.people import sign_in
from tests.api.calls import call, make_token
from tests.helpers import ROOT as ACTOR
from tests.helpers import make_agent, make_user

pytestmark = pytest.mark.only_sqlite  # the database plays no part

OUTSIDE = {"REMOTE_ADDR": "192.0.2.7"}


def values(text: str) -> dict[str, float]:
    """Each sample by its name and labels."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def read(**extra: str) -> dict[str, float]:
    response = Client(headers={"Host": "localhost"}).get("/metrics", **extra)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    return values(response.content.decode())


# --- Who ------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "full", "scope": "manage"}, 200),
        ({"name": "write", "scope": "write"}, 403),
        ({"name": "read", "scope": "read"}, 403),
        ({"name": "limited", "limit_tag": "user_1"}, 403),
    ],
    ids=["manage", "write", "read", "limited"],
)
def test_key(fields: dict[str, str], status: int) -> None:
    client = Client(headers={"Authorization": f"Bearer {make_token(**fields)}"})
    assert client.get("/metrics", **OUTSIDE).status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "extra"),
    [
        ({}, OUTSIDE),
        ({"Authorization": "Bearer ade_wrong"}, OUTSIDE),
        ({"X-Forwarded-For": "127.0.0.1"}, {}),
        ({"Forwarded": "for=127.0.0.1"}, {}),
        ({"X-Real-IP": "127.0.0.1"}, {}),
        ({"Host": "ade.example.org"}, {}),
        ({"Host": "localhost", "Origin": "https://evil.example"}, {}),
    ],
    ids=["outside", "wrong key", "forwarded for", "forwarded", "real ip", "other host", "origin"],
)
def test_nobody_else(headers: dict[str, str], extra: dict[str, str]) -> None:
    headers = {"Host": "localhost"} | headers
    response = Client(headers=headers).get("/metrics", **extra)
    assert (response.status_code, response.json()) == (
        401,
        {"detail": "Unauthorized", "code": "unauthorized"},
    )


@pytest.mark.django_db
def test_a_session_opens_it_not() -> None:
    client = Client()
    client.force_login(make_user(role="admin"))
    assert client.get("/metrics", **OUTSIDE).status_code == 401


# --- What -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_requests_are_counted_by_route_and_never_by_what_someone_chose() -> None:
    agent = make_agent(tags=["user_chosen"])
    token = make_token(name="app")
    sample = (
        'ade_http_request_seconds_count{method="GET",route="/v1/agents/<agent_id>",status="2xx"}'
    )
    before = read().get(sample, 0)
    for _ in range(3):
        call("GET", f"/v1/agents/{agent.public_id}?x=user_chosen", token=token)
    call("GET", "/v1/agents/chosen-by-someone", token=token)
    Client().generic("CHOSEN", "/chosen-path")
    Client().get("/chosen-path/other")
    text = Client(headers={"Host": "localhost"}).get("/metrics").content.decode()
    assert values(text)[sample] - before == 3
    assert "chosen" not in text.lower()
    assert agent.public_id not in text
    assert 'method="other",route="none"' in text


@pytest.mark.django_db
def test_sign_ins_are_counted() -> None:
    make_user("mara")
    before = read()
    sign_in("mara")
    Client().post("/accounts/login/", {"login": "mara", "password": "wrong"})
    after = read()
    for result in ("done", "failed"):
        sample = f'ade_sign_ins_total{{result="{result}"}}'
        assert (result, after[sample] - before.get(sample, 0)) == (result, 1)


@pytest.mark.django_db
def test_changes_of_tags_are_counted_once_they_hold(
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    agent = make_agent(tags=["a"])
    before = read()
    with django_capture_on_commit_callbacks(execute=True):
        change_tags(agent_id=agent.public_id, add=["b", "c"], remove=["a"], actor=ACTOR)
    after = read()
    for op, number in (("add", 2), ("remove", 1)):
        sample = f'ade_tag_changes_total{{op="{op}",source="command"}}'
        assert (op, after[sample] - before.get(sample, 0)) == (op, number)


@pytest.mark.django_db
def test_what_runs_and_what_waits_is_told() -> None:
    told = read()
    (build,) = [name for name in told if name.startswith("ade_build_info")]
    assert re.search(r'database="(sqlite|postgresql)"', build)
    assert (told["ade_db_up"], told["ade_tasks_waiting"], told["ade_bulk_changes_running"]) == (
        1,
        0,
        0,
    )


# --- Several processes ----------------------------------------------------------------------


@pytest.mark.whole
def test_two_workers_add_up_and_a_respawned_one_goes_on(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    address = serve(RUN_DIR=str(folder))
    sample = 'ade_http_request_seconds_count{method="GET",route="/readyz",status="2xx"}'

    def count() -> float:
        return values(httpx.get(f"{address}/metrics", timeout=60).text).get(sample, 0)

    def ask(times: int) -> None:
        for _ in range(times):  # a connection each, so that both workers get some
            assert httpx.get(f"{address}/readyz", timeout=60).status_code == 200

    before = count()
    ask(60)
    assert count() == before + 60
    places = sorted(path.name for path in folder.glob("place-*"))
    assert places == ["place-0", "place-1"]
    os.kill(_holder(folder / "place-0"), signal.SIGKILL)
    while True:  # until it is back
        try:
            ask(1)
            if _holder(folder / "place-0"):
                break
        except (httpx.TransportError, LookupError):
            pass
    assert count() > before + 60  # nothing is forgotten
    before = count()
    ask(40)
    assert count() == before + 40
    assert sorted(path.name for path in folder.glob("place-*")) == places


def _holder(lock: Path) -> int:
    """The process that holds the lock. Raises LookupError if none does."""
    inode = str(lock.stat().st_ino)
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].split(":")[2] == inode:
            return int(fields[4])
    raise LookupError(lock)


def test_a_folder_for_the_processes_of_one_parent(tmp_path: Path) -> None:
    """Without RUN_DIR: made private, found by siblings, and swept once the parent is gone."""
    dead = tmp_path / f"ade-{os.getuid()}-4194303"
    dead.mkdir(mode=0o700)
    script = (
        "from ade import wsgi; from ade.ops import runtime_folder; print(runtime_folder.folder())"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "ade.settings"}
    environment |= {"DATABASE_URL": "sqlite://:memory:", "SECRET_KEY": "x" * 50, "DEBUG": "false"}
    (tmp_path / "static").mkdir()
    environment |= {"STATIC_ROOT": str(tmp_path / "static"), "DEBUG": "true"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    folder = Path(done.stdout.strip() or done.stderr)
    assert folder == tmp_path / f"ade-{os.getuid()}-{os.getpid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not dead.exists()
