"""bin/bench: its client, its figures, and a whole run on a few agents."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace as replace_fields
from statistics import median
from urllib.parse import quote

import pytest
from bench import main as bench_main
from django.core.management import call_command
from django.db import connection
from measuring import tables
from measuring.beside import PAIRS, letta
from measuring.beside_tables import tables_beside
from measuring.client import Answer, parse, request_bytes
from measuring.databases import Database, given
from measuring.goals import verdicts
from measuring.memory import Memory, grown
from measuring.numbers import percentile, ratio_of_rounds, short
from measuring.processors import used
from measuring.results import rows
from measuring.scenarios import ADD, HELLO, IN_EDITOR, REPLACE, SCENARIOS, Facts, State, chosen

from agents.core.actors import command_actor
from agents.models import AgentTag

FACTS = Facts(
    token="a-token",
    cookie="ade-session=abc",
    agents=["agent-1", "agent-2"],
    middle="agent-m",
    end="agent-e",
    targets=["agent-t0", "agent-t1"],
    floor_targets=["agent-f0"],
    few="agent-few",
    many="agent-many",
    csrf="a-secret",
    change=7,
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


def figures(cost: float, rps: float = 101) -> dict:
    """A cell's costs: three rounds, of which the second was slow for all alike."""
    return {
        "rps": [rps, rps / 10, rps], "bytes": 1000,
        "app_ms": [cost, cost * 10, cost], "database_ms": [1, 10, 1],
    }  # fmt: skip


def result(*, growth: float = 1.0, cost: float = 2.0, many: float = 2.0) -> dict:
    """A run of some requests on a small and a large database, where a floor takes 1 + 1 ms."""

    def cell(scenario: str, database: str, p50: list[float], cost: float = 2) -> dict:
        return {
            "scenario": scenario, "connections": 1, "database": database, "requests": 30,
            "p50": p50, "p95": p50, "client": [0.1], **figures(cost),
        }  # fmt: skip

    seen = {
        HELLO: {"queries": 0, "bytes": 9, "pages": 0},
        "list all": {"queries": 5, "bytes": 1000, "pages": 300, "pages_to_find": 20},
    }
    look = {"seen": seen}
    return {
        "options": {"connections": [1]},
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
            cell("get an agent", "large", [2, 2, 2], cost) | {"floor": figures(1)},
            cell("page of an agent with 10 tags", "large", [5, 5, 5]),
            cell("page of an agent with 1,000 tags", "large", [5, 5, 5], many),
        ],
    }  # fmt: skip


def test_rows_compare_round_by_round():
    large = next(row for row in rows(result(growth=1.25)) if row[:3] == ("list all", 1, "large"))
    assert (large.p50, large.queries, large.to_hello, large.growth) == (5, 5, 5, 1.25)


def test_goals_are_held_against_the_largest_database():
    def met(**changes: float) -> dict[str, bool]:
        return {one.goal: one.met for one in verdicts(result(**changes)) if one.database == "large"}

    good = met()
    assert len(good) == 7
    assert set(good.values()) == {True}
    assert met(growth=1.6) == good | {"p50 of every list to that at the smallest size": False}
    assert met(cost=3.1) == good | {"processor time to the floor: get an agent": False}
    many = "processor time of the page of an agent with 1,000 tags, to 10 tags"
    assert met(many=5.1) == good | {many: False}


def test_comparison_tells_differences_from_noise():
    told = tables.comparison(result(), result(growth=3)).splitlines()
    ends = [line.split()[-3:] for line in told if line.startswith(("hello", "list"))]
    assert ends == [["+0", "%", "noise"]] * 2 + [["+0", "%", "noise"], ["12.0", "+200", "%"]]


def test_tables_for_the_docs_hold_what_was_found():
    lines = tables.docs_tables(result(growth=1.25)).splitlines()
    assert "| list all | 5 | 101 | 5.00 | 5.00 | 5.00 | 1.25 |" in lines
    floor = "| get an agent | large | 2.00 + 1.00 | 1.00 + 1.00 | 1.50 | 2.0 | yes | 101 | 101 |"
    assert floor in lines
    lines = tables.docs_floors(result()).splitlines()
    assert floor in lines
    assert sum(line.startswith("| processor time of the page of an agent") for line in lines) == 1


def test_goals_beside_letta_are_for_the_last_server():
    costs = {"ADE": (2, 600), "default": (59, 10), "pooled": (17, 100)}
    cells = [
        {"scenario": pair.name, "side": side, **figures(cost, rps)}
        for pair in PAIRS
        for side, (cost, rps) in costs.items()
    ]
    assert tables_beside({"beside": {"cells": [cell | {"rps": []} for cell in cells]}}) == []
    rates, times = tables_beside({"beside": {"cells": cells}})
    create = next(line for line in rates if line[0] == "create an agent")
    assert create == ["create an agent", "1,000, 1,000", "600", "10.0", "100", "60.0", "6.00",
                      "6", "yes"]  # fmt: skip
    create = next(line for line in times if line[0] == "create an agent")
    assert create[2:] == ["2.00 + 1.00", "59.0 + 1.00", "17.0 + 1.00", "20.0", "6.00", "6", "yes"]
    assert next(line for line in rates if line[0] == "deep page")[-1] == "NO"


