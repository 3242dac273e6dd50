"""Walk the tags in use in the order of their names, with bounded statements."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ade.db.replica import connection
from agents.queries.core import bounds

# Up to this many hits of the trigram index are the candidates. If there are more, a walk in the wanted
# order finds enough of them soon.
HITS = 2000
# A trigram index finds texts of three characters or more.
TRIGRAM = 3


@dataclass(frozen=True, slots=True)
class Way:
    """A walk: its start and end (both excluded), its direction, and the folded text that names contain."""

    start: str | None
    descending: bool
    folded: str = ""
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A tag and how many agents carry it."""

    id: int
    name: str
    n: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """The tags that one statement found, and how many tags it read at most."""

    tags: list[Named]
    looked: int


def stretches(way: Way, most: int) -> Iterator[Stretch]:
    """Yield the tags of a walk in order, up to `most` at a time, until none are left."""
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
        way = replace(way, start=end)


def _of_ids(ids: list[int], way: Way) -> Stretch:
    marks = ", ".join(map(str, ids)) or "NULL"
    where, params, order = along(way)
    sql = f"SELECT t.id, t.name, t.n FROM agents_tag t WHERE t.id IN ({marks}) AND {where} {order}"
    return Stretch(_tags(sql, params), len(ids))


def _look(way: Way, budget: int, most: int) -> list[Named]:
    """Return up to `most` of the next `budget` tags; the inner limit is a fence, as in core.scan."""
    where, params, order = along(way)
    columns = "t.id, t.name, t.n, t.name_folded" if way.folded else "t.id, t.name, t.n"
    sql = f"SELECT {columns} FROM agents_tag t WHERE {where} {order} LIMIT %s"
    params.append(budget)
    if way.folded:
        sql = f"SELECT c.id, c.name, c.n FROM ({sql}) c WHERE {holds('c.name_folded')} LIMIT %s"
        params += [way.folded, most]
    return _tags(sql, params)


def _end(way: Way, budget: int) -> str | None:
    """Return the last name that such a statement read; None if it reached the end."""
    where, params, order = along(way)
    sql = f"SELECT t.name FROM agents_tag t WHERE {where} {order} LIMIT 1 OFFSET %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, budget - 1])
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def along(way: Way) -> tuple[str, list[Any], str]:
    """Return the condition, its parameters and the order of a walk along the index of names in use."""
    # The number is a literal: SQLite uses a partial index only if it can read the condition.
    where = "t.n > 0"
    order = f"ORDER BY t.name {'DESC' if way.descending else 'ASC'}"
    signs = ("<", ">") if way.descending else (">", "<")
    params = []
    for name, sign in zip((way.start, way.end), signs, strict=True):
        if name is not None:
            where += f" AND t.name {sign} %s"
            params.append(name)
    return where, params, order


def _tags(sql: str, params: list[Any]) -> list[Named]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [Named(*row) for row in cursor.fetchall()]


def holds(column: str) -> str:
    """Return SQL that is true if the column contains the text of one parameter."""
    position = "instr" if connection.vendor == "sqlite" else "strpos"
    return f"{position}({column}, %s) > 0"


def few_hits(folded: str) -> list[int] | None:
    """Return the ids of all tags whose name contains this text; None if many, or if it is too short."""
    ids = hits(folded)
    return ids if ids is not None and len(ids) <= HITS else None


def hits(folded: str) -> list[int] | None:
    """Return up to HITS + 1 ids of tags whose name contains this text; None if it is too short."""
    if len(folded) < TRIGRAM:
        return None
    source, wanted = matches(folded)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t.id FROM {source} LIMIT %s", [wanted, HITS + 1])
        return [row[0] for row in cursor.fetchall()]


def matches(folded: str) -> tuple[str, str]:
    """Return a FROM with the tags `t` whose name contains this text, and its parameter."""
    if connection.vendor == "sqlite":
        # The order of a cross join is kept.
        source = "agents_tag_search s CROSS JOIN agents_tag t ON t.id = s.rowid"
        return f"{source} WHERE s.folded MATCH %s", '"' + folded.replace('"', '""') + '"'
    return "agents_tag t WHERE t.name_folded LIKE %s", f"%{like(folded)}%"


def like(text: str) -> str:
    """Return the text escaped for a LIKE pattern."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
