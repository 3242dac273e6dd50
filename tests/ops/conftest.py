"""A checkout of ADE to start things in."""

import shutil
import sys
from pathlib import Path

import pytest
from processes import ROOT

NOT_COPIED = shutil.ignore_patterns(".*", "data", "tests", "docs", "__pycache__")


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of the code that shares this environment's packages."""
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    (copy / ".venv").symlink_to(Path(sys.prefix))
    return copy
