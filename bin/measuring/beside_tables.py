"""What was found beside Letta, as tables for a terminal and the docs."""

from collections.abc import Callable
from statistics import median
from typing import Any

from measuring.beside import PAIRS
from measuring.numbers import ratio_of_rounds, short
from measuring.results import Result, cost, whole_ms
from measuring.tables import markdown, told

Values = Callable[[dict[str, Any]], list[float]]  # a figure of a cell, by round


def tables_beside(result: Result) -> list[list[list[str]]]:
    """Return requests a second, and processor time where it was measured: a table each."""
    cells = result.get("beside", {}).get("cells", [])
    if not cells or not all(cell["rps"] for cell in cells):  # no round
        return []
    found = [_table(cells, "requests/s", lambda cell: cell["rps"], costs=False)]
    if all(sum(cell["app_ms"]) for cell in cells):
        head = "ms of processor time for a request (application + database)"
        found.append(_table(cells, head, whole_ms, costs=True))
    return found


def _table(
    cells: list[dict[str, Any]], head: str, values: Values, *, costs: bool
) -> list[list[str]]:
    """One line for each request. A ratio says how many times better ADE is, round by round."""
    by_key = {(cell["scenario"], cell["side"]): cell for cell in cells}
    sides = list(dict.fromkeys(cell["side"] for cell in cells))
    ratios_of = [f"ratio to {side}" for side in sides[1:]]
    table = [[head, "bytes, ADE and Letta", *sides, *ratios_of, "goal for the last", "met"]]
    for pair in PAIRS:
        ade, *others = row = [by_key[pair.name, side] for side in sides]
        ratios = [
            ratio_of_rounds(values(other), values(ade))
            if costs
            else ratio_of_rounds(values(ade), values(other))
            for other in others
        ]
        table.append(
            [
                pair.name,
                f"{ade['bytes']:,}, {others[-1]['bytes']:,}",
                *(str(cost(cell)) if costs else short(median(cell["rps"])) for cell in row),
                *map(short, ratios),
                f"{pair.goal:g}",
                "yes" if (ratios[-1] or 0) >= pair.goal else "NO",
            ]
        )
    return table


def docs_beside(result: Result) -> str:
    """Return the tables of docs/explain/figures.md."""
    agents = ", ".join(f"{name} {count:,}" for name, count in result["beside"]["agents"].items())
    return "\n\n".join([f"{told(result)} Agents: {agents}.", *map(markdown, tables_beside(result))])