def test_running_letta_is_given_by_name_url_and_process():
    assert letta("pooled=http://127.0.0.1:8283,42") == ("pooled", 8283, 42)
    assert letta("a=http://localhost:8283") == ("a", 8283, None)
    for wrong in ("http://127.0.0.1:8283", "a=http://example.org:80", "a=http://127.0.0.1"):
        with pytest.raises(ValueError, match="is not like NAME=http"):
            letta(wrong)


def test_processor_time_includes_children_that_have_ended():
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    before = used(os.getpid(), None)
    subprocess.run([sys.executable, "-c", burn], check=True)
    spent = used(os.getpid(), None).since(before)
    assert spent.app >= 0.15
    assert spent.database == 0


# --- The floors -------------------------------------------------------------------------------


@pytest.mark.only_postgres
@pytest.mark.django_db(transaction=True)
def test_floor_writes_the_same_rows_as_ade(tmp_path, monkeypatch):
    from measuring import inside, recordings
    from measuring.floor import STEPS, Sender, connect, load

    call_command("bench_data", agents=200, verbosity=0)
    parameters = connection.get_connection_params()
    url = f"postgresql://{parameters['user']}@{quote(parameters['host'], safe='')}/{parameters['dbname']}"
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr(recordings, "TAGGED", 3)
    facts = inside.prepare(command_actor("bench"))
    facts = replace_fields(facts, floor_targets=facts.floor_targets[:1])
    ask = lambda call: inside.asker(call, facts)()  # noqa: E731
    path = tmp_path / "recordings"
    names = ["get an agent", ADD, REPLACE]
    counts = recordings.record(facts, names, path, ask)
    assert counts == dict(zip(names, [1, 3, STEPS], strict=True))

    def tagged() -> int:
        return AgentTag.objects.filter(tag__name="bench:added floor").count()

    def tags_of(agent: str) -> set[str]:
        return set(
            AgentTag.objects.filter(agent__public_id=agent).values_list("tag__name", flat=True)
        )

    read, add, replace = load(path)
    assert read.size > 1000
    assert tagged() == 0
    with connect(url) as raw:
        sender = Sender(raw)
        sender.send(read.requests[0], read.planned)
        for number, request in enumerate(add.requests, 1):
            sender.send(request, add.planned)
            assert tagged() == number
        for request in add.undo:
            sender.send(request, add.planned)
        assert tagged() == 0
        found = []
        for step in (0, 1):
            sender.send(replace.requests[step], replace.planned)
            found.append(tags_of(facts.floor_targets[0]))
    both = {"tier:gold", "bench:target"}
    assert found == [
        both | {"user_0", "env:prod", "bench:patch 0"},
        both | {"user_1", "env:dev", "bench:patch 1"},
    ]


def test_tables_take_the_place_of_older_ones():
    page = "before\n<!-- measured -->\nold\n<!-- /measured -->\nafter\n"
    new = tables.replaced(page, "new")
    assert new == "before\n<!-- measured -->\n\nnew\n\n<!-- /measured -->\nafter\n"
    assert tables.replaced(new, "new") == new
    with pytest.raises(ValueError, match="has no <!-- measured -->"):
        tables.replaced("nothing", "new")


# --- The whole --------------------------------------------------------------------------------


@pytest.mark.whole
def test_it_measures_and_leaves_the_data_as_they_were(checkout, capsys):
    kept_out = ("DATABASE_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE")
    options = "--databases sqlite --sizes 200 --rounds 1 --seconds 0.05 --connections 2"
    only = "--only get,add,remove,replace,create,suggestions"
    ran = subprocess.run(
        ["make", "--no-print-directory", "-C", checkout, "bench",
         f"ARGS={options} {only} --writers 0.3 --soak 0.5 --out found.json"],
        env={name: value for name, value in os.environ.items() if name not in kept_out},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )  # fmt: skip
    assert ran.stderr == ""
    assert "Making the data of SQLite 200" in ran.stdout
    path = checkout / "found.json"
    found = json.loads(path.read_text())
    assert {cell["scenario"] for cell in found["cells"]} > {HELLO, ADD, IN_EDITOR, REPLACE}
    assert all(median(cell["p50"]) > 0 for cell in found["cells"])
    assert any(sum(cell["app_ms"]) > 0 for cell in found["cells"])
    assert found["databases"][0]["agents"] == 200 + 24  # those made to be edited
    assert found["writers"][0]["error_count"] == 0
    assert found["soak"][0]["peak"]["pss"] > 0
    with closing(sqlite3.connect(checkout / "data" / "bench" / "200.sqlite3")) as database:
        agents = database.execute("SELECT count(*) FROM agents_agent").fetchone()
        tagged = database.execute(
            "SELECT count(*) FROM agents_agenttag JOIN agents_tag ON id = tag_id"
            " WHERE name LIKE 'bench:%'"
        ).fetchone()
    assert (agents, tagged) == ((200,), (0,))

    assert bench_main(["--compare", str(path), str(path)]) == 0
    assert "get an agent" in capsys.readouterr().out
    assert bench_main(["--markdown", str(path)]) == 0
    assert "\nSQLite 200, 8 writers for " in capsys.readouterr().out
