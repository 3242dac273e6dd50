"""bin/setup on a machine that lacks something: one sentence that says what to do."""

import os
import shutil
import subprocess
from pathlib import Path

from processes import ROOT


def run_setup(tmp_path: Path, *, python: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of bin/setup where every Python is the given shell script."""
    checkout, programs = tmp_path / "checkout", tmp_path / "programs"
    (checkout / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "bin/setup", checkout / "bin/setup")
    programs.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        script = programs / name
        script.write_text(f"#!/bin/sh\n{python}\n")
        script.chmod(0o755)
    return subprocess.run(
        [checkout / "bin/setup"],
        env={"PATH": f"{programs}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_old_python_is_named(tmp_path):
    answer = run_setup(tmp_path, python="exit 1")
    assert answer.returncode == 1
    assert answer.stdout + answer.stderr == (
        "ADE needs Python 3.11 or newer. Install it (sudo apt-get install python3 python3-venv), "
        "or set PYTHON to it.\n"
    )


def test_a_python_without_venv_is_told_which_package_is_missing(tmp_path):
    python = 'case "$2" in *ensurepip*) exit 1;; *print*) echo python3.11-venv;; esac'
    answer = run_setup(tmp_path, python=python)
    assert answer.returncode == 1
    assert answer.stdout + answer.stderr == (
        "Python cannot create virtual environments here. Run sudo apt-get install python3.11-venv\n"
    )
