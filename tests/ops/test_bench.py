"""bin/bench: its client, its figures, and a whole run on a few agents."""

import json
import os
import subprocess
from statistics import median

import pytest
from measuring import tables
from measuring.client import Answer, parse, request_bytes
from measuring.databases import Database, given
from measuring.goals import verdicts
from measuring.memory import Memory, grown
from measuring.numbers import percentile, ratio_of_rounds, short
from measuring.results import rows
from measuring.scenarios import HELLO, SCENARIOS, Facts, State, chosen

FACTS = Facts(
    token="a-token",
    cookie="ade-session=abc",
    agents=["agent-1", "agent-2"],
    middle="agent-m",
    end="agent-e",
    targets=["agent-t0", "agent-t1"],
    size=200,
    version="SQLite 3",
)


# --- The client -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ],
)
def test_answer_is_read_once_it_is_whole(data):
    assert [parse(data[:end]) for end in range(len(data))] == [None] * len(data)
    assert parse(data) == Answer(200, b"hello")


def test_request_is_one_piece_with_its_length():
    assert request_bytes("POST", "/v1/", {"A": "b"}, b"{}") == (
        b"POST /v1/ HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\r\nContent-Length: 2\r\n\r\n{}"
    )


# --- The scenarios ----------------------------------------------------------------------------


def test_scenarios_have_a_name_each_and_hello_is_always_there():
    names = [one.name for one in SCENARIOS]
    assert len(set(names)) == len(names)
    assert [one.name for one in chosen(["get an"])] == [HELLO, "get an agent"]
    with pytest.raises(ValueError, match="No scenario has 'nothing'"):
        chosen(["get an", "nothing"])


def test_what_was_added_is_removed_in_turn():
    add, remove = (next(one for one in SCENARIOS if one.name == name) for name in
                   ("add a tag", "remove a tag"))  # fmt: skip
    state = State(FACTS)
    assert remove.next_call(state, 0) is None
    for _ in range(3):
        add.next_call(state, 0)
    removals = [remove.next_call(state, 0) for _ in range(4)]
    assert [call and (call.path, call.body) for call in removals] == [
        ("/v1/agents/agent-1/tags", {"remove": ["bench:added 0"]}),
        ("/v1/agents/agent-2/tags", {"remove": ["bench:added 0"]}),
        ("/v1/agents/agent-1/tags", {"remove": ["bench:added 1"]}),
        None,
    ]


def test_database_is_given_by_name_and_url():
    assert given("mine=sqlite:///x=y") == Database("mine", "sqlite:///x=y")
    assert given("mine=postgres://h/d").kind == "postgresql"
    for wrong in ("mine", "=sqlite:///x"):
        with pytest.raises(ValueError, match="is not like NAME=URL"):
            given(wrong)
    with pytest.raises(ValueError, match="begins with sqlite or postgresql"):
        given("mine=mysql://h/d")


# --- The figures ------------------------------------------------------------------------------


def test_percentiles_and_ratios():
    assert [percentile(range(100), part) for part in (0.5, 0.95, 1)] == [50, 95, 99]
    assert percentile([], 0.5) == 0
    # What slowed the second round slowed both, so that it does not count.
    assert ratio_of_rounds([2, 20, 2], [1, 10, 1]) == 2
    assert ratio_of_rounds([], [1]) is None
    assert [short(value) for value in (None, 1234.5, 12.34, 1.234)] == [
        "–",
        "1,234",
        "12.3",
        "1.23",
    ]


def test_memory_grows_only_after_the_caches_are_full():
    def samples(*own: float) -> list[Memory]:
        return [Memory(at, 0, 0, value) for at, value in enumerate(own)]

    assert grown(samples(10, 90, 100, 100, 100, 101, 100, 100)) == 1
    assert grown(samples(100, 100, 100, 100, 110, 120, 130, 130)) == 1.3
    assert grown(samples(1, 2)) == 1


