"""Tags in use in the order of their names, found by bounded statements: what lists of them are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ade.replica import connection
from agents.listing import bounds

# Up to this many hits of the trigram index are taken as the candidates; where there are more, a
# walk in the order wanted meets enough of them soon.
HITS = 2000
# Trigrams find three characters and more.
TRIGRAM = 3


@dataclass(frozen=True, slots=True)
class Way:
    """From which name on, excluded, in which direction, and which folded text the names hold."""

    start: str | None
    descending: bool
    folded: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A tag and how many agents carry it."""

    id: int
    name: str
    n: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """The tags that one statement found, and at how many it looked for them at most."""

    tags: list[Named]
    looked: int


def stretches(way: Way, most: int) -> Iterator[Stretch]:
    """The tags of a way, in its order, up to `most` at a time, until there are none left."""
    if way.folded and (ids := few_hits(way.folded)) is not None:
        yield _of_ids(ids, way)
        return
    step = 0
    while True:
        budget = bounds.BUDGETS[min(step, len(bounds.BUDGETS) - 1)] if way.folded else most
        tags = _look(way, budget, most)
        yield Stretch(tags, budget)
        if len(tags) == most:
            end: str | None = tags[-1].name
        elif not way.folded:
            return
        else:
            end = _end(way, budget)
            step += 1
        if end is None:
            return
        way = Way(end, way.descending, way.folded)


def _of_ids(ids: list[int], way: Way) -> Stretch:
    marks = ", ".join(map(str, ids)) or "NULL"
    where, params, order = along(way)
    sql = f"SELECT t.id, t.name, t.n FROM agents_tag t WHERE t.id IN ({marks}) AND {where} {order}"
    return Stretch(_tags(sql, params), len(ids))


def _look(way: Way, budget: int, most: int) -> list[Named]:
    """Up to `most` among the next `budget`; the inner limit is a fence, as in agents.listing.scan."""
    where, params, order = along(way)
    columns = "t.id, t.name, t.n, t.name_folded" if way.folded else "t.id, t.name, t.n"
    sql = f"SELECT {columns} FROM agents_tag t WHERE {where} {order} LIMIT %s"
    params.append(budget)
    if way.folded:
        sql = f"SELECT c.id, c.name, c.n FROM ({sql}) c WHERE {holds('c.name_folded')} LIMIT %s"
        params += [way.folded, most]
    return _tags(sql, params)


def _end(way: Way, budget: int) -> str | None:
    """The last name that such a statement looked at; None if it came to the end."""
    where, params, order = along(way)
    sql = f"SELECT t.name FROM agents_tag t WHERE {where} {order} LIMIT 1 OFFSET %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, budget - 1])
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def along(way: Way) -> tuple[str, list[Any], str]:
    """The condition, its parameters and the order of a walk along the index of names in use."""
    # The number stands in the text: SQLite uses a partial index only if it can read the condition.
    where = "t.n > 0"
    order = f"ORDER BY t.name {'DESC' if way.descending else 'ASC'}"
    if way.start is None:
        return where, [], order
    return f"{where} AND t.name {'<' if way.descending else '>'} %s", [way.start], order


def _tags(sql: str, params: list[Any]) -> list[Named]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [Named(*row) for row in cursor.fetchall()]


def holds(column: str) -> str:
    """SQL that is true where a column holds the text of one parameter."""
    position = "instr" if connection.vendor == "sqlite" else "strpos"
    return f"{position}({column}, %s) > 0"


def few_hits(folded: str) -> list[int] | None:
    """Ids of all tags whose name holds this text; None if they are many or it is too short."""
    ids = hits(folded)
    return ids if ids is not None and len(ids) <= HITS else None


def hits(folded: str) -> list[int] | None:
    """Ids of tags whose name holds this text, HITS + 1 of them at most; None if it is too short."""
    if len(folded) < TRIGRAM:
        return None
    source, wanted = matches(folded)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t.id FROM {source} LIMIT %s", [wanted, HITS + 1])
        return [row[0] for row in cursor.fetchall()]


def matches(folded: str) -> tuple[str, str]:
    """The tags `t` whose name holds this text, by the trigram index, as a FROM and its parameter."""
    if connection.vendor == "sqlite":
        # The order of a cross join is kept.
        source = "agents_tag_search s CROSS JOIN agents_tag t ON t.id = s.rowid"
        return f"{source} WHERE s.folded MATCH %s", '"' + folded.replace('"', '""') + '"'
    return "agents_tag t WHERE t.name_folded LIKE %s", f"%{like(folded)}%"


def like(text: str) -> str:
    """The text as a LIKE pattern that stands for itself."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
