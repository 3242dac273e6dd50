"""Record what requests of ADE send to PostgreSQL, so that measuring/floor.py can send the same again.

Each recording is a real request with its real parameters. Those that write are undone, so that the
floor can write the same rows.
"""

import os
import pickle
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

from psycopg.types.json import Json, Jsonb

from measuring.floor import STEPS, Recording, Sender, Statement, connect
from measuring.scenarios import (
    ADDED,
    IN_EDITOR,
    REPLACE,
    Call,
    Facts,
    State,
    adding,
    adding_in_editor,
    by_name,
    removing,
    replacing,
)
from measuring.statements import recorded

TAGGED = 400  # agents that get a tag
_TAG = f"{ADDED}floor"

Ask = Callable[[Call], bytes]  # makes a request inside this process


def record(facts: Facts, names: list[str], path: Path, ask: Ask) -> dict[str, int]:
    """Write the recordings of these scenarios into a file. Return how many requests each has."""
    recordings = []
    for name in names:
        if name == REPLACE:
            recording = _replacing(facts, ask)
        elif by_name(name).is_write:
            recording = _adding(facts, ask, in_editor=name == IN_EDITOR)
        else:
            recording = _reading(State(facts), name, ask)
        with connect(os.environ["DATABASE_URL"]) as connection:
            Sender(connection).rehearse(recording)
        recordings.append(recording)
    path.write_bytes(pickle.dumps(recordings))
    return {name: len(one.requests) for name, one in zip(names, recordings, strict=True)}


def _reading(state: State, name: str, ask: Ask) -> Recording:
    """Record one request, the second: the first notes the use of the key or session."""
    calls = [by_name(name).next_call(state, 0) for _ in range(2)]
    (_, recording) = [_recorded(ask, call) for call in calls if call]
    return recording


def _adding(facts: Facts, ask: Ask, *, in_editor: bool) -> Recording:
    """Record adding a tag to one agent after the other, each undone at once."""
    first, *agents = facts.agents[: -TAGGED - 2 : -1]
    ask(adding(first, _TAG))  # so that the tag is not new
    whole = Recording([])
    for agent in agents:
        add = adding_in_editor(facts, agent, _TAG) if in_editor else adding(agent, _TAG)
        whole.add(_recorded(ask, add), undo=_recorded(ask, removing(agent, _TAG)))
    ask(removing(first, _TAG))
    return whole


def _replacing(facts: Facts, ask: Ask) -> Recording:
    """Record STEPS replacements on each agent, which can be repeated in this order for ever."""
    whole = Recording([])
    for agent in facts.floor_targets:
        for number in range(STEPS):
            ask(replacing(agent, number))  # creates the tags, and ends where the first step begins
        for number in range(STEPS):
            whole.add(_recorded(ask, replacing(agent, number)))
    return whole


def _recorded(ask: Ask, call: Call) -> Recording:
    with recorded() as statements:
        body = ask(call)
    return Recording([[_plain(statement) for statement in statements]], size=len(body))


def _plain(statement: Statement) -> Statement:
    """Return the statement without types of Django and ADE, which the floor does not load."""
    return statement._replace(params=_plain_value(statement.params))


def _plain_value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_plain_value, value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Json | Jsonb):
        return type(value)(value.obj)
    return str(value) if isinstance(value, str) else value
