"""Where the candidates of a list come from, and what a plan looks up to choose among them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ade.db.replica import connection
from agents.core.tag_text import fold
from agents.models import AgentSource
from agents.queries.core import bounds
from agents.queries.core.lookups import IN_NAMES, fetch
from agents.queries.tags.closed import any_closed

Params = list[Any]

# A trigram index finds texts of three characters or more.
TRIGRAM = 3


@dataclass(frozen=True, slots=True)
class Driver:
    """A source of candidate keys that an index returns in the order of the key.

    `size` is the number of candidates: exact for tags, None if unknown. `tags` are those that alone
    decide which candidates there are.
    """

    table: str
    key: str
    where: str
    params: Params
    size: int | None = None
    tags: tuple[int, ...] | None = None

    @property
    def on_agents(self) -> bool:
        """True if its candidates are rows of agents, so that their columns can be read directly."""
        return self.table == "agents_agent"


ALL_AGENTS = Driver("agents_agent", "seq", "TRUE", [])
HIDDEN = Driver("agents_agent", "seq", "hidden", [])


_TAGS = f"SELECT name, id, n FROM agents_tag WHERE name {IN_NAMES}"


class Lookups:
    """What plans look up, read once: for plans of the same moment, such as those of a page and its count."""

    def __init__(self) -> None:
        self._tags: dict[str, tuple[int, int] | None] = {}
        self._sources: dict[Sequence[str], list[int]] = {}
        self._hits: dict[str, Driver | None] = {}
        self._estimates: dict[str, int | None] = {}
        self._any_closed: bool | None = None

    def tags(self, names: Collection[str]) -> dict[str, tuple[int, int]]:
        """Return the tags that exist, by name: id, and number of agents that carry it."""
        unknown = {name for name in names if name not in self._tags}
        if unknown:
            self._tags |= dict.fromkeys(unknown)
            self._tags |= {name: (key, n) for name, key, n in fetch(_TAGS, unknown)}
        return {name: tag for name in names if (tag := self._tags[name]) is not None}

    def any_closed(self) -> bool:
        """True if agents carry closed tags."""
        if self._any_closed is None:
            self._any_closed = any_closed()
        return self._any_closed

    def sources(self, names: Sequence[str]) -> list[int]:
        """Return the ids of the sources that exist."""
        if names and names not in self._sources:
            found = AgentSource.objects.filter(name__in=names).order_by("id")
            self._sources[names] = [source.id for source in found]
        return self._sources[names] if names else []

    def hits(self, q: str) -> Driver | None:
        """Return the trigram index as a driver, if it can drive this search.

        SQLite's index returns hits in the order of the key. PostgreSQL's does not: it drives if the
        hits are few enough to sort. If they are many, a scan in order finds enough of them soon.
        """
        folded = fold(q)
        if len(folded) < TRIGRAM:
            return None
        if folded not in self._hits:
            self._hits[folded] = _search(folded)
        return self._hits[folded]

    def estimated(self, driver: Driver) -> int | None:
        """Return the number of a driver's candidates, counted up to a bound; None if there are more."""
        if driver.size is not None:
            return driver.size
        key = f"{driver.table} {driver.where} {driver.params!r}"
        if key not in self._estimates:
            self._estimates[key] = _estimate(driver)
        return self._estimates[key]


def _search(folded: str) -> Driver | None:
    if connection.vendor == "sqlite":
        phrase = '"' + folded.replace('"', '""') + '"'
        return Driver("agents_agent_search", "rowid", "folded MATCH %s", [phrase])
    pattern = "%" + folded.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq FROM agents_agent WHERE name_folded LIKE %s LIMIT %s",
            [pattern, bounds.SEARCH_HITS + 1],
        )
        hits = [row[0] for row in cursor.fetchall()]
    if len(hits) > bounds.SEARCH_HITS:
        return None
    table = "(SELECT unnest(%s::bigint[]) AS seq)"
    return Driver(f"{table} hits", "seq", "TRUE", [hits], len(hits))


def _estimate(driver: Driver) -> int | None:
    few = f"SELECT 1 FROM {driver.table} WHERE {driver.where} LIMIT %s"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({few}) few", [*driver.params, bounds.ESTIMATE + 1])
        (count,) = cursor.fetchone()
    return int(count) if count <= bounds.ESTIMATE else None
