"""Find the names that a tag has had. The history stores the name of the time; a rename is one change."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ade.db.replica import connection

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Rename:
    """A rename of a tag. `id` is the change that recorded it; renames are ordered by it."""

    id: int
    old: str
    new: str


class Renames:
    """All renames of tags that have or had one of some names."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = set(names)
        found: dict[int, Rename] = {}
        fresh = set(names)
        while fresh:
            rows = list(_touching(fresh))
            found |= {row.id: row for row in rows}
            fresh = {name for row in rows for name in (row.old, row.new)} - self.names
            self.names |= fresh
        self.all = [found[key] for key in sorted(found)]
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


def _touching(names: Iterable[str]) -> Iterator[Rename]:
    several = iter(names)
    while chunk := list(islice(several, _CHUNK)):
        marks = ", ".join(["%s"] * len(chunk))
        parts = (
            f"SELECT id, tag, new FROM agents_change {_by(index)} WHERE op = 'rename'"
            f" AND {column} IN ({marks})"
            for column, index in (("tag", "rename_from"), ("new", "rename_to"))
        )
        with connection.cursor() as cursor:
            cursor.execute(" UNION ".join(parts), [*chunk, *chunk])
            yield from (Rename(*row) for row in cursor.fetchall())


def _by(index: str) -> str:
    """Name the index for SQLite.

    SQLite ignores an index that was empty at the last ANALYZE, and reads all changes of the tag. The op
    is a literal, because SQLite uses a partial index only if it can read the condition.
    """
    return f"INDEXED BY {index}" if connection.vendor == "sqlite" else ""
