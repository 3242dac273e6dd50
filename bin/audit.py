"""Says which pinned package has a known hole: `make audit`, and at the end of CI.

A hole fails. Where the package index tells nothing of holes, or cannot be reached within 30 seconds, it
says so and fails only with --strict: a build must not hang on somebody else's network. No package ships
a current database of holes (safety-db on PyPI ended in 2021), so there is nothing to fall back on.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from processes import ROOT

SECONDS = 30  # for all files together
ELSEWHERE = (
    "Run this where the package index can be reached: pip install pip-audit && "
    "pip-audit --require-hashes --disable-pip -r requirements.txt -r requirements-dev.txt"
)
PINS = ("requirements.txt", "requirements-dev.txt")


def audit(pins: Path, seconds: float) -> dict[str, Any] | str:
    """Return pip-audit's report on a file of pins, or why there is none within the time limit."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(pins), "--require-hashes",
        "--disable-pip", "--format=json", "--progress-spinner=off", "--timeout=5",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"the package index did not answer within {seconds:.0f} seconds"
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
    return report


def verdict(name: str, report: dict[str, Any] | str) -> tuple[str, list[str]]:
    """`holes`, `clean` or `unknown`, and the lines that say so."""
    if isinstance(report, str):
        return "unknown", [f"{name}: could not be audited: {report}."]
    packages = report["dependencies"]
    asked = [package for package in packages if "skip_reason" not in package]
    holes = [
        f"{name}: {package['name']} {package['version']}: {hole['id']}"
        f" (fixed in {', '.join(hole['fix_versions']) or 'no version yet'})"
        for package in asked
        for hole in package["vulns"]
    ]
    if holes:
        return "holes", holes
    if not asked:
        return "unknown", [f"{name}: the package index here tells nothing of holes."]
    told = f"{name}: no known hole in {len(asked)} of {len(packages)} packages"
    if len(asked) == len(packages):
        return "clean", [f"{told}."]
    return "unknown", [f"{told}; of the others the package index here tells nothing."]


def main(*arguments: str) -> int:
    worst = 0
    outcomes = set()
    deadline = time.monotonic() + SECONDS
    for number, name in enumerate(PINS):
        # Each file may take its share of what is left.
        seconds = (deadline - time.monotonic()) / (len(PINS) - number)
        outcome, lines = verdict(name, audit(ROOT / name, seconds))
        outcomes.add(outcome)
        print(*lines, sep="\n", flush=True)
        if outcome == "holes" or (outcome == "unknown" and "--strict" in arguments):
            worst = 1
    if "unknown" in outcomes:
        print(ELSEWHERE)
    return worst


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
