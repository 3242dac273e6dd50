"""Results as people read them: a table in a terminal, tables for the docs, two runs compared."""

from collections.abc import Sequence
from statistics import median

from measuring.goals import verdicts
from measuring.numbers import short
from measuring.results import Result, Row, floor_rows, largest, rows
from measuring.scenarios import FLOORS

_HEAD = (
    "scenario", "at once", "database", "requests/s", "p50 ms", "p95 ms", "queries", "to hello",
    "to smallest",
)  # fmt: skip

_ENOUGH = 3  # rounds
_NOISE = (
    "noise: the rounds of both runs overlap, or there are fewer than three. Other differences under a factor of two may still come "
    "from the machine: hello says by how much it was faster or slower."
)


def aligned(table: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Columns as wide as they need; those with the numbers in `left` begin at the left."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )


def markdown(table: Sequence[Sequence[str]]) -> str:
    """The same for the docs; the first line is the head."""
    lines = [f"| {' | '.join(line)} |" for line in table]
    return "\n".join([lines[0], f"|{' --- |' * len(table[0])}", *lines[1:]])


def _cells(row: Row) -> list[str]:
    return [
        row.scenario,
        str(row.connections),
        row.database,
        short(row.rps),
        short(row.p50),
        short(row.p95),
        "–" if row.queries is None else str(row.queries),
        short(row.to_hello),
        short(row.growth),
    ]


def whole_table(result: Result) -> str:
    """Every scenario on every database, one line each."""
    return aligned([_HEAD, *map(_cells, rows(result))], left=(0, 2))


def goals_table(result: Result) -> list[list[str]]:
    """The goals, one line for each database."""
    head = ["goal", "database", "wanted", "found", "met"]
    lines = [[*verdict[:4], "yes" if verdict.met else "NO"] for verdict in verdicts(result)]
    return [head, *lines]


def floors_table(result: Result) -> list[list[str]]:
    """Processor time of requests beside their floors, one line for each database and scenario."""
    head = [
        "processor time per request (application + database), ms", "database", "ADE",
        "floor, same statements", "ratio", "goal", "met", "requests/s", "floor's",
    ]  # fmt: skip
    table = [head]
    for row in floor_rows(result):
        goal = FLOORS[row.scenario]
        table.append(
            [
                row.scenario,
                row.database,
                str(row.own),
                str(row.floor),
                short(row.ratio),
                str(goal),
                "yes" if row.ratio is not None and row.ratio <= goal else "NO",
                short(row.own.rps),
                short(row.floor.rps),
            ]
        )
    return table


def told(result: Result) -> str:
    """Where and when it was measured, in one sentence."""
    run = result["run"]
    databases = ", ".join(sorted({run["version"] for run in result.get("databases", [])}))
    packages = ", ".join(f"{name} {text}" for name, text in run["packages"].items())
    return (
        f"Measured on {run['date']} at commit {run['commit']}: {run['cores']} cores of "
        f"{run['processor']}, {run['memory_gb']} GB, {databases}, Python {run['python']}, {packages}."
    )


def client_told(result: Result) -> str:
    """How much of a processor the client took, at worst; empty of a run without rounds."""
    cells = [cell for cell in result.get("cells", []) if cell["client"]]
    if not cells:
        return ""
    worst = max(cells, key=lambda cell: median(cell["client"]))
    share = median(worst["client"]) * 100
    return f"The client took {share:.0f} % of one processor at most ({worst['scenario']})."


def parts(result: Result) -> list[str]:
    """Everything that a run found, for a terminal."""
    tables = [(floors_table(result), (0, 1)), (goals_table(result), range(5))]
    told = [aligned(table, left) for table, left in tables if len(table) > 1]  # the head
    return [f"{client_told(result)}\n{whole_table(result)}", *told]


def replaced(page: str, tables: str, mark: str = "measured") -> str:
    """The page with other text between its two marks. Raises ValueError if it has none."""
    first, last = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    begin, end = page.find(first), page.find(last)
    if not 0 <= begin < end:
        raise ValueError(f"The page has no {first} with {last} after it.")
    return f"{page[: begin + len(first)]}\n\n{tables}\n\n{page[end:]}"


def with_endurance(result: Result, more: Sequence[Result]) -> Result:
    """A run of rounds with the writers and the soaks of others, which take their time apart."""
    lasting = {
        name: [each_run for run in (result, *more) for each_run in run.get(name, [])]
        for name in ("writers", "soak")
    }
    return result | lasting


def docs_tables(result: Result) -> str:
    """Return the tables of docs/explain/figures.md."""
    parts = [f"{told(result)} {client_told(result)}".strip(), markdown(goals_table(result))]
    if len(floors := floors_table(result)) > 1:  # the head
        parts.append(markdown(floors))
    for database in largest(result):
        mine = [row for row in rows(result) if row.database == database["name"]]
        parts += [f"{database['name']}:", markdown(_by_connections(mine))] if mine else []
    for run in result.get("writers", []):
        parts.append(
            f"{run['database']}, 8 writers for {run['seconds']:.0f} s: {short(run['rps'])} writes a second, "
            f"p50 {short(run['p50'])} ms, p99 {short(run['p99'])} ms, the slowest "
            f"{short(run['slowest'])} ms, {run['error_count']} errors."
        )
    for run in result.get("soak", []):
        parts.append(
            f"{run['database']}, {run['seconds']} s of mixed calls on 8 connections: {run['requests']:,} requests, "
            f"p99 {short(run['p99'])} ms; at most {short(run['peak']['rss'])} MB RSS, "
            f"{short(run['peak']['pss'])} MB PSS, {short(run['peak']['own'])} MB without files, "
            f"growth {(run['growth'] - 1) * 100:+.1f} %."
        )
    return "\n\n".join(parts)


def docs_floors(result: Result) -> str:
    """Return the tables of a run of floors only."""
    head, *goals = goals_table(result)
    pages = [line for line in goals if line[0].startswith("processor time of")]
    return "\n\n".join([told(result), markdown(floors_table(result)), markdown([head, *pages])])


def _by_connections(mine: list[Row]) -> list[list[str]]:
    """One line for each scenario: alone first, then with the most connections."""
    counts = sorted({row.connections for row in mine})
    head = ["request", "queries"]
    for count in dict.fromkeys((counts[0], counts[-1])):
        head += [f"requests/s at {count}", "p50 ms", "p95 ms", "to hello", "to smallest"]
    by_key = {(row.scenario, row.connections): row for row in mine}
    table = [head]
    for scenario in dict.fromkeys(row.scenario for row in mine):
        line: list[str] = []
        for count in dict.fromkeys((counts[0], counts[-1])):
            row = by_key.get((scenario, count))
            cells = _cells(row) if row else ["–"] * len(_HEAD)
            line = line or [scenario, cells[6]]
            line += [*cells[3:6], *cells[7:]]
        table.append(line)
    return table


def comparison(one: Result, other: Result) -> str:
    """What another run found differently.

    A difference counts where the rounds of the two do not overlap; all else may be noise.
    """
    before = {_key(cell): cell for cell in one["cells"] if cell["p50"]}
    table = [["scenario", "at once", "database", "p50 ms", "then", "change", ""]]
    for cell in other["cells"]:
        old = before.get(_key(cell))
        if old is None or not cell["p50"]:
            continue
        was, now = median(old["p50"]), median(cell["p50"])
        change = f"{(now / was - 1) * 100:+.0f} %"
        note = "" if _apart(old["p50"], cell["p50"]) else "noise"
        name, count, database = _key(cell)
        table.append([name, str(count), database, short(was), short(now), change, note])
    return "\n".join(
        [f"Before: {told(one)}", f"After:  {told(other)}", aligned(table, left=(0, 2, 6)), _NOISE]
    )


def _key(cell: dict[str, object]) -> tuple[str, int, str]:
    return str(cell["scenario"]), int(str(cell["connections"])), str(cell["database"])


def _apart(one: Sequence[float], other: Sequence[float]) -> bool:
    """True if no round of one run came near the other's; of few rounds that says nothing."""
    enough = min(len(one), len(other)) >= _ENOUGH
    return enough and (max(one) < min(other) or max(other) < min(one))
