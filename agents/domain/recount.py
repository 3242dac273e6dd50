"""What is derived from other rows, counted again: found where it differs, and set right.

Derived are the counters of tags and agents, the folded and look-alike texts, what a tag's text
says by the settings (names a user, is protected), and SQLite's search tables.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import ne
from typing import Any

from django.db import connection
from django.db.models import Model

from agents.domain.search import AGENT_INDEX, TAG_INDEX
from agents.domain.tagrows import is_protected, names_a_user
from agents.domain.transactions import snapshot, write
from agents.models import Agent, Tag
from agents.tagnames import fold, lookalike_key

_CHUNK = 5000
_MOST = 10_000  # differences of one kind that are listed


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that is not what it should be; `row` is a tag's name or an agent's id."""

    what: str
    row: str
    stored: Any
    counted: Any


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was set right: the first differences of each kind, and how many there were in all."""

    listed: list[Difference]
    count: int


def differences(*, most: int = _MOST) -> list[Difference]:
    """What is not as counted, at most `most` of each kind; empty when all is well.

    Reads every tag and agent: some 15 s at a million agents.
    """
    with snapshot():
        return [item for find, _ in _checks() for item in islice(find(), most)]


@write
def repair(*, most: int = _MOST) -> Repaired:
    """Set right what differs. Writers wait meanwhile.

    It is no act upon an agent: versions, times and history stay as they are.
    """
    if connection.vendor == "postgresql":
        # Readers go on; SQLite's transaction is such a lock by itself.
        _execute("LOCK TABLE agents_agenttag, agents_tag, agents_agent IN SHARE ROW EXCLUSIVE MODE")
    listed: list[Difference] = []
    count = 0
    for find, set_right in _checks():
        found = list(islice(find(), most))
        if found:
            listed += found
            count += set_right()
    return Repaired(listed, count)


def _checks() -> Iterator[tuple[Callable[[], Iterator[Difference]], Callable[[], int]]]:
    """Pairs of what finds differences of a kind, and what sets all of them right and counts them.

    The texts come first: what names a user decides the counters after it.
    """
    yield _tag_texts, lambda: _write_texts(Tag, ("id", *_TAG_TEXTS), _tag_rows())
    yield _agent_texts, lambda: _write_texts(Agent, ("seq", "name_folded"), _agent_rows())
    for column, query in _COUNTERS.items():
        yield partial(_selected, column, query), partial(_write_counter, column, query)
    if connection.vendor == "sqlite":
        for index, query in _INDEXES.items():
            yield partial(_selected, index, query), partial(_rebuild_index, index, query)


# --- Texts, which Python makes -----------------------------------------------------------------

_TAG_TEXTS = ("name_folded", "lookalike", "names_user", "protected")
# Key and name of a row, what its columns hold, what they should hold.
_Row = tuple[int, str, tuple[Any, ...], tuple[Any, ...]]


def _tag_rows() -> Iterator[_Row]:
    for key, name, by_hand, *stored in _by_key(Tag, "id", "name", "protected_by_hand", *_TAG_TEXTS):
        protected = stored[-1] if by_hand else is_protected(name)
        texts = (fold(name), lookalike_key(name), names_a_user(name), protected)
        yield key, name, tuple(stored), texts


def _agent_rows() -> Iterator[_Row]:
    for key, name, public_id, folded in _by_key(Agent, "seq", "name", "public_id", "name_folded"):
        yield key, public_id, (folded,), (fold(name),)


def _by_key(model: type[Model], key: str, *columns: str) -> Iterator[Any]:
    """The rows in chunks of their own, so that they may be written to in between."""
    last = None
    while True:
        rows = model._default_manager.order_by(key).values_list(key, *columns)
        chunk = list((rows if last is None else rows.filter(**{f"{key}__gt": last}))[:_CHUNK])
        if not chunk:
            return
        yield from chunk
        last = chunk[-1][0]


def _tag_texts() -> Iterator[Difference]:
    for _, name, stored, counted in _tag_rows():
        for column, old, new in zip(_TAG_TEXTS, stored, counted, strict=True):
            if old != new:
                yield Difference(f"tag.{column}", name, old, new)


def _agent_texts() -> Iterator[Difference]:
    for _, public_id, (old,), (new,) in _agent_rows():
        if old != new:
            yield Difference("agent.name_folded", public_id, old, new)


def _write_texts(model: type[Model], columns: tuple[str, ...], rows: Iterable[_Row]) -> int:
    key, *names = columns
    settings = ", ".join(f"{name} = %s" for name in names)
    statement = f"UPDATE {model._meta.db_table} SET {settings} WHERE {key} = %s"  # noqa: S608 ours
    count = 0
    wrong = (((*new, key), sum(map(ne, old, new))) for key, _, old, new in rows if old != new)
    with connection.cursor() as cursor:
        while chunk := list(islice(wrong, _CHUNK)):
            cursor.executemany(statement, [values for values, _ in chunk])
            count += sum(number for _, number in chunk)
    return count


# --- Counters and search tables, which the database compares ------------------------------------

# Each gives key, name, what is stored and what is counted, of the rows where these two differ.
_COUNTERS = {
    "tag.n": (
        "SELECT t.id AS k, t.name, t.n, COALESCE(c.n, 0) AS counted FROM agents_tag t LEFT JOIN"
        " (SELECT tag_id, count(*) AS n FROM agents_agenttag GROUP BY tag_id) c ON c.tag_id = t.id"
        " WHERE t.n <> COALESCE(c.n, 0)"
    ),
    "agent.tag_count": (
        "SELECT a.seq AS k, a.public_id, a.tag_count, COALESCE(c.n, 0) AS counted"
        " FROM agents_agent a LEFT JOIN"
        " (SELECT agent_id, count(*) AS n FROM agents_agenttag GROUP BY agent_id) c"
        " ON c.agent_id = a.seq WHERE a.tag_count <> COALESCE(c.n, 0)"
    ),
    "agent.user_tag_count": (
        "SELECT a.seq AS k, a.public_id, a.user_tag_count, COALESCE(c.n, 0) AS counted"
        " FROM agents_agent a LEFT JOIN (SELECT r.agent_id, count(*) AS n FROM agents_agenttag r"
        " JOIN agents_tag t ON t.id = r.tag_id WHERE t.names_user GROUP BY r.agent_id) c"
        " ON c.agent_id = a.seq WHERE a.user_tag_count <> COALESCE(c.n, 0)"
    ),
}
_SOURCES = {
    TAG_INDEX: ("agents_tag", "id", "name"),
    AGENT_INDEX: ("agents_agent", "seq", "public_id"),
}
_INDEXES = {
    index: (
        # Missing or stale, and then what is left over.
        f"SELECT o.{key} AS k, o.{name}, s.folded, o.name_folded FROM {table} o"  # noqa: S608 ours
        f" LEFT JOIN {index} s ON s.rowid = o.{key} WHERE s.folded IS NOT o.name_folded"
        f" UNION ALL SELECT s.rowid, CAST(s.rowid AS TEXT), s.folded, NULL FROM {index} s"
        f" LEFT JOIN {table} o ON o.{key} = s.rowid WHERE o.{key} IS NULL"
    )
    for index, (table, key, name) in _SOURCES.items()
}


def _selected(what: str, query: str) -> Iterator[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(f"{query} ORDER BY 1")
        while rows := cursor.fetchmany(_CHUNK):
            for _, row, stored, counted in rows:
                yield Difference(what, row, stored, counted)


def _write_counter(what: str, query: str) -> int:
    table, _, column = what.partition(".")
    key = "id" if table == "tag" else "seq"
    return _execute(
        f"UPDATE agents_{table} SET {column} = d.counted FROM ({query}) d"  # noqa: S608 ours
        f" WHERE agents_{table}.{key} = d.k"
    )


def _rebuild_index(index: str, query: str) -> int:
    table, key, _ = _SOURCES[index]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({query})")  # noqa: S608 ours
        count: int = cursor.fetchone()[0]
    _execute(f"DELETE FROM {index}")  # noqa: S608 ours
    _execute(
        f"INSERT INTO {index} (rowid, folded)"  # noqa: S608 ours
        f" SELECT {key}, name_folded FROM {table} ORDER BY {key}"
    )
    return count


def _execute(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)
