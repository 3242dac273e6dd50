"""The black-box checks of Letta's contract, against a running ADE."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.calls import make_token

_FOLDER = os.environ.get("ADE_REFERENCE_DIR")


@pytest.mark.skipif(not _FOLDER, reason="needs the checks in ADE_REFERENCE_DIR")
def test_every_check_passes(live: str) -> None:
    script = Path(_FOLDER or "", "letta", "conformance.py")
    token = make_token()
    ended = subprocess.run(
        [sys.executable, script, live, token], capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stdout
    assert " 0 failed" in ended.stdout.replace(",", ""), ended.stdout
