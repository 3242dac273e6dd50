"""The gate's unit and container file: confined as ADE's services are, and with all that the gate needs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import ROOT, start, stop
from serve import HOST, answers, free_port

from tests.conftest import PATIENCE
from tests.deploy.test_units import CONFINED, SERVICES
from tests.gate.standins import CONNECTOR

pytestmark = pytest.mark.only_sqlite  # the database plays no part

UNIT = (ROOT / "deploy/gate/ade-gate.service").read_text()
DOCKERFILE = (ROOT / "deploy/gate/Dockerfile").read_text()
PAGE = (ROOT / "docs/operate/gate.md").read_text()


def test_the_service_is_confined_as_the_others() -> None:
    others = CONFINED.findall(SERVICES[0].read_text().replace("User=ade", "User=ade-gate"))
    assert sorted(CONFINED.findall(UNIT)) == sorted(others)


def test_the_page_names_every_setting() -> None:
    source = (ROOT / "ade/gate/settings.py").read_text()
    read = set(re.findall(r'environment, "(GATE_\w+)"', source))
    assert set(re.findall(r"^\| `(GATE_\w+)` \|", PAGE, re.M)) == read


def test_it_runs_from_what_the_container_copies(tmp_path: Path) -> None:
    """With nothing else of ADE, and without Django."""
    for line in re.findall(r"^COPY (ade.*)$", DOCKERFILE, re.M):
        source, target = shlex.split(line)
        folder = tmp_path / target
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, folder)
    command = [sys.executable, "-X", "importtime", "-c", "import ade.gate.__main__"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "aiohttp" in done.stderr
    assert not re.search(r"\| +(django|agents|environs)\b", done.stderr)
    port = free_port()
    environment = {**os.environ, "GATE_LISTEN": f"{HOST}:{port}", "GATE_TOKEN": CONNECTOR}
    gate = start(["env", f"--chdir={tmp_path}", sys.executable, "-m", "ade.gate"], env=environment)
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(port):
            assert gate.poll() is None
            assert time.monotonic() < deadline
    finally:
        stop([gate])
    assert gate.returncode == 0  # it stops politely


def test_without_settings_it_says_what_is_missing() -> None:
    command = [sys.executable, "-m", "ade.gate"]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "GATE_TOKEN" in done.stderr
