"""`manage.py backup` and `restore`: what goes along, what stays, and what is refused."""

import json
import os
import resource
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django_tasks_db.models import DBTaskResult
from processes import ROOT as REPOSITORY

from ade.backups import LEFT_OUT, archive, postgres
from ade.models import CacheEntry, User
from ade.version import VERSION
from agents.core.filters import AgentFilter
from agents.core.limits import BULK_AT_ONCE
from agents.domain.bulk import run
from agents.domain.bulk.plans import BulkChange, Selection, make_plan
from agents.domain.webhooks.write import create_webhook
from agents.models import Agent, BulkOp, BulkPlan, BulkState, Webhook
from agents.tasks import bulk
from tests.helpers import ROOT, everything, make_agent, make_user
from tests.upkeep.databases import empty_database, inside, manage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A backup of a small database."""
    make_user()
    make_agent(name="Ünïcode ☃", tags=["a, b", " spaces ", "user_1"])
    file = tmp_path / "small.ade"
    call_command("backup", str(file))
    return file


@pytest.fixture
def target(tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    with empty_database(tmp_path) as url:
        yield url


def restored(target: str, file: Path, **options: bool) -> list[str]:
    """The lines that a restore into that database prints."""
    said = StringIO()
    with inside(target):
        call_command("restore", str(file), stdout=said, stderr=said, **options)
    return said.getvalue().splitlines()


def refusal(target: str, file: Path, **options: bool) -> str:
    """The one sentence that a restore is refused with."""
    with inside(target), pytest.raises(CommandError) as refused:
        call_command("restore", str(file), stdout=StringIO(), **options)
    return str(refused.value)


def test_everything_comes_back(file: Path, target: str) -> None:
    before = everything()
    done = manage(target, "restore", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Restored. All counts are correct."
    with inside(target):
        assert everything() == before
        assert User.objects.get().check_password("correct horse")
        make_agent(tags=["user_1"])  # the sequences came along


def test_a_backup_says_what_it_is_and_is_its_owners(file: Path, target: str) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as found:
        assert found.getnames()[0] == "ade-backup.json"
        manifest = json.load(found.extractfile("ade-backup.json"))
    assert (manifest["format"], manifest["database"]) == (1, connection.vendor)
    assert (manifest["rows"]["agents_agent"], manifest["rows"]["ade_user"]) == (1, 1)
    assert "agents.0001_initial" in manifest["migrations"]
    (line,) = restored(target, file, check=True)
    assert line.startswith("Backup of 1 agents, 3 tags and 1 change-sets, ")
    assert line.endswith(". The file is complete.")
    assert not list(file.parent.glob(".*"))


def test_a_backup_goes_to_the_standard_output(
    target: str, database_url: str, tmp_path: Path
) -> None:
    make_agent(tags=["piped"])
    before = everything()
    file = tmp_path / "piped.ade"
    with file.open("wb") as output:
        subprocess.run(
            [*manage_command(), "backup", "-"],
            stdout=output,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"DATABASE_URL": database_url, "SECRET_KEY": "any"},
            check=True,
        )
    assert restored(target, file)[-1] == "Restored. All counts are correct."
    with inside(target):
        assert everything() == before


def test_sessions_and_tasks_stay_behind(target: str, tmp_path: Path) -> None:
    assert {model._meta.db_table for model in (Session, CacheEntry, DBTaskResult)} == set(LEFT_OUT)
    Client().force_login(make_user(role="admin"))
    Client().post("/accounts/login/", {"login": "nobody", "password": "wrong"})
    herd = BULK_AT_ONCE + 3
    call_command("bench_data", agents=herd, shape="loadtest", append=True, verbosity=0)
    create_webhook(url="https://app.example/told", actor=ROOT)
    change = BulkChange(BulkOp.ADD, add=["bulk"])
    plan = make_plan(selection=Selection(AgentFilter()), change=change, actor=ROOT)
    bulk.begin(plan_id=plan.id, actor=ROOT)
    run.step(plan.id)
    assert all([Session.objects.count(), CacheEntry.objects.count(), DBTaskResult.objects.count()])
    file = tmp_path / "running.ade"
    call_command("backup", str(file))
    assert restored(target, file)[1:] == [
        "Stopped bulk changes that were running: 1.",
        "Switched off webhooks: 1. Switch them on when you need them.",
        "Restored. All counts are correct.",
    ]
    with inside(target):
        rows = [Session.objects.count(), CacheEntry.objects.count(), DBTaskResult.objects.count()]
        assert rows == [0, 0, 0]
        assert not Webhook.objects.get().enabled
        plan = BulkPlan.objects.get()
        assert (plan.state, plan.looked) == (BulkState.STOPPED, 100)
        bulk.resume(plan_id=plan.id, actor=ROOT)
        call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
        plan.refresh_from_db()
        assert (plan.state, plan.changed) == (BulkState.DONE, herd)


def test_a_database_that_holds_something_is_kept_unless_told(file: Path, target: str) -> None:
    with inside(target):
        call_command("migrate", verbosity=0)
        make_agent(name="theirs")
    said = refusal(target, file)
    assert said.startswith("The database is not empty (agents_agent, ")
    with inside(target):
        assert Agent.objects.get().name == "theirs"
    assert restored(target, file, overwrite=True)
    with inside(target):
        assert Agent.objects.get().name == "Ünïcode ☃"


def test_a_database_that_is_only_migrated_is_empty(file: Path, target: str) -> None:
    with inside(target):
        call_command("migrate", verbosity=0)
    assert restored(target, file)


@pytest.fixture
def edit(file: Path) -> Callable[..., Path]:
    """Write the backup's manifest anew with other values."""

    def edit(**values: object) -> Path:
        with archive.unpacking(file) as (manifest, _):
            found = {name: getattr(manifest, name) for name in manifest.__slots__}
        text = json.dumps(found | values).encode().ljust(1 << 16)
        with file.open("r+b") as open_file:
            open_file.seek(512)
            open_file.write(text)
        return file

    return edit


