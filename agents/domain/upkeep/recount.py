"""Recount values that are derived from other rows: find differences, and correct them.

Derived are the counters of tags and agents, the folded and look-alike texts, what a tag's text
says by the settings (names a user, is protected), whether an agent is hidden, and SQLite's search
tables.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import ne
from typing import Any

from django.db import connection
from django.db.models import Manager, Model, Q, QuerySet

from agents.core.json_text import loads
from agents.core.lookalikes import LOOKALIKE_VERSION, lookalike_key
from agents.core.natural_order import natural_key
from agents.core.tag_text import fold
from agents.domain.core.search_index import AGENT_INDEX, TAG_INDEX
from agents.domain.core.tag_rules import is_protected, names_a_user
from agents.domain.core.transactions import snapshot, write
from agents.models import Agent, AgentDetail, Tag

_CHUNK = 5000
_WIDE_CHUNK = 100  # of rows with JSON that a client sent
_MOST = 10_000  # differences of one kind that are listed


@dataclass(frozen=True, slots=True)
class Difference:
    """A derived value that is wrong. `row` is a tag's name or an agent's id."""

    what: str
    row: str
    stored: Any
    counted: Any


@dataclass(frozen=True, slots=True)
class Repaired:
    """The corrections: the first differences of each kind, and the number of all."""

    listed: list[Difference]
    count: int


def differences(*, most: int = _MOST) -> list[Difference]:
    """Return the differences, at most `most` of each kind.

    Reads every tag and agent: about 15 s for a million agents.
    """
    with snapshot():
        return [item for find, _ in _checks() for item in islice(find(), most)]


def repair(*, most: int = _MOST) -> Repaired:
    """Correct all differences. Other writers wait only while something that is wrong is corrected.

    Versions and times of agents do not change, and the history records nothing.
    """
    listed: list[Difference] = []
    count = 0
    for find, set_right in _checks():
        with snapshot():
            is_right = next(iter(find()), None) is None
        if not is_right:
            found, number = _repair(find, set_right, most)
            listed += found
            count += number
    return Repaired(listed, count)


@write
def _repair(
    find: Callable[[], Iterator[Difference]], set_right: Callable[[], int], most: int
) -> tuple[list[Difference], int]:
    """Find the differences of a kind again, where nobody writes, and correct them."""
    if connection.vendor == "postgresql":
        # Readers go on; SQLite's transaction is such a lock by itself.
        _execute("LOCK TABLE agents_agenttag, agents_tag, agents_agent IN SHARE ROW EXCLUSIVE MODE")
    found = list(islice(find(), most))
    return found, set_right() if found else 0


def _checks() -> Iterator[tuple[Callable[[], Iterator[Difference]], Callable[[], int]]]:
    """Yield a function that finds differences of a kind, and one that corrects and counts them.

    Texts come first, because the counters depend on which tags name users.
    """
    yield _tag_texts, lambda: _write_texts(Tag, ("id", *_TAG_TEXTS), _tag_rows())
    yield _agent_texts, lambda: _write_texts(Agent, ("seq", "name_folded"), _agent_rows())
    yield _hidden_marks, lambda: _write_texts(Agent, ("seq", "hidden"), _hidden_rows())
    for column, query in _COUNTERS.items():
        yield partial(_selected, column, query), partial(_write_counter, column, query)
    if connection.vendor == "sqlite":
        for index, query in _INDEXES.items():
            yield partial(_selected, index, query), partial(_rebuild_index, index, query)


# --- Texts, which Python makes -----------------------------------------------------------------

_TAG_TEXTS = (
    "name_folded",
    "lookalike",
    "lookalike_version",
    "sort_key",
    "names_user",
    "protected",
)
# Key and name of a row, what its columns hold, what they should hold.
_Row = tuple[int, str, tuple[Any, ...], tuple[Any, ...]]


def _tag_rows() -> Iterator[_Row]:
    by_hand = ("protected_by_hand", "user_by_hand")
    for key, name, guarded, marked, *stored in _by_key(
        Tag.objects, "id", "name", *by_hand, *_TAG_TEXTS
    ):
        protected = stored[-1] if guarded else is_protected(name)
        is_user = bool(marked) or names_a_user(name)
        derived = (fold(name), lookalike_key(name), LOOKALIKE_VERSION, natural_key(name))
        texts = (*derived, is_user, protected)
        yield key, name, tuple(stored), texts


def _agent_rows() -> Iterator[_Row]:
    for key, name, public_id, folded in _by_key(
        Agent.objects, "seq", "name", "public_id", "name_folded"
    ):
        yield key, public_id, (folded,), (fold(name),)


def _hidden_rows() -> Iterator[_Row]:
    # Of all agents, these may differ: a version before the mark wrote `extra` without it.
    details = AgentDetail.objects.filter(Q(agent__hidden=True) | Q(extra__contains='"hidden"'))
    columns = ("agent__public_id", "agent__hidden", "extra")
    for key, public_id, marked, extra in _by_key(details, "agent_id", *columns, chunk=_WIDE_CHUNK):
        yield key, public_id, (marked,), (bool(loads(extra).get("hidden")),)


def _by_key(
    found: Manager[Any] | QuerySet[Any], key: str, *columns: str, chunk: int = _CHUNK
) -> Iterator[Any]:
    """Yield the rows in chunks, each a query of its own, so that rows can be written in between."""
    last = None
    while True:
        rows = found.order_by(key).values_list(key, *columns)
        read = list((rows if last is None else rows.filter(**{f"{key}__gt": last}))[:chunk])
        if not read:
            return
        yield from read
        last = read[-1][0]


def _tag_texts() -> Iterator[Difference]:
    for _, name, stored, counted in _tag_rows():
        for column, old, new in zip(_TAG_TEXTS, stored, counted, strict=True):
            if old != new:
                yield Difference(f"tag.{column}", name, old, new)


def _agent_texts() -> Iterator[Difference]:
    for _, public_id, (old,), (new,) in _agent_rows():
        if old != new:
            yield Difference("agent.name_folded", public_id, old, new)


def _hidden_marks() -> Iterator[Difference]:
    for _, public_id, (old,), (new,) in _hidden_rows():
        if old != new:
            yield Difference("agent.hidden", public_id, old, new)


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
