"""The code of the release before this one, from the history of this checkout."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from processes import ROOT

# The last commit with the code of 0.2.0.
LAST_OF_0_2_0 = "572fc9c"


def code_of_0_2_0(folder: Path) -> Path:
    """Write the code of 0.2.0 into a folder. Skips the test in a checkout without history.

    It runs with the packages of this version: those of 0.2.0 are among them, in the same versions.
    """
    archive = subprocess.run(
        ["git", "archive", LAST_OF_0_2_0], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip("this checkout has no history of 0.2.0")
    made = folder / "0.2.0"
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(made, filter="data")
    return made


def manage(code: Path, *arguments: str, environment: dict[str, str]) -> str:
    """Run manage.py of that code; what it printed. Raises CalledProcessError."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=code, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.stdout.strip()
