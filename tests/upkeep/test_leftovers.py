"""What a killed backup left is removed by the next one; what is being written is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from processes import ROOT

from ade.backups import archive, last, leftovers

WRITING = """
import sys, time
from pathlib import Path
import django
django.setup()
from ade.backups import archive, sqlite
with archive.appearing(Path(sys.argv[1]) / "killed.ade") as file, sqlite._scratch(Path(sys.argv[1])):
    print("writing", flush=True)
    time.sleep(600)
"""


def unfinished(folder: Path) -> int:
    return len(list(folder.glob(f"{leftovers.PREFIX}*")))


def test_leftovers_go_once_their_writer_is_dead(tmp_path: Path) -> None:
    backup = subprocess.Popen(
        [sys.executable, "-c", WRITING, tmp_path],
        cwd=ROOT,
        env=os.environ | {"SECRET_KEY": "x", "DJANGO_SETTINGS_MODULE": "ade.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert backup.stdout.readline() == "writing\n"
        assert unfinished(tmp_path) == 2
        leftovers.remove(tmp_path)
        assert unfinished(tmp_path) == 2
    finally:
        backup.send_signal(signal.SIGKILL)
        backup.communicate()
    with archive.appearing(tmp_path / "next.ade") as file:
        file.write(b"whole")
        assert unfinished(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["next.ade"]


@pytest.mark.django_db(transaction=True)
def test_the_age_of_the_last_backup(tmp_path: Path) -> None:
    assert last.age() == float("inf")
    call_command("backup", str(tmp_path / "a.ade"))
    assert 0 <= last.age() < 600
    last.LastBackup.objects.update(made_at="2020-01-01T00:00:00Z")
    assert last.age() > 10**8
    call_command("note_backup")
    assert 0 <= last.age() < 600
