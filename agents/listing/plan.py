"""From a filter to a plan: which index drives the scan, and what is probed for each of its rows.

The driver is the narrowest thing that every wanted agent has: of the required tags the one that
fewest agents carry. Counters say which, so the choice does not rest on the planner's statistics,
which are stale when it matters. See docs/performance.md for what was measured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ade.replica import connection
from agents.actors import Actor
from agents.filters import AgentFilter
from agents.listing import bounds
from agents.listing.lookups import IN_NAMES, fetch
from agents.models import Identity
from agents.tagnames import fold

Params = list[Any]

# Trigrams find three characters and more.
TRIGRAM = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that must be true of a candidate; `{k}` stands for its key.

    `sql` is asked of one candidate after another and cannot be turned into a join. `whole` says the
    same and can: where every candidate is counted, a join reads less than as many probes. What is asked of the agent's own columns can be read where the walk stands, if that is on the
    agents: `of_row` says it of the `columns` of a candidate `c`.
    """

    sql: str
    whole: str
    params: Params
    of_row: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Driver:
    """A source of candidate keys that an index gives in the order of the key.

    `size` is how many there are, exact for tags, None where nobody knows.
    """

    table: str
    key: str
    where: str
    params: Params
    size: int | None = None

    @property
    def on_agents(self) -> bool:
        """True if its candidates are rows of agents, whose columns can be read in passing."""
        return self.table == "agents_agent"


@dataclass(slots=True)
class Plan:
    """Candidates come from the drivers (merged, where there are several); conditions are probed."""

    drivers: list[Driver]
    conditions: list[Condition] = field(default_factory=list)

    @property
    def size(self) -> int | None:
        """How many candidates there are at most, if that is known."""
        sizes = [driver.size for driver in self.drivers]
        return None if None in sizes else sum(size for size in sizes if size is not None)


_TAGS = f"SELECT name, id, n FROM agents_tag WHERE name {IN_NAMES}"

ALL_AGENTS = Driver("agents_agent", "seq", "TRUE", [])


@dataclass(frozen=True, slots=True)
class _Tags:
    """The tags of a filter as rows: (id, agents that carry it)."""

    required: dict[int, int]
    any: dict[int, int]
    none: list[int]


def make_plan(
    wanted: AgentFilter, actor: Actor, *, drive: bool = True, search: bool = True
) -> Plan | None:
    """The plan for what this actor may see of the filter; None if that is surely nothing.

    Without `drive`, all agents are the candidates and the whole filter is probed. Without
    `search`, the trigram index is not asked.
    """
    tags = _resolve(wanted, actor)
    if tags is None or (wanted.untagged and (tags.required or tags.any)):
        return None
    if wanted.ids is not None and not wanted.ids:
        return None
    identities = None if wanted.identities is None else _identities(wanted.identities, actor)
    if identities == []:
        return None
    drivers, used = _drivers(wanted, tags, search) if drive else ([ALL_AGENTS], set[str]())
    conditions = _tag_conditions(tags, used)
    if identities:
        # Few agents have one of a few identities: where they are the narrowest, they drive.
        own = [_identity_driver(key) for key in identities]
        if drive and _is_narrower(own, drivers):
            drivers, used = own, set()
            conditions = _tag_conditions(tags, used)
        else:
            conditions.append(_identity_condition(identities))
    column = _column_condition(wanted, used)
    return Plan(drivers, conditions + column)


def _resolve(wanted: AgentFilter, actor: Actor) -> _Tags | None:
    limit = () if actor.limit is None else (actor.limit,)
    names = {*wanted.any, *wanted.all, *wanted.none, *limit}
    found = fetch(_TAGS, names) if names else []
    rows = {name: (key, n) for name, key, n in found}
    must = [*wanted.all, *limit]
    if any(name not in rows for name in must):
        return None
    required = dict(rows[name] for name in must)
    none = {rows[name][0] for name in wanted.none if name in rows}
    known = (rows[name] for name in wanted.any if name in rows)
    choice = {key: n for key, n in known if key not in none}
    if none & required.keys() or (wanted.any and not choice):
        return None
    if choice.keys() & required.keys():
        choice = {}
    if len(choice) == 1:
        required |= choice
        choice = {}
    return _Tags(required, choice, sorted(none))