def test_a_newer_backup_is_refused(edit: Callable[..., Path], target: str) -> None:
    file = edit(ade="9.1.0", migrations=["agents.0001_initial", "agents.0999_later"])
    assert refusal(target, file) == (
        f"This backup was made by ADE 9.1.0, which is newer than this one ({VERSION}): it has "
        "agents.0999_later. Install that version first."
    )
    assert refusal(target, edit(ade="9.1.0", format=2)) == (
        "This backup has format 2, of another version of ADE (9.1.0); this one reads format 1."
    )


def test_a_backup_of_the_other_database_is_refused(edit: Callable[..., Path], target: str) -> None:
    other = "sqlite" if connection.vendor == "postgresql" else "postgresql"
    assert refusal(target, edit(database=other)) == (
        f"This is a backup of {other}; DATABASE_URL names {connection.vendor}."
    )


def test_a_damaged_or_short_file_is_refused(file: Path, target: str) -> None:
    whole = file.read_bytes()
    part = file.with_name("part.ade")
    for size in (0, 100, 512 + 1000, 70_000, len(whole) - 5_000):
        part.write_bytes(whole[:size])
        with pytest.raises(CommandError) as refused:
            call_command("restore", str(part), check=True)
        assert str(refused.value) == f"{part} is not a backup of ADE, or is incomplete."
    damaged = bytearray(whole)
    damaged[80_000] ^= 1
    part.write_bytes(damaged)
    assert refusal(target, part, overwrite=True) == (f"{part} is damaged: its checksum is wrong.")


def test_what_fails_half_way_leaves_the_database_as_it_was(
    edit: Callable[..., Path], file: Path, target: str
) -> None:
    assert restored(target, file)
    with inside(target):
        make_agent(name="since")
        before = everything()
    with archive.unpacking(file) as (manifest, _):
        rows = manifest.rows | {"agents_tag": 4}
    assert "rows" in refusal(target, edit(rows=rows), overwrite=True)
    with inside(target):
        assert everything() == before


def test_an_existing_file_and_a_missing_folder_are_refused(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(CommandError, match=f"^{file} already exists\\. "):
        call_command("backup", str(file))
    assert file.read_bytes() == before
    with pytest.raises(CommandError, match=r"^There is no folder .*/nowhere\.$"):
        call_command("backup", str(file.parent / "nowhere" / "x.ade"))


def test_a_full_disk_is_told_and_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    make_agent()
    folder = tmp_path / "full"
    folder.mkdir()
    # No file may grow beyond this: to the program it is what a full disk is.
    done = subprocess.run(
        [*manage_command(), "backup", str(folder / "x.ade")],
        env=os.environ | {"DATABASE_URL": database_url, "SECRET_KEY": "any"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000)),
    )
    assert done.returncode == 1
    sentence = done.stderr.strip().removeprefix("CommandError: ")
    assert sentence in (
        "The disk is full. Nothing was changed, and the unfinished file was removed.",
        "SQLite: disk I/O error",
    )
    assert list(folder.iterdir()) == []


def manage_command() -> list[str]:
    return [sys.executable, str(REPOSITORY / "manage.py")]


def test_another_secret_key_is_told(edit: Callable[..., Path], target: str) -> None:
    assert restored(target, edit(key="another"))[1] == (
        "The backup was made with another SECRET_KEY. API keys and second factors work only if "
        "ADE runs with that SECRET_KEY."
    )


# --- PostgreSQL's programs ---------------------------------------------------------------------


@pytest.mark.only_postgres
def test_a_missing_or_old_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PROGRAM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match=r"^pg_dump of PostgreSQL \d+ or newer is needed: "):
        call_command("backup", str(tmp_path / "x.ade"))
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    old.chmod(0o755)
    with pytest.raises(CommandError, match=r"^pg_dump .* or newer is needed \(here is 9\): "):
        call_command("backup", str(tmp_path / "x.ade"))
    assert not (tmp_path / "x.ade").exists()


@pytest.mark.only_postgres
def test_the_password_is_not_in_the_list_of_processes(
    database_url: str, target: str, tmp_path: Path
) -> None:
    make_agent()
    programs, log = tmp_path / "programs", tmp_path / "log"
    programs.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        real = postgres.find_program(name, least=0)
        spy = programs / name
        spy.write_text(f'#!/bin/sh\necho "$0 $* ($PGPASSWORD)" >> {log}\nexec {real} "$@"\n')
        spy.chmod(0o755)
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    file = tmp_path / "x.ade"
    assert manage(with_password(database_url), "backup", file, **path).returncode == 0
    assert manage(with_password(target), "restore", file, **path).returncode == 0
    calls = [line for line in log.read_text().splitlines() if "--dbname" in line]
    assert [line.count("s3cret") for line in calls] == [1, 1]
    assert [line.endswith("(s3cret)") for line in calls] == [True, True]


def with_password(url: str) -> str:
    return url.replace("://ade@", "://ade:s3cret@")
