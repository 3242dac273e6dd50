"""make audit: what it makes of each report of pip-audit."""

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
