"""Measures ADE at two sizes on both databases, against the production server, in rounds.

Without an option it makes the reference data (10,000 and 1,000,000 agents, in data/bench, once:
some ten minutes and 9 GB), measures for about twenty minutes, prints one table and whether the
goals are met, and keeps all of it as JSON in data/bench/results.
"""

import argparse
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from measuring import tables
from measuring.beside import letta, lettas, measured_beside, prompt_of
from measuring.beside_tables import docs_beside, tables_beside
from measuring.client import WrongAnswer
from measuring.databases import NAMES, Database, given, made, made_beside
from measuring.endurance import beside, soak, writers
from measuring.floors import floors_of
from measuring.results import described, keep, machine
from measuring.rounds import measured
from measuring.scenarios import FLOORS, TAG_PAGES, chosen
from measuring.servers import Server, look, serving


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for. Ends the program where it cannot be."""
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    add = parser.add_argument
    add("--sizes", type=_numbers, default=[10_000, 1_000_000], metavar="N,N", help="agents")
    add("--databases", type=_kinds, default=list(NAMES), metavar="KIND,KIND", help="of these kinds")
    add("--database", type=_database, action="append", default=[], metavar="NAME=URL",
        help="measure this database too, which has reference data (repeat it for several)")  # fmt: skip
    add(
        "--only",
        type=_texts,
        default=[],
        metavar="TEXT,TEXT",
        help="scenarios with this in the name",
    )
    add("--floors", action="store_true",
        help="only scenarios that have a floor, and agents with many tags, on the largest PostgreSQL")  # fmt: skip
    add("--letta", type=_letta, action="append", default=[], metavar="NAME=URL,PROCESS",
        help="only measure beside this running Letta (repeat it for several on one database)")  # fmt: skip
    add("--letta-key", default="none", metavar="KEY", help="its password")
    add("--letta-database", default="", metavar="URL", help="its PostgreSQL, for processor time")
    add("--connections", type=_numbers, default=[1, 8], metavar="N,N", help="requests at once")
    add("--rounds", type=int, default=5, metavar="N", help="medians are of so many (0: none)")
    add("--seconds", type=float, default=1.0, metavar="S", help="of each scenario in each round")
    add("--writers", type=float, default=0, metavar="S", help="then 8 writers for so long")
    add("--writers-beside", type=float, default=0, metavar="S",
        help="then 8 writers for so long on the smallest and the largest SQLite in turn, with workers")  # fmt: skip
    add("--soak", type=float, default=0, metavar="S", help="then mixed calls for so long")
    add("--out", type=Path, metavar="FILE", help="keep the results there")
    add("--compare", nargs=2, type=Path, metavar="FILE", help="only tell what changed between two")
    add("--markdown", nargs="+", type=Path, metavar="FILE",
        help="only print these results as the docs do; of further ones the writers and the soak")  # fmt: skip
    add("--into", type=Path, metavar="FILE", help="with --markdown: between the marks of this page")
    asked = parser.parse_args(arguments)
    if asked.floors:
        asked.only = [*FLOORS, *(page.partition("{}")[0] for page in TAG_PAGES)]
        asked.databases, asked.sizes = ["postgresql"], asked.sizes[-1:]
        asked.connections = [max(asked.connections)]
    return asked


def _database(text: str) -> Database:
    try:
        return given(text)
    except ValueError as error:  # argparse would not say its text
        raise argparse.ArgumentTypeError(str(error)) from error


def _letta(text: str) -> tuple[str, int, int | None]:
    try:
        return letta(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _texts(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _numbers(text: str) -> list[int]:
    return sorted({int(part.replace("_", "")) for part in _texts(text)})


def _kinds(text: str) -> list[str]:
    if unknown := set(_texts(text)) - set(NAMES):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(NAMES)}")
    return _texts(text)


def run(asked: argparse.Namespace, result: dict[str, Any]) -> None:
    """Measure all that is asked for into the result. Raises WrongAnswer, ValueError."""
    scenarios = chosen(asked.only)
    say = _sayer()
    result |= {"run": machine(), "options": _kept(asked)}
    with ExitStack() as stack:
        databases = stack.enter_context(made(asked.databases, asked.sizes)) + asked.database
        if not databases:
            raise ValueError("No database is given, and no size to make one of.")
        servers = stack.enter_context(serving(databases))
        result["databases"] = described(servers)
        names = [scenario.name for scenario in scenarios]
        result["looks"] = {}
        for server in servers if asked.rounds else []:
            say(f"looking at the statements on {server.name}")
            result["looks"][server.name] = look(server, names)
        if asked.rounds:
            floors = stack.enter_context(floors_of(_largest(servers), names, say))
            result["cells"] = measured(
                servers,
                scenarios,
                connections=asked.connections,
                rounds=asked.rounds,
                seconds=asked.seconds,
                floors=floors,
                say=say,
            )
        for server in _largest(servers):
            _endure(server, asked, result, say)
        if asked.writers_beside:
            by_size = sorted(_on_sqlite(servers), key=lambda server: server.facts.size)
            result["beside_small"] = beside(by_size[0], by_size[-1], asked.writers_beside, say)
            print(json.dumps(result["beside_small"], indent=1))


def run_beside(asked: argparse.Namespace, result: dict[str, Any]) -> None:
    """Measure beside Letta into the result. Raises WrongAnswer, ValueError."""
    say = _sayer()
    result |= {"run": machine(), "options": _kept(asked)}
    others = lettas(asked.letta, asked.letta_key, asked.letta_database)
    with ExitStack() as stack:
        databases = asked.database or [
            stack.enter_context(made_beside(asked.sizes[-1], prompt_of(others[0])))
        ]
        (server,) = stack.enter_context(serving(databases[:1]))
        result["databases"] = described([server])
        result["beside"] = measured_beside(
            server, others, rounds=asked.rounds, seconds=asked.seconds, say=say
        )


def _sayer() -> Callable[[str], None]:
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6,.0f} s] {text}", flush=True)

    return say


def _endure(server: Server, asked: argparse.Namespace, result: dict[str, Any], say: Any) -> None:
    if asked.writers:
        say(f"8 writers on {server.name}")
        result.setdefault("writers", []).append(writers(server, asked.writers))
    if asked.soak:
        say(f"mixed calls on {server.name}")
        result.setdefault("soak", []).append(soak(server, asked.soak, say))


def _on_sqlite(servers: list[Server]) -> list[Server]:
    """Raises ValueError if there are fewer than two."""
    found = [server for server in servers if server.database.kind == "sqlite"]
    if len(found) < 2:
        raise ValueError("--writers-beside needs SQLite databases of two sizes.")
    return found


def _largest(servers: list[Server]) -> list[Server]:
    """The one with the most agents of each kind."""
    by_size = sorted(servers, key=lambda server: server.facts.size)
    return list({server.database.kind: server for server in by_size}.values())


def _kept(asked: argparse.Namespace) -> dict[str, Any]:
    names = ("only", "floors", "connections", "rounds", "seconds")
    return {name: getattr(asked, name) for name in names}


def _tell_docs(first: dict[str, Any], *more: dict[str, Any], into: Path | None) -> None:
    """Print the tables of the docs, or write them into a page."""
    if "beside" in first:
        mark, text = "beside", docs_beside(first)
    elif first["options"].get("floors"):
        mark, text = "floors", tables.docs_floors(first)
    else:
        mark, text = "measured", tables.docs_tables(tables.with_endurance(first, more))
    if into:
        into.write_text(tables.replaced(into.read_text(), text, mark))
    else:
        print(text)


def main(arguments: list[str]) -> int:
    asked = options(arguments)
    if asked.compare:
        print(tables.comparison(*(json.loads(path.read_text()) for path in asked.compare)))
        return 0
    if asked.markdown:
        _tell_docs(*(json.loads(path.read_text()) for path in asked.markdown), into=asked.into)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
    result: dict[str, Any] = {}
    try:
        (run_beside if asked.letta else run)(asked, result)
    except (WrongAnswer, ValueError, OSError) as error:
        print(f"Stopped: {error}", file=sys.stderr)
        if "cells" in result:
            print(f"What was found until then is kept in {keep(result, asked.out)}")
        return 1
    print(tables.told(result))
    if asked.letta:
        parts = [tables.aligned(table, left=(0, 1)) for table in tables_beside(result)]
    else:
        parts = tables.parts(result)
    print("\n\n".join(parts))
    print(f"\nKept in {keep(result, asked.out)}")
    lasting = [*result.get("writers", []), *result.get("soak", [])]
    lasting += [result["beside_small"]] if "beside_small" in result else []
    return 0 if all(run["passed"] for run in lasting) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
