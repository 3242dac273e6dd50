"""make run, from a copy of the checkout with nothing in it but what is committed."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from serve import free_port


def processes_in(folder: Path) -> list[str]:
    """The command lines of all processes that run in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            pass  # gone, or not ours
    return found


def nothing_runs_in(folder: Path) -> None:
    """What was killed may take a moment to be gone."""
    deadline = time.monotonic() + 30
    while processes_in(folder):
        assert time.monotonic() < deadline, processes_in(folder)
        time.sleep(0.05)


KEPT_OUT = ("DATABASE_URL", "SECRET_KEY", "DEBUG", "DJANGO_SETTINGS_MODULE")


def own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in KEPT_OUT}


def command(checkout: Path, *arguments: str) -> str:
    """What a command of manage.py writes, as whoever just ran `make run` calls it."""
    return subprocess.run(
        [checkout / ".venv/bin/python", "manage.py", *arguments],
        cwd=checkout,
        env=own_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def make_run(checkout: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["make", "--no-print-directory", "-C", checkout, "run"],
        cwd="/",
        env=own_environment() | {"PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a process group of its own, as a terminal would give it
    )


@contextmanager
def running(checkout: Path, port: int, end_with: signal.Signals) -> Iterator[str]:
    """Run it until the address is printed; gives what it printed. Ends it as Ctrl-C or kill do."""
    run = make_run(checkout, port)
    try:
        printed = ""
        while "Ctrl-C stops it" not in printed:
            line = run.stdout.readline()
            assert line, printed
            printed += line
        yield printed
    finally:
        if end_with == signal.SIGINT:
            os.killpg(run.pid, signal.SIGINT)  # a terminal tells the whole group
        else:
            run.send_signal(end_with)
        rest, _ = run.communicate(timeout=120)
    assert "Traceback" not in printed + rest


@pytest.mark.whole
def test_it_serves_keeps_its_data_and_stops_whole(checkout):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    agent = {"model": "openai/gpt-4o", "embedding": None, "tags": ["user_of_this_test"]}

    with running(checkout, port, signal.SIGTERM) as printed:
        assert f"ADE runs at {address}\n" in printed
        assert httpx.get(f"{address}/v1/health/", timeout=60).json()["status"] == "ok"
        made = httpx.post(f"{address}/v1/agents/", json=agent, timeout=60).json()["id"]
        key = command(checkout, "create_api_key", "reader", "--scope", "read").strip()
        # Any other token is as good as none here, and none may do everything.
        asked = httpx.delete(
            f"{address}/v1/agents/{made}", headers={"Authorization": f"Bearer {key}"}, timeout=60
        )
        assert asked.status_code == 403
        second = make_run(checkout, port)
        said, _ = second.communicate(timeout=120)
        assert second.returncode != 0
        assert said.splitlines()[0] == (
            f"Port {port} is in use already: stop what listens there, "
            f"or choose another with PORT={port + 1} make run"
        )
    nothing_runs_in(checkout)

    with running(checkout, port, signal.SIGINT) as printed_again:
        tagged = {"tags": "user_of_this_test"}
        found = httpx.get(f"{address}/v1/agents/", params=tagged, timeout=60).json()
        assert [agent["id"] for agent in found] == [made]
        sign_in = re.compile(r"user \w+, password \w+")
        assert sign_in.search(printed_again)[0] == sign_in.search(printed)[0]
    nothing_runs_in(checkout)
    assert (checkout / "data").stat().st_mode & 0o777 == 0o700
    assert (checkout / "data/secret_key").stat().st_mode & 0o777 == 0o600
