"""What stops a command, the worker or the server is one sentence, without a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ROOT, start, stop
from serve import free_port, server_command

pytestmark = pytest.mark.only_sqlite  # each starts a process with a database of its own
GOOD = {"SECRET_KEY": "only for this test" * 4, "DATABASE_URL": "sqlite://:memory:"}
AWAY = "postgres://ade@127.0.0.1:1/ade"
WRONG = {
    "RATE_PER_CALLER": ("-1", "ADE cannot start: RATE_PER_CALLER must be a number from 0 to"),
    "HTTPS": ("maybe", 'ADE cannot start: Environment variable "HTTPS" invalid'),
    "DATABASE_URL": ("foo://x", 'ADE cannot start: Environment variable "DATABASE_URL" invalid'),
    "SECRET_KEY": ("", "ADE cannot start: Set SECRET_KEY"),
}


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | GOOD | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting(name: str) -> None:
    value, sentence = WRONG[name]
    done = manage("recount", **{name: value})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [["migrate"], ["backup", "x.ade"], ["create_admin", "alex"]])
def test_a_database_that_is_away(command: list[str]) -> None:
    done = manage(*command, DATABASE_URL=AWAY)
    assert done.returncode == 1
    assert "Connection refused" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["recount", "tidy", "demo_data --password 0123456789ab"])
def test_a_database_that_is_not_migrated(command: str, tmp_path: Path) -> None:
    done = manage(*command.split(), DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("The database does not fit this version of ADE. Migrations are missing:")
    assert line.endswith("Run manage.py migrate.")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 1000)
    done = manage("migrate", DATABASE_URL=f"sqlite:///{tmp_path}/text")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("The database is damaged.")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = manage("collectstatic", "--no-input", "-v0", STATIC_ROOT=f"{tmp_path}/file/static")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{tmp_path}/file/static")
    assert line.endswith(": Not a directory")


def test_the_worker_says_it_in_the_form_of_its_log() -> None:
    done = manage("db_worker", "--no-startup-delay", DATABASE_URL=AWAY)
    (line,) = done.stderr.splitlines()
    entry = json.loads(line)
    assert (done.returncode, entry["level"], entry["logger"]) == (1, "ERROR", "ade.worker")
    assert entry["message"].startswith("The database cannot be reached.")


@pytest.mark.whole
def test_the_server(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        wrong = {"RATE_PER_CALLER": "-1", "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        server = start(server_command(free_port()), env=GOOD | wrong, output=log)
        try:
            server.wait(timeout=120)
        finally:
            stop([server])
    said = (tmp_path / "log").read_text()
    assert WRONG["RATE_PER_CALLER"][1] in said
    assert "Traceback" not in said