def _identities(public_ids: Sequence[str], actor: Actor) -> list[int]:
    """The keys of the identities, none for who may not know of them."""
    if actor.limit is not None:
        return []
    found = Identity.objects.filter(public_id__in=public_ids).order_by("id")
    return list(found.values_list("id", flat=True))


def _identity_driver(key: int) -> Driver:
    return Driver("agents_agentidentity", "agent_id", "identity_id = %s", [key])


def _is_narrower(own: Sequence[Driver], others: Sequence[Driver]) -> bool:
    """True if one set of drivers surely has no more candidates than another, or both are large."""
    if ALL_AGENTS in others:
        return True
    theirs, mine = ([estimated(driver) for driver in some] for some in (others, own))
    if None in theirs:
        return True
    return None not in mine and sum(n or 0 for n in mine) <= sum(n or 0 for n in theirs)


def _identity_condition(keys: list[int]) -> Condition:
    """That a candidate has one of these identities."""
    marks = ", ".join(["%s"] * len(keys))
    row = f"FROM agents_agentidentity p WHERE p.identity_id IN ({marks}) AND p.agent_id = {{k}}"
    probe = f"(SELECT p.identity_id {row} LIMIT 1) IS NOT NULL"
    return Condition(probe, f"EXISTS (SELECT 1 {row})", [*keys])


def _tag_driver(tag_id: int, size: int) -> Driver:
    return Driver("agents_agenttag", "agent_id", "tag_id = %s", [tag_id], size)


def _drivers(wanted: AgentFilter, tags: _Tags, search: bool) -> tuple[list[Driver], set[str]]:
    """The drivers, and the names of the parts of the filter that they satisfy by themselves."""
    best: tuple[list[Driver], set[str]] = ([ALL_AGENTS], set())
    size: int | None = None
    if tags.required:
        tag_id, size = min(tags.required.items(), key=lambda item: (item[1], item[0]))
        best = [_tag_driver(tag_id, size)], {f"tag:{tag_id}"}
    if tags.any and (size is None or sum(tags.any.values()) < size):
        size = sum(tags.any.values())
        best = [_tag_driver(key, n) for key, n in tags.any.items()], {"any"}
    if size is not None and size <= bounds.ESTIMATE:
        return best  # narrow enough: finding out what else there is costs more
    for part, driver in _column_drivers(wanted, search):
        if size is None:
            return [driver], {part}
        if (estimate := estimated(driver)) is not None and estimate < size:
            size, best = estimate, ([driver], {part})
        if size <= bounds.ESTIMATE:
            break
    return best


def _column_drivers(wanted: AgentFilter, search: bool) -> Iterable[tuple[str, Driver]]:
    """Drivers that the agents' own columns offer, the narrowest kinds first."""
    if wanted.ids is not None:
        marks = ", ".join(["%s"] * len(wanted.ids))
        yield "ids", Driver("agents_agent", "seq", f"public_id IN ({marks})", [*wanted.ids])
    if wanted.name is not None:
        yield "name", Driver("agents_agent", "seq", "name = %s", [wanted.name])
    if search and (hits := search_driver(wanted.q)):
        yield "q", hits
    if wanted.two_users:
        yield "two_users", Driver("agents_agent", "seq", "user_tag_count > 1", [])
    if wanted.untagged:
        yield "untagged", Driver("agents_agent", "seq", "tag_count = 0", [])
    if wanted.userless:
        yield "userless", Driver("agents_agent", "seq", "user_tag_count = 0", [])
    if len(wanted.models) == 1:
        yield "models", Driver("agents_agent", "seq", "model = %s", [wanted.models[0]])


