"""Under which names a tag has gone: history keeps the name of its time, a rename is one change."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ade.replica import connection

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Rename:
    """That a tag got another name; `id` is the change that says so, and orders them."""

    id: int
    old: str
    new: str


class Renames:
    """The renames that tags of some names went through, before and after."""

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
        """The name now of the tag that had this one when the change `since` was written."""
        while True:
            after = next((row for row in self._by_old[name] if row.id > since), None)
            if after is None:
                return name
            name, since = after.new, after.id

    def spans(self, name: str) -> list[tuple[str, int]]:
        """The names that the tag of this name has had, newest first, each with the change id that
        gave it; 0 where it was made with it, or where a tag of that name was there before."""
        spans, before = [], None
        while True:
            gave = [
                row
                for row in self.all
                if name in (row.old, row.new) and (before is None or row.id < before)
            ]
            last = gave[-1] if gave else None
            # A rename away from the name ended another tag's time under it.
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
    """SQLite knows nothing of an index that was empty at the last ANALYZE, and reads all changes
    of the tag instead. The op stands in the text as it uses a partial index only if it can read
    the condition."""
    return f"INDEXED BY {index}" if connection.vendor == "sqlite" else ""
