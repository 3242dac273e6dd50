"""The systemd units: one way to be confined for all, programs that are there, verified."""

import re
import shutil
import subprocess
from pathlib import Path

from django.core.management import get_commands
from processes import ROOT

UNITS = sorted((ROOT / "deploy/systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
CONFINED = re.compile(
    r"^(?:User|UMask|NoNewPrivileges|CapabilityBoundingSet|Protect\w+|Private\w+|Restrict\w+|Lock\w+|SystemCall\w+)=.*$",
    re.M,
)


def test_every_service_is_confined_alike() -> None:
    sets = {tuple(sorted(CONFINED.findall(unit.read_text()))) for unit in SERVICES}
    assert len(sets) == 1
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "User=ade"} - set(*sets) == set()


def test_they_run_commands_that_there_are() -> None:
    run = {name for unit in SERVICES for name in re.findall(r"manage\.py (\w+)", unit.read_text())}
    assert run == {"backup", "check", "db_worker", "tidy"}
    assert run - set(get_commands()) == set()


def test_systemd_takes_them(tmp_path: Path) -> None:
    """Where systemd is; with programs and a user that are on this machine."""
    if not (verifier := shutil.which("systemd-analyze")):
        return
    for unit in UNITS:
        text = re.sub(r"/srv/ade/ade/\.venv/bin/\w+", "/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text.replace("User=ade", "User=root"))
    done = subprocess.run(
        [verifier, "verify", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
