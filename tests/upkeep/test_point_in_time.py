"""Recovery to a moment, with pgBackRest as docs/operate/deploy.md sets it up: a drill that is timed.

`AGENTS=1000000 make prove ARGS="-k point_in_time -s"` prints the figures for another size.
"""

import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from packages import need
from postgres import Cluster

from tests.upkeep.databases import manage

pytestmark = [pytest.mark.prove, pytest.mark.only_postgres]
AGENTS = int(os.environ.get("AGENTS", "20000"))
CONFIG = """
[global]
repo1-path={folder}/repo
lock-path={folder}/lock
log-level-file=off
spool-path={folder}/spool
start-fast=y
process-max=2
compress-type=lz4

[ade]
pg1-path={folder}/data
pg1-socket-path={folder}
pg1-user=ade
"""


class Archived(Cluster):
    """A cluster whose log is archived by pgBackRest."""

    def __init__(self) -> None:
        super().__init__()
        self.config = self.folder / "pgbackrest.conf"
        self.config.write_text(CONFIG.format(folder=self.folder))
        self._settings = self._settings | {
            "wal_level": "replica",
            "archive_mode": "on",
            "archive_command": f"{need('pgbackrest')} --config={self.config} --stanza=ade archive-push %p",
            "full_page_writes": "on",
        }

    def pgbackrest(self, *arguments: str) -> float:
        """Run it as the user who owns the data; the seconds that it took."""
        began = time.monotonic()
        subprocess.run(
            [need("pgbackrest"), f"--config={self.config}", "--stanza=ade", *arguments],
            check=True,
            cwd="/",
            user=self._user,
            group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
        )
        return time.monotonic() - began


@pytest.fixture
def archived() -> Iterator[Archived]:
    made = Archived()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def ask(cluster: Cluster, statement: str) -> str:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return str(cursor.fetchone()[0]) if cursor.description else ""


def archive_all(cluster: Cluster) -> None:
    """Wait until what is written so far is in the archive."""
    segment = ask(cluster, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    ask(cluster, "SELECT pg_switch_wal()")
    deadline = time.monotonic() + 120
    while ask(cluster, "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") < segment:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_back_to_the_moment_before_a_mistake(archived: Archived, tmp_path: Path) -> None:
    manage(archived.url, "migrate", "--verbosity=0").check_returncode()
    archived.pgbackrest("stanza-create")
    archived.pgbackrest("check")
    manage(archived.url, "bench_data", "--agents", str(AGENTS)).check_returncode()
    backup = archived.pgbackrest("backup", "--type=full")
    manage(archived.url, "note_backup").check_returncode()
    manage(archived.url, "create_api_key", "after the backup").check_returncode()
    size = int(ask(archived, "SELECT pg_database_size('ade')"))
    counted = ask(archived, "SELECT count(*) FROM agents_agenttag")
    moment = ask(archived, "SELECT clock_timestamp()")
    time.sleep(0.1)  # so that the mistake is later by any clock
    ask(archived, "DELETE FROM agents_agenttag")
    archive_all(archived)
    archived.stop()
    restore = archived.pgbackrest(
        "restore", "--delta", "--type=time", f"--target={moment}", "--target-action=promote"
    )
    began = time.monotonic()
    archived.start()
    while ask(archived, "SELECT pg_is_in_recovery()") == "True":
        time.sleep(0.1)
    recovery = time.monotonic() - began
    print(
        f"\n{AGENTS:,} agents, {size / 1e6:,.0f} MB: backup {backup:.1f} s, restore {restore:.1f} s,"
        f" recovery {recovery:.1f} s"
    )
    assert ask(archived, "SELECT count(*) FROM agents_agenttag") == counted != "0"
    assert ask(archived, "SELECT count(*) FROM agents_apikey") == "1"
    done = manage(archived.url, "recount")
    assert (done.returncode, done.stdout) == (0, "All counts are correct.\n")
