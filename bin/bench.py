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
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from measuring import tables
from measuring.client import WrongAnswer
from measuring.databases import NAMES, Database, given, made
from measuring.endurance import soak, writers
from measuring.results import described, keep, machine
from measuring.rounds import measured
from measuring.scenarios import chosen
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
    add("--connections", type=_numbers, default=[1, 8], metavar="N,N", help="requests at once")
    add("--rounds", type=int, default=5, metavar="N", help="medians are of so many (0: none)")
    add("--seconds", type=float, default=1.0, metavar="S", help="of each scenario in each round")
    add("--writers", type=float, default=0, metavar="S", help="then 8 writers for so long")
    add("--soak", type=float, default=0, metavar="S", help="then mixed calls for so long")
    add("--out", type=Path, metavar="FILE", help="keep the results there")
    add("--compare", nargs=2, type=Path, metavar="FILE", help="only tell what changed between two")
    add("--markdown", nargs="+", type=Path, metavar="FILE",
        help="only print these results as the docs do; of further ones the writers and the soak")  # fmt: skip
    add("--into", type=Path, metavar="FILE", help="with --markdown: between the marks of this page")
    return parser.parse_args(arguments)


def _database(text: str) -> Database:
    try:
        return given(text)
    except ValueError as error:  # argparse would not say its text
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
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6,.0f} s] {text}", flush=True)

    result |= {"run": machine(), "options": _kept(asked)}
    with ExitStack() as stack:
        databases = stack.enter_context(made(asked.databases, asked.sizes)) + asked.database
        if not databases:
            raise ValueError("No database is given, and no size to make one of.")
        servers = stack.enter_context(serving(databases))
        result["databases"] = described(servers)
        names = [one.name for one in scenarios]
        result["looks"] = {}
        for server in servers if asked.rounds else []:
            say(f"looking at the statements on {server.name}")
            result["looks"][server.name] = look(server, names)
        result["cells"] = (
            measured(
                servers,
                scenarios,
                connections=asked.connections,
                rounds=asked.rounds,
                seconds=asked.seconds,
                say=say,
            )
            if asked.rounds
            else []
        )
        for server in _largest(servers):
            _endure(server, asked, result, say)


def _endure(server: Server, asked: argparse.Namespace, result: dict[str, Any], say: Any) -> None:
    if asked.writers:
        say(f"8 writers on {server.name}")
        result.setdefault("writers", []).append(writers(server, asked.writers))
    if asked.soak:
        say(f"mixed calls on {server.name}")
        result.setdefault("soak", []).append(soak(server, asked.soak, say))


def _largest(servers: list[Server]) -> list[Server]:
    """The one with the most agents of each kind."""
    by_size = sorted(servers, key=lambda server: server.facts.size)
    return list({server.database.kind: server for server in by_size}.values())


def _kept(asked: argparse.Namespace) -> dict[str, Any]:
    names = ("only", "connections", "rounds", "seconds")
    return {name: getattr(asked, name) for name in names}


def main(arguments: list[str]) -> int:
    asked = options(arguments)
    if asked.compare:
        print(tables.comparison(*(json.loads(path.read_text()) for path in asked.compare)))
        return 0
    if asked.markdown:
        first, *more = (json.loads(path.read_text()) for path in asked.markdown)
        text = tables.docs_tables(tables.with_endurance(first, more))
        if asked.into:
            asked.into.write_text(tables.replaced(asked.into.read_text(), text))
        else:
            print(text)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
    result: dict[str, Any] = {}
    try:
        run(asked, result)
    except (WrongAnswer, ValueError) as error:
        print(f"Stopped: {error}", file=sys.stderr)
        if "cells" in result:
            print(f"What was found until then is kept in {keep(result, asked.out)}")
        return 1
    print(tables.told(result))
    print(tables.client_told(result))
    print(tables.whole_table(result))
    goals = tables.goals_table(result)
    if len(goals) > 1:  # the head
        print("\n" + tables.aligned(goals, left=range(5)))
    print(f"\nKept in {keep(result, asked.out)}")
    lasting = [*result.get("writers", []), *result.get("soak", [])]
    return 0 if all(one["passed"] for one in lasting) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
