"""What is derived from other rows, counted again: found where it differs, and set right.

Derived are the counters of tags and agents, the folded and look-alike texts, what a tag's text
says by the settings (names a user, is protected), and SQLite's search tables.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from agents.domain import search
from agents.domain.tagrows import is_protected, names_a_user
from agents.domain.transactions import snapshot, write
from agents.models import Agent, Tag
from agents.tagnames import fold, lookalike_key

_CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that is not what it should be; `row` is a tag's name or an agent's id."""

    what: str
    row: str
    stored: Any
    counted: Any


# Of each tag the agents that carry it, of each agent its tags and those that name a user.
_COUNTERS = {
    "tag.n": (
        "SELECT t.id, t.name, t.n, COALESCE(c.n, 0) FROM agents_tag t LEFT JOIN"
        " (SELECT tag_id, count(*) AS n FROM agents_agenttag GROUP BY tag_id) c ON c.tag_id = t.id"
        " WHERE t.n <> COALESCE(c.n, 0) ORDER BY t.id"
    ),
    "agent.tag_count": (
        "SELECT a.seq, a.public_id, a.tag_count, COALESCE(c.n, 0) FROM agents_agent a LEFT JOIN"
        " (SELECT agent_id, count(*) AS n FROM agents_agenttag GROUP BY agent_id) c"
        " ON c.agent_id = a.seq WHERE a.tag_count <> COALESCE(c.n, 0) ORDER BY a.seq"
    ),
    "agent.user_tag_count": (
        "SELECT a.seq, a.public_id, a.user_tag_count, COALESCE(c.n, 0) FROM agents_agent a"
        " LEFT JOIN (SELECT r.agent_id, count(*) AS n FROM agents_agenttag r"
        " JOIN agents_tag t ON t.id = r.tag_id WHERE t.names_user GROUP BY r.agent_id) c"
        " ON c.agent_id = a.seq WHERE a.user_tag_count <> COALESCE(c.n, 0) ORDER BY a.seq"
    ),
}
_MISSING_OR_STALE = (
    "SELECT o.{key}, o.{label}, s.folded, o.name_folded FROM {table} o LEFT JOIN {index} s"
    " ON s.rowid = o.{key} WHERE s.folded IS NOT o.name_folded ORDER BY o.{key}"
)
_LEFT_OVER = (
    "SELECT s.rowid, CAST(s.rowid AS TEXT), s.folded, NULL FROM {index} s LEFT JOIN {table} o"
    " ON o.{key} = s.rowid WHERE o.{key} IS NULL ORDER BY s.rowid"
)
_INDEXES = {
    search.TAG_INDEX: {"table": "agents_tag", "key": "id", "label": "name"},
    search.AGENT_INDEX: {"table": "agents_agent", "key": "seq", "label": "public_id"},
}
# A difference with the key of its row.
_Found = tuple[int, Difference]


def differences(*, most: int = 10_000) -> list[Difference]:
    """What is not as counted, at most `most` of each kind; empty when all is well.

    Reads every tag and agent: some 20 s at a million agents.
    """
    with snapshot():
        return [
            difference
            for _, find in _finders()
            for (_, difference), _ in zip(find(), range(most), strict=False)
        ]


@write
def repair() -> list[Difference]:
    """Set right what differs, and say what did. Writers wait meanwhile.

    It is no act upon an agent: versions, times and history stay as they are.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Readers go on; SQLite's transaction is such a lock by itself.
            cursor.execute(
                "LOCK TABLE agents_agenttag, agents_tag, agents_agent IN SHARE ROW EXCLUSIVE MODE"
            )
    done = []
    # The texts come first: what names a user decides the counters after it.
    for what, find in _finders():
        found = list(find())
        for start in range(0, len(found), _CHUNK):
            _set(what, found[start : start + _CHUNK])
        done += [difference for _, difference in found]
    return done


def _finders() -> Iterator[tuple[str, Callable[[], Iterator[_Found]]]]:
    yield "tag", _tag_texts
    yield "agent", _agent_texts
    for what, query in _COUNTERS.items():
        yield what, _by_query(what, query)
    if connection.vendor == "sqlite":
        for index, names in _INDEXES.items():
            for query in (_MISSING_OR_STALE, _LEFT_OVER):
                yield index, _by_query(index, query.format(index=index, **names))


def _tag_texts() -> Iterator[_Found]:
    names = ("name_folded", "lookalike", "names_user", "protected")
    rows = Tag.objects.order_by("id").values_list("id", "name", *names)
    for key, name, *stored in rows.iterator(_CHUNK):
        counted = (fold(name), lookalike_key(name), names_a_user(name), is_protected(name))
        for column, old, new in zip(names, stored, counted, strict=True):
            if old != new:
                yield key, Difference(f"tag.{column}", name, old, new)


def _agent_texts() -> Iterator[_Found]:
    rows = Agent.objects.order_by("seq").values_list("seq", "public_id", "name", "name_folded")
    for key, public_id, name, folded in rows.iterator(_CHUNK):
        if folded != fold(name):
            yield key, Difference("agent.name_folded", public_id, folded, fold(name))


def _by_query(what: str, query: str) -> Callable[[], Iterator[_Found]]:
    def find() -> Iterator[_Found]:
        with connection.cursor() as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(_CHUNK):
                for key, row, stored, counted in rows:
                    yield key, Difference(what, row, stored, counted)

    return find


def _set(what: str, found: list[_Found]) -> None:
    if what in _INDEXES:
        search.forget_rows(what, [key for key, _ in found])
        search.index_rows(
            what, [(key, item.counted) for key, item in found if item.counted is not None]
        )
        return
    with connection.cursor() as cursor:
        for key, item in found:
            table, _, column = item.what.partition(".")
            name = "id" if table == "tag" else "seq"
            cursor.execute(
                f"UPDATE agents_{table} SET {column} = %s WHERE {name} = %s",  # noqa: S608 ours
                [item.counted, key],
            )
