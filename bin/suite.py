"""Run the tests in stages, and end with one line that counts them all.

    suite.py all    SQLite, PostgreSQL, then Chromium      make test
    suite.py fast   SQLite only                            make test-fast
    suite.py prove  the heavy proofs, on both databases    make prove

Further arguments go to pytest. With CI=true a skipped test fails the run.

If at most MOST_AGAIN tests of a stage fail, they run once more, alone: other work on a small machine
can use up a time limit that a test has. What passes then is listed as "unsteady", and has to be mended.
"""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from packages import need
from postgres import cluster
from processes import ROOT


class Stage(NamedTuple):
    """One run of pytest."""

    title: str
    arguments: tuple[str, ...]
    on_postgres: bool = False
    in_browser: bool = False


# One process more than cores, since tests wait for servers and browsers. `worksteal`: a process without
# tests takes some from another.
PARALLEL = ("-n", str(min(os.cpu_count() or 1, 4) + 1), "--dist=worksteal")
UNITS = ("-m", "not browser and not whole and not prove", *PARALLEL)
PROOFS = ("-m", "prove")
# These tests do not use the database.
WITHOUT_OPS = ("--ignore=tests/ops",)
STAGES = {
    "fast": [Stage("SQLite", UNITS)],
    "all": [
        Stage("SQLite", UNITS),
        Stage("PostgreSQL", (*UNITS, *WITHOUT_OPS), on_postgres=True),
        Stage(
            "Chromium",
            ("-m", "(browser or whole) and not prove", *PARALLEL),
            in_browser=True,
        ),
    ],
    "prove": [
        Stage("Proofs on SQLite", PROOFS),
        Stage("Proofs on PostgreSQL", PROOFS, on_postgres=True),
    ],
}
NO_TESTS = 5  # pytest's status if no test was selected
MOST_AGAIN = 5  # more failures than this are no accident


def tally(report: Path) -> dict[str, str]:
    """Return the result of each test in a JUnit report: passed, failed or skipped; the worst counts."""
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314  # pytest wrote it just now
        name = f"{case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            outcomes[name] = "failed"
        elif case.find("skipped") is not None:
            outcomes.setdefault(name, "skipped")
        else:
            outcomes.setdefault(name, "passed")
    return outcomes


def run(stage: Stage, arguments: list[str], folder: Path, url: str | None) -> dict[str, str]:
    """Run pytest once and return the results. If pytest itself fails, that counts as a failed test."""
    report = folder / f"{stage.title}.xml"
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if stage.in_browser:
        environment["CHROMIUM"] = need("chromium")
        need("libatomic")
    if url:
        environment["DATABASE_URL"] = url
    print(f"\n== {stage.title}", flush=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        *stage.arguments,
        f"--junit-xml={report}",
        f"--override-ini=cache_dir={report.with_suffix('.cache')}",
        "--durations=20",
        *arguments,
    ]
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"== {stage.title}: {time.monotonic() - began:.0f} s, {busy:.0f} s of processor time")
    outcomes = tally(report) if report.exists() else {}
    failures = [name for name, outcome in outcomes.items() if outcome == "failed"]
    if status not in (0, NO_TESTS) and not failures:
        outcomes[f"pytest itself, status {status}"] = "failed"
    elif 0 < len(failures) <= MOST_AGAIN:
        outcomes |= again(command, environment, report)
    return outcomes


def again(command: list[str], environment: dict[str, str], report: Path) -> dict[str, str]:
    """Run the tests that failed once more, one after the other. What passes now is "unsteady"."""
    print("\n== Once more, alone", flush=True)
    report.unlink()
    alone = ("--last-failed", "--last-failed-no-failures=none", "-n0", "--dist=no")
    subprocess.run([*command, *alone], cwd=ROOT, env=environment, check=False)
    outcomes = tally(report) if report.exists() else {}
    return {
        name: "unsteady" if outcome == "passed" else outcome for name, outcome in outcomes.items()
    }


def main(kind: str, *arguments: str) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that PostgreSQL is removed
    counts: Counter[str] = Counter()
    notable: list[str] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ade-tests-")))
        for stage in STAGES[kind]:
            url = stack.enter_context(cluster()) if stage.on_postgres else None
            outcomes = run(stage, list(arguments), folder, url)
            counts.update(outcomes.values())
            notable += [
                f"{outcome} on {stage.title}: {name}"
                for name, outcome in outcomes.items()
                if outcome != "passed"
            ]
    print("", *notable, sep="\n")
    strict = os.environ.get("CI") == "true"
    if strict and counts["skipped"]:
        print("With CI=true a skipped test fails the run.")
    if not counts:
        print("No test was selected.")
    passed = counts["passed"] + counts["unsteady"]
    print(f"{passed} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return int(bool(counts["failed"] or (strict and counts["skipped"]) or not counts))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