def result(*, growth: float = 1.0, ratio: float = 1.2) -> dict:
    """A run of one list on a small and a large database."""

    def cell(scenario: str, database: str, p50: list[float]) -> dict:
        return {
            "scenario": scenario, "connections": 1, "database": database, "requests": 30,
            "rps": [100, 101, 102], "p50": p50, "p95": p50, "client": [0.1],
        }  # fmt: skip

    seen = {
        HELLO: {"queries": 0, "bytes": 9, "pages": 0},
        "list all": {"queries": 5, "bytes": 1000, "pages": 300, "pages_to_find": 20},
    }
    look = {"seen": seen, "compared": {"list all": {"ratio": ratio}}}
    return {
        "run": {
            "date": "2026-01-01 00:00 UTC", "commit": "abc", "processor": "one", "cores": 2,
            "memory_gb": 4, "python": "3", "packages": {"Django": "5"},
        },
        "databases": [
            {"name": name, "kind": "postgresql", "agents": size, "version": "PostgreSQL 15"}
            for name, size in (("small", 10), ("large", 1000))
        ],
        "looks": {"small": look, "large": look},
        "cells": [
            cell(HELLO, "small", [1, 1, 1]),
            cell(HELLO, "large", [1, 2, 1]),
            cell("list all", "small", [4, 4, 4]),
            cell("list all", "large", [4 * growth, 8 * growth, 4 * growth]),
        ],
    }  # fmt: skip


def test_rows_compare_round_by_round():
    large = next(row for row in rows(result(growth=1.25)) if row[:3] == ("list all", 1, "large"))
    assert (large.p50, large.queries, large.to_hello, large.growth) == (5, 5, 5, 1.25)


def test_goals_are_held_against_the_largest_database():
    def met(**changes: float) -> dict[str, bool]:
        return {one.goal: one.met for one in verdicts(result(**changes)) if one.database == "large"}

    good = met()
    assert len(good) == 6
    assert set(good.values()) == {True}
    assert met(growth=1.6) == good | {"p50 of every list to that at the smallest size": False}
    assert met(ratio=1.6) == good | {"API list of 50 to its SQL and hello": False}


def test_comparison_tells_differences_from_noise():
    told = tables.comparison(result(), result(growth=3)).splitlines()
    ends = [line.split()[-3:] for line in told if line.startswith(("hello", "list"))]
    assert ends == [["+0", "%", "noise"]] * 2 + [["+0", "%", "noise"], ["12.0", "+200", "%"]]


def test_tables_for_the_docs_hold_what_was_found():
    text = tables.docs_tables(result(growth=1.25))
    assert "| list all | 5 | 101 | 5.00 | 5.00 | 5.00 | 1.25 |" in text.splitlines()


def test_tables_take_the_place_of_older_ones():
    page = "before\n<!-- measured -->\nold\n<!-- /measured -->\nafter\n"
    new = tables.replaced(page, "new")
    assert new == "before\n<!-- measured -->\n\nnew\n\n<!-- /measured -->\nafter\n"
    assert tables.replaced(new, "new") == new
    with pytest.raises(ValueError, match="has no <!-- measured -->"):
        tables.replaced("nothing", "new")


# --- The whole --------------------------------------------------------------------------------


@pytest.mark.whole
def test_it_measures_and_leaves_the_data_as_they_were(checkout):
    def bench(arguments: str) -> subprocess.CompletedProcess[str]:
        kept_out = ("DATABASE_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE")
        return subprocess.run(
            ["make", "--no-print-directory", "-C", checkout, "bench", f"ARGS={arguments}"],
            env={name: value for name, value in os.environ.items() if name not in kept_out},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    short_run = "--databases sqlite --sizes 200 --rounds 1 --seconds 0.05 --connections 2"
    ran = bench(f"{short_run} --writers 0.5 --soak 1 --out first.json")
    assert ran.stderr == ""
    first = json.loads((checkout / "first.json").read_text())
    assert {cell["scenario"] for cell in first["cells"]} == {one.name for one in SCENARIOS}
    assert all(median(cell["p50"]) > 0 for cell in first["cells"])
    assert first["databases"][0]["agents"] == 200 + 16  # those made to be edited
    assert first["writers"][0]["error_count"] == 0
    assert first["soak"][0]["peak"]["pss"] > 0
    assert "Making the data of SQLite 200" in ran.stdout

    again = bench(f"{short_run} --only get,all --out second.json")
    assert again.returncode == 0, again.stderr
    assert "Making the data" not in again.stdout
    second = json.loads((checkout / "second.json").read_text())
    assert second["databases"] == first["databases"]

    told = bench("--compare first.json second.json").stdout
    assert "get an agent" in told
    told = bench("--markdown second.json first.json").stdout
    assert "\nSQLite 200, 8 writers for " in told
    assert bench(f"{short_run} --only nothing").returncode != 0
