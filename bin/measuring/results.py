"""What a run found, as the JSON that is kept, and the figures drawn from it."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from processes import ROOT

from measuring.databases import FOLDER
from measuring.numbers import ratio_of_rounds, short
from measuring.scenarios import HELLO
from measuring.servers import Server

Result = dict[str, Any]
PACKAGES = ("Django", "granian", "psycopg")


class Row(NamedTuple):
    """A scenario on a database: medians over the rounds, times in ms.

    `to_hello` is its p50 to that of a trivial view, `growth` to that on the smallest database of
    the kind; both are compared round by round.
    """

    scenario: str
    connections: int
    database: str
    rps: float
    p50: float
    p95: float
    queries: int | None
    to_hello: float | None
    growth: float | None


def machine() -> dict[str, Any]:
    """Where and when, and with what."""
    commit = _said("git", "rev-parse", "--short", "HEAD")
    changed = "" if not _said("git", "status", "--porcelain") else ", with changes"
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit + changed,
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def _said(*command: str) -> str:
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip()


def described(servers: list[Server]) -> list[dict[str, Any]]:
    """The databases of a run."""
    return [
        {
            "name": server.name,
            "kind": server.database.kind,
            "agents": server.facts.size,
            "version": server.facts.version,
        }
        for server in servers
    ]


def keep(result: Result, path: Path | None) -> Path:
    """Write it down, where no name is given under the moment in data/bench/results."""
    if path is None:
        moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        path = FOLDER / "results" / f"{moment}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1))
    return path


def rows(result: Result) -> list[Row]:
    """All that was measured, by scenario."""
    cells = {
        (cell["scenario"], cell["connections"], cell["database"]): cell
        for cell in result.get("cells", [])
        if cell["p50"]
    }
    found = []
    for (scenario, connections, database), cell in cells.items():
        hello = cells.get((HELLO, connections, database))
        base = cells.get((scenario, connections, smallest(result, database)))
        seen = result["looks"][database]["seen"].get(scenario, {})
        found.append(
            Row(
                scenario=scenario,
                connections=connections,
                database=database,
                rps=median(cell["rps"]),
                p50=median(cell["p50"]),
                p95=median(cell["p95"]),
                queries=seen.get("queries"),
                to_hello=ratio_of_rounds(cell["p50"], hello["p50"]) if hello else None,
                growth=ratio_of_rounds(cell["p50"], base["p50"]) if base else None,
            )
        )
    return found


class Cost(NamedTuple):
    """Medians over the rounds: processor time of a request in ms, and requests a second."""

    app: float
    database: float
    rps: float

    def __str__(self) -> str:
        return f"{short(self.app)} + {short(self.database)}"


class FloorRow(NamedTuple):
    """A scenario beside its floor. `ratio` compares processor time, round by round."""

    scenario: str
    database: str
    own: Cost
    floor: Cost
    ratio: float | None


def floor_rows(result: Result) -> list[FloorRow]:
    """Return the scenarios that were measured beside their floor."""
    return [
        FloorRow(
            cell["scenario"],
            cell["database"],
            cost(cell),
            cost(cell["floor"]),
            ratio_of_rounds(whole_ms(cell), whole_ms(cell["floor"])),
        )
        for cell in result.get("cells", [])
        if cell["app_ms"] and cell.get("floor", {}).get("app_ms")
    ]


def cost(figures: dict[str, Any]) -> Cost:
    """Return the medians of a cell or its floor."""
    return Cost(*(median(figures[name]) for name in ("app_ms", "database_ms", "rps")))


def whole_ms(figures: dict[str, Any]) -> list[float]:
    """Return the processor time of application and database for a request, in ms, by round."""
    return [sum(both) for both in zip(figures["app_ms"], figures["database_ms"], strict=True)]


def smallest(result: Result, name: str) -> str:
    """The name of the smallest database of the same kind; empty for that one itself."""
    kind = next(database["kind"] for database in result["databases"] if database["name"] == name)
    same = [database for database in result["databases"] if database["kind"] == kind]
    found: str = min(same, key=lambda one: int(one["agents"]))["name"]
    return "" if found == name else found


def alike(result: Result, scenario: str, name: str) -> bool:
    """True if the smallest database answers at about the same length.

    A page that is full on one of them only is no twin to compare with.
    """
    looks = result["looks"]
    one, other = (looks[base]["seen"][scenario]["bytes"] for base in (name, smallest(result, name)))
    return bool(abs(one - other) <= 0.2 * max(one, other))


def largest(result: Result) -> list[dict[str, Any]]:
    """The largest database of each kind."""
    by_kind: dict[str, dict[str, Any]] = {}
    for database in sorted(result["databases"], key=lambda found: int(found["agents"])):
        by_kind[database["kind"]] = database
    return list(by_kind.values())
