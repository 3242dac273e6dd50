"""manage.py import_letta killed at any point and run again: exactly all agents, none twice."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Event, Timer

import pytest
from django.conf import settings

from agents.domain.upkeep import recount
from agents.models import Agent
from tests.commands.letta_source import (
    Ade,
    Call,
    Reply,
    copied,
    fake_server,
    new_database,
    passed_on,
)
from tests.helpers import others_are_done


def there(source: Ade) -> dict[str, tuple[str, datetime, list[str]]]:
    """What the second ADE has of each agent."""
    return {
        one["id"]: (one["name"], datetime.fromisoformat(one["created_at"]), sorted(one["tags"]))
        for one in source.agents()
    }


def make_herd(serve: Callable[..., str], folder: Path, agents: int) -> Ade:
    path = new_database(folder, agents=agents)
    return Ade(serve(DATABASE_URL=f"sqlite:///{path}", API_OPEN="true"))


@pytest.fixture(scope="module")
def herd(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Ade:
    """A second ADE with 200 agents."""
    return make_herd(serve, tmp_path_factory.mktemp("herd"), 200)


def import_and_kill(source: Ade, database_url: str, *, page: int, delay: float | None) -> str:
    """Run the command in a process that is killed at its sixth page, and then run it again.

    At the boundary before that page, or `delay` seconds after it was given. What the second run
    printed.
    """
    lists, ended = 0, Event()
    killed: list[subprocess.Popen[bytes]] = []

    def answer(call: Call) -> Reply:
        nonlocal lists
        lists += call.path == "/v1/agents/"
        if lists == 6 and killed and delay is None:
            killed.pop().kill()
            return Reply(status=0)
        if lists == 6 and killed and delay is not None:
            Timer(delay, killed.pop().kill).start()
        if lists == 8 and delay is not None:
            ended.wait()  # it never gets to its end before that
        return passed_on(call, source.url)

    command = [sys.executable, "manage.py", "import_letta", "--page-size", str(page)]
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "ade.settings",
    }

    def start(url: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, "--base-url", url],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    with fake_server(answer) as url:
        process = start(url)
        killed.append(process)
        process.communicate()
        ended.set()
        others_are_done()
        count = Agent.objects.count()
        assert (process.returncode, count % page) == (-9, 0)
        assert count == page * 5 if delay is None else count >= page * 5
        output, _ = start(url).communicate()
        return output.decode().replace(url, "URL").replace(f"{count:,} unchanged", "N unchanged")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("delay", [None, 0.02, 0.08])
def test_killed_and_run_again_it_ends_with_exactly_all(
    delay: float | None, herd: Ade, database_url: str
) -> None:
    output = import_and_kill(herd, database_url, page=20, delay=delay)
    assert output.startswith("URL: 200 agents read; ")
    assert output.endswith("updated, N unchanged, 0 skipped.\n")
    assert copied() == there(herd)
    assert Agent.objects.count() == 200
    assert recount.differences() == []


@pytest.mark.prove
@pytest.mark.django_db(transaction=True)
def test_5000_agents_killed_and_run_again(
    serve: Callable[..., str], tmp_path: Path, database_url: str
) -> None:
    herd = make_herd(serve, tmp_path, 5000)
    import_and_kill(herd, database_url, page=400, delay=0.1)
    assert copied() == there(herd)
    assert Agent.objects.count() == 5000
    assert recount.differences() == []
