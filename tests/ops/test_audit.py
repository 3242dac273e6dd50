"""make audit: what it makes of each report of pip-audit, and that it ends in time."""

import sys
import time
from pathlib import Path
from typing import Any

import audit
import pytest

CLEAN = {"name": "django", "version": "5.2.19", "vulns": []}
HOLE = {"id": "PYSEC-1", "fix_versions": ["1.1"], "description": "x", "aliases": []}
UNFIXED = HOLE | {"id": "PYSEC-2", "fix_versions": []}
OTHERS = "of the others the package index here tells nothing."
SKIPPED = {"name": "ours", "skip_reason": "Dependency not found"}


def report(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(packages), "fixes": []}


@pytest.mark.parametrize(
    ("given", "outcome", "lines"),
    [
        (report(CLEAN), "clean", ["pins: no known hole in 1 of 1 packages."]),
        (
            report(CLEAN, {"name": "old", "version": "1.0", "vulns": [HOLE, UNFIXED]}, SKIPPED),
            "holes",
            [
                "pins: old 1.0: PYSEC-1 (fixed in 1.1)",
                "pins: old 1.0: PYSEC-2 (fixed in no version yet)",
            ],
        ),
        (
            report(CLEAN, SKIPPED),
            "unknown",
            [f"pins: no known hole in 1 of 2 packages; {OTHERS}"],
        ),
        (report(SKIPPED), "unknown", ["pins: the package index here tells nothing of holes."]),
        ("no route to host", "unknown", ["pins: could not be audited: no route to host."]),
    ],
    ids=["clean", "holes", "some skipped", "all skipped", "unreachable"],
)
def test_verdict(given: Any, outcome: str, lines: list[str]) -> None:
    assert audit.verdict("pins", given) == (outcome, lines)


def test_it_ends_in_time_and_says_what_to_do_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the index swallows what is sent: exit 0 as nobody can tell, 1 if that is not enough."""
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    monkeypatch.setattr(audit, "SECONDS", 1)
    began = time.monotonic()
    assert (audit.main(), audit.main("--strict")) == (0, 1)
    assert time.monotonic() - began < 20
    assert capsys.readouterr().out.splitlines()[2] == audit.ELSEWHERE
