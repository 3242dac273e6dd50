"""Find the names that a tag has had. The history stores the name of the time; a rename is one change."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ade.db.replica import connection
from agents.models import ChangeSet

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Rename:
    """A rename of a tag. `id` is the change that recorded it; renames are ordered by it."""

    id: int
    old: str
    new: str
    at: datetime
    change_set_id: int


class Renames:
    """All renames of tags that have or had one of some names."""

    def __init__(self, names: Collection[str]) -> None:
        found = {row.id: row for row in _touching(names)}
        fresh = {name for row in found.values() for name in (row.old, row.new)} - set(names)
        if fresh:
            found |= {row.id: row for row in _touching(_all_names(fresh))}
        self.all = [found[key] for key in sorted(found)]
        self.names = {*names, *(name for row in self.all for name in (row.old, row.new))}
        self._by_old: dict[str, list[Rename]] = defaultdict(list)
        for row in self.all:
            self._by_old[row.old].append(row)

    def now(self, name: str, since: int) -> str:
        """Return the current name of the tag that had this name at the change `since`."""
        while (row := self._next(name, since)) is not None:
            name, since = row.new, row.id
        return name

    def after(self, name: str, since: int) -> set[str]:
        """Return this name and all later names of the tag that had this name at the change `since`."""
        names = {name}
        while (row := self._next(name, since)) is not None:
            name, since = row.new, row.id
            names.add(name)
        return names

    def _next(self, name: str, since: int) -> Rename | None:
        return next((row for row in self._by_old[name] if row.id > since), None)

    def spans(self, name: str) -> list[tuple[str, int]]:
        """Return the names of the tag with this name, newest first, each with the id of its rename.

        The id is 0 if the tag was created with the name, or if another tag had the name before.
        """
        spans, before = [], None
        while True:
            gave = [
                row
                for row in self.all
                if name in (row.old, row.new) and (before is None or row.id < before)
            ]
            last = gave[-1] if gave else None
            # A rename away from the name belongs to another tag that had the name before.
            spans.append((name, last.id if last else 0))
            if last is None or last.old == name:
                return spans
            name, before = last.old, last.id


# SQLite ignores an index that was empty at the last ANALYZE, and would read all changes of the tag: so it is
# named. The op is a literal, because databases use a partial index only if they can read the condition.
_DIRECT = """
SELECT id, tag, new, change_set_id, at FROM agents_change {from} WHERE op = 'rename' AND tag IN ({marks})
UNION SELECT id, tag, new, change_set_id, at FROM agents_change {to} WHERE op = 'rename' AND new IN ({marks})
"""
# All names that the tags with some names have had, however often they were renamed. It returns names only,
# and begins with few: PostgreSQL expects very many of them, and compiles a costly plan.
_NAMES = {
    "postgresql": """
WITH RECURSIVE w(name) AS (VALUES {marks} UNION SELECT n.name FROM w, LATERAL (
SELECT new COLLATE "C" FROM agents_change WHERE op = 'rename' AND tag = w.name
UNION ALL
SELECT tag FROM agents_change WHERE op = 'rename' AND new = w.name COLLATE "default") n(name))
SELECT name FROM w
""",
    "sqlite": """
WITH RECURSIVE w(name) AS (VALUES {marks}
UNION SELECT c.new FROM w CROSS JOIN agents_change c {from} ON c.op = 'rename' AND c.tag = w.name
UNION SELECT c.tag FROM w CROSS JOIN agents_change c {to} ON c.op = 'rename' AND c.new = w.name)
SELECT name FROM w
""",
}
_NAME = {"postgresql": '(CAST(%s AS text) COLLATE "C")', "sqlite": "(%s)"}


def _touching(names: Iterable[str]) -> Iterator[Rename]:
    """Yield the renames from or to one of these names."""
    rows = [
        row
        for chunk in _chunks(names)
        for row in _read(_DIRECT, ["%s"] * len(chunk), [*chunk, *chunk])
    ]
    # Version 0.2 recorded no moment of a change.
    sets = ChangeSet.objects.filter(id__in={row[3] for row in rows if row[4] is None})
    written = dict(sets.values_list("id", "created_at"))
    for number, old, new, change_set_id, at in rows:
        yield Rename(
            number, old, new, written[change_set_id] if at is None else _utc(at), change_set_id
        )


def _all_names(names: Iterable[str]) -> set[str]:
    vendor = connection.vendor
    return {
        row[0]
        for chunk in _chunks(names)
        for row in _read(_NAMES[vendor], [_NAME[vendor]] * len(chunk), chunk)
    }


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    several = iter(names)
    while chunk := list(islice(several, _CHUNK)):
        yield chunk


def _read(sql: str, marks: list[str], params: list[str]) -> list[tuple[Any, ...]]:
    sqlite = connection.vendor == "sqlite"
    indexes = {
        "from": "INDEXED BY rename_from" if sqlite else "",
        "to": "INDEXED BY rename_to" if sqlite else "",
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.format(marks=", ".join(marks), **indexes), params)
        return list(cursor.fetchall())


def _utc(moment: datetime) -> datetime:
    # A raw cursor of SQLite does not know that its times are UTC.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