def search_driver(q: str) -> Driver | None:
    """The trigram index as a driver, where it can be one for this search.

    SQLite's gives its hits in the order of the key. PostgreSQL's gives them in none: it drives
    where they are few enough to sort, and where they are many, a scan in order meets them soon.
    """
    folded = fold(q)
    if len(folded) < TRIGRAM:
        return None
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


def estimated(driver: Driver) -> int | None:
    """How many candidates a driver has, counted up to a bound; None beyond it."""
    if driver.size is not None:
        return driver.size
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {driver.table} WHERE {driver.where} LIMIT %s) few",
            [*driver.params, bounds.ESTIMATE + 1],
        )
        (count,) = cursor.fetchone()
    return int(count) if count <= bounds.ESTIMATE else None


# A scalar sub-select and not EXISTS: PostgreSQL turns an EXISTS into a join when it sees a generic
# plan, and starts it at the wrong end.
_PROBE = "(SELECT p.tag_id {row} LIMIT 1) IS {negated}NULL"


def _tag_condition(tag_ids: Params, *, carried: bool) -> Condition:
    """That a candidate carries one of these tags, or that it carries none."""
    marks = "= %s" if len(tag_ids) == 1 else f"IN ({', '.join(['%s'] * len(tag_ids))})"
    row = f"FROM agents_agenttag p WHERE p.tag_id {marks} AND p.agent_id = {{k}}"
    probe = _PROBE.format(row=row, negated="NOT " if carried else "")
    whole = f"{'' if carried else 'NOT '}EXISTS (SELECT 1 {row})"
    return Condition(probe, whole, tag_ids)


def _tag_conditions(tags: _Tags, used: set[str]) -> list[Condition]:
    # The tag that fewest agents carry refuses most candidates: probe it first.
    wanted = sorted(tags.required, key=lambda key: (tags.required[key], key))
    conditions = [_tag_condition([key], carried=True) for key in wanted if f"tag:{key}" not in used]
    if tags.any and "any" not in used:
        conditions.append(_tag_condition([*tags.any], carried=True))
    return conditions + [_tag_condition([key], carried=False) for key in tags.none]


def _column_condition(wanted: AgentFilter, used: set[str]) -> list[Condition]:
    """All that is asked of the agent's own columns, as one condition."""
    left = [test for test in _column_tests(wanted) if test[0] not in used]
    if not left:
        return []
    columns = tuple(dict.fromkeys(column for _, column, _, _ in left))
    values = [value for *_, params in left for value in params]
    probe, of_row = (
        " AND ".join(test.format(f"{row}.{column}") for _, column, test, _ in left) for row in "ac"
    )
    row = "FROM agents_agent a WHERE a.seq = {k}"
    whole = f"EXISTS (SELECT 1 {row} AND {probe})"
    return [Condition(f"(SELECT {probe} {row})", whole, values, of_row, columns)]


def _column_tests(wanted: AgentFilter) -> Iterable[tuple[str, str, str, Params]]:
    """Parts of the filter: its name, its column, what is asked of it, and the parameters."""
    if wanted.ids is not None:
        marks = ", ".join(["%s"] * len(wanted.ids))
        yield "ids", "public_id", f"{{}} IN ({marks})", [*wanted.ids]
    if wanted.name is not None:
        yield "name", "name", "{} = %s", [wanted.name]
    if wanted.models:
        marks = ", ".join(["%s"] * len(wanted.models))
        yield "models", "model", f"{{}} IN ({marks})", [*wanted.models]
    if folded := fold(wanted.q):
        position = "instr" if connection.vendor == "sqlite" else "strpos"
        yield "q", "name_folded", f"{position}({{}}, %s) > 0", [folded]
    if wanted.untagged:
        yield "untagged", "tag_count", "{} = 0", []
    if wanted.userless:
        yield "userless", "user_tag_count", "{} = 0", []
    if wanted.two_users:
        yield "two_users", "user_tag_count", "{} > 1", []
