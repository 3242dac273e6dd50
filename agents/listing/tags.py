"""Tags as lists show them: the names in use, in the order of their bytes.

A tag-limited actor sees the tags of its own agents, with counts of its own agents.
"""

from typing import Any

from ade.replica import connection
from agents.actors import Actor
from agents.tagnames import fold

# Up to this many hits of the trigram index are taken as the candidates; where there are more, a
# walk in the order wanted meets enough of them soon.
HITS = 2000
# Trigrams find three characters and more.
_TRIGRAM = 3

_OF_OWN_AGENTS = (
    "t.id IN (SELECT x.tag_id FROM agents_agenttag x WHERE x.agent_id IN"
    " (SELECT y.agent_id FROM agents_agenttag y JOIN agents_tag l ON l.id = y.tag_id"
    " WHERE l.name = %s))"
)


def names(
    *,
    actor: Actor,
    part: str = "",
    after: str | None = None,
    before: str | None = None,
    descending: bool = False,
    size: int,
) -> list[str]:
    """Names of tags in use, sorted by their bytes, after one name or next before another.

    `part` must stand in the name, case and accents folded. A cursor need not be a tag that exists.
    """
    # The number stands in the text: SQLite uses a partial index only if it can read the condition.
    where, params = ["t.n > 0"], list[Any]()
    if "\0" in f"{part}{after}{before}":
        return []  # no tag holds one, and PostgreSQL refuses it
    if actor.limit is not None:
        where.append(_OF_OWN_AGENTS)
        params.append(actor.limit)
    if folded := fold(part):
        condition, values = part_condition(folded)
        where.append(condition)
        params += values
    if after is not None:
        where.append(f"t.name {'<' if descending else '>'} %s")
        params.append(after)
    if before is not None:
        where.append(f"t.name {'>' if descending else '<'} %s")
        params.append(before)
    # What stands next before a cursor is found by walking the other way, and turned round.
    turned = before is not None and after is None
    order = "DESC" if descending != turned else "ASC"
    condition = " AND ".join(where)
    sql = f"SELECT t.name FROM agents_tag t WHERE {condition} ORDER BY t.name {order} LIMIT %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, size])
        found = [row[0] for row in cursor.fetchall()]
    return found[::-1] if turned else found


def part_condition(folded: str) -> tuple[str, list[Any]]:
    """SQL that is true of a tag `t` whose name holds this folded text, and its parameters."""
    ids = hits(folded)
    if ids is not None and len(ids) <= HITS:
        return f"t.id IN ({', '.join(map(str, ids)) or 'NULL'})", []
    position = "instr" if connection.vendor == "sqlite" else "strpos"
    return f"{position}(t.name_folded, %s) > 0", [folded]


def hits(folded: str) -> list[int] | None:
    """Ids of tags whose name holds this text, HITS + 1 of them at most; None if it is too short."""
    if len(folded) < _TRIGRAM:
        return None
    if connection.vendor == "sqlite":
        sql = "SELECT rowid FROM agents_tag_search WHERE folded MATCH %s LIMIT %s"
        wanted = '"' + folded.replace('"', '""') + '"'
    else:
        sql = "SELECT id FROM agents_tag WHERE name_folded LIKE %s LIMIT %s"
        wanted = f"%{like(folded)}%"
    with connection.cursor() as cursor:
        cursor.execute(sql, [wanted, HITS + 1])
        return [row[0] for row in cursor.fetchall()]


def like(text: str) -> str:
    """The text as a LIKE pattern that stands for itself."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
