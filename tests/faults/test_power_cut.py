"""What a power cut can take from SQLite: the newest writes, never a part of one.

With `synchronous=NORMAL` the end of the write-ahead log may not have reached the disk. So the log is
cut at many places, and torn there, and each time what is left is opened.
"""

import random
import shutil
from pathlib import Path

import pytest
from django.db import connection

from agents.domain.tags.edit import change_tags
from agents.models import Agent
from tests.helpers import ROOT, make_agent
from tests.upkeep.databases import empty_database, inside, manage
from tests.upkeep.test_backup_under_load import require_consistent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_sqlite]

AGENTS, CUTS = 10, 24  # few enough that nothing is moved from the log to the database yet
FRAME, HEADER = 4096 + 24, 32  # bytes of a page in the log, and of the log's own beginning


def write_some() -> None:
    for number in range(AGENTS):
        agent = make_agent(name=str(number), tags=["all", f"user_{number}"])
        change_tags(agent_id=agent.public_id, add=[f"{number}", f"{number}b"], actor=ROOT)


def left(url: str) -> list[str]:
    """The names of the agents in the order of their writes; all that is there adds up."""
    with inside(url):
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            assert cursor.fetchall() == [("ok",)]
        require_consistent()
        agents = Agent.objects.order_by("seq").values_list("name", "tag_count")
        # Two writes each, of two tags each: only of the newest may the second be gone.
        assert {count for _, count in agents[: max(0, len(agents) - 1)]} <= {4}
        return [name for name, _ in agents]


def test_a_cut_log_loses_the_newest_writes_only(tmp_path: Path) -> None:
    dice = random.Random(1)
    with empty_database(tmp_path) as url:
        assert manage(url, "migrate", "-v0").returncode == 0
        path = Path(url.removeprefix("sqlite:///"))
        with inside(url):
            write_some()
            for name in (path.name, f"{path.name}-wal"):
                shutil.copy(path.parent / name, tmp_path / f"left-{name}")
    log = tmp_path / f"left-{path.name}-wal"
    frames = (log.stat().st_size - HEADER) // FRAME
    cuts = sorted({0, frames, *(dice.randrange(frames) for _ in range(CUTS))})
    found = []
    for cut in cuts:
        copy = tmp_path / f"cut-{cut}.sqlite3"
        shutil.copy(tmp_path / f"left-{path.name}", copy)
        whole = log.read_bytes()[: HEADER + cut * FRAME]
        Path(f"{copy}-wal").write_bytes(whole + dice.randbytes(dice.randrange(FRAME)))
        found.append(left(f"sqlite:///{copy}"))
    everything = [str(number) for number in range(AGENTS)]
    assert found == [everything[: len(names)] for names in found]
    assert [len(names) for names in found] == sorted(len(names) for names in found)
    assert (found[0], found[-1]) == ([], everything)
