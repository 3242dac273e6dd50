"""Find the names that a tag has had. The history stores the name of the time; a rename is one change."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from ade.db.replica import connection

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
        found = {row.id: row for row in _chains(names)}
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


# One statement follows the names, however long the chain of renames is. SQLite ignores an index that was
# empty at the last ANALYZE, and would read all changes of the tag: so it is named. The op is a literal, because
# databases use a partial index only if they can read the condition.
_NEXT = {
    "postgresql": """
SELECT n.name FROM w, LATERAL (
SELECT new COLLATE "C" FROM agents_change WHERE op = 'rename' AND tag = w.name
UNION ALL
SELECT tag FROM agents_change WHERE op = 'rename' AND new = w.name COLLATE "default") n(name)""",
    "sqlite": """
SELECT c.new FROM w CROSS JOIN agents_change c INDEXED BY rename_from
ON c.op = 'rename' AND c.tag = w.name
UNION SELECT c.tag FROM w CROSS JOIN agents_change c INDEXED BY rename_to
ON c.op = 'rename' AND c.new = w.name""",
}
_MARK = {"postgresql": '(CAST(%s AS text) COLLATE "C")', "sqlite": "(%s)"}
_CHAINS = """
WITH RECURSIVE w(name) AS (VALUES {marks} UNION {next})
SELECT c.id, c.tag, c.new, c.at, s.created_at, c.change_set_id
FROM w CROSS JOIN agents_change c {index} CROSS JOIN agents_changeset s
WHERE c.op = 'rename' AND c.tag = w.name AND s.id = c.change_set_id
"""


def _chains(names: Collection[str]) -> Iterator[Rename]:
    vendor, several = connection.vendor, iter(names)
    while chunk := list(islice(several, _CHUNK)):
        sql = _CHAINS.format(
            marks=", ".join([_MARK[vendor]] * len(chunk)),
            next=_NEXT[vendor],
            index="INDEXED BY rename_from" if vendor == "sqlite" else "",
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, chunk)
            for number, old, new, at, written_at, change_set_id in cursor.fetchall():
                yield Rename(number, old, new, _utc(at or written_at), change_set_id)


def _utc(moment: datetime) -> datetime:
    # A raw cursor of SQLite does not know that its times are UTC.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
