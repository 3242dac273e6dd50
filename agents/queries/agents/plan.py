"""Turn a filter into a plan: which index drives the scan, and what is checked for each of its rows.

The driver is the narrowest part of the filter that every wanted agent matches, such as the required
tag that fewest agents carry. The choice uses ADE's counters and not the planner's statistics, which
are stale when it matters. docs/explain/performance.md has the measurements.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.utils import timezone

from ade.db.replica import connection
from agents.core.actors import Actor
from agents.core.filters import AgentFilter
from agents.core.reach import Reach
from agents.core.tag_text import fold
from agents.models import Identity
from agents.queries.agents.drivers import ALL_AGENTS, Driver, Lookups, Params
from agents.queries.core import bounds
from agents.queries.tags.closed import carries_none

# After which an agent counts as not used.
UNUSED_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that must be true for a candidate; `{k}` is its key.

    The database checks `sql` for one candidate after another and cannot turn it into a join. `whole`
    means the same and can become a join, which reads less if every candidate is counted. `of_row`
    means the same for conditions on the agent's own `columns`, if candidates `c` are rows of agents.
    `tags` are set if nothing else decides whether a candidate meets it.
    """

    sql: str
    whole: str
    params: Params
    of_row: str = ""
    columns: tuple[str, ...] = ()
    tags: tuple[int, ...] | None = None


@dataclass(slots=True)
class Plan:
    """The drivers give the candidates (merged if there are several); conditions check each of them."""

    drivers: list[Driver]
    conditions: list[Condition] = field(default_factory=list)

    @property
    def size(self) -> int | None:
        """Return the largest possible number of candidates; None if unknown."""
        sizes = [driver.size for driver in self.drivers]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def tags(self) -> list[int] | None:
        """Return the tags that alone decide which agents match; None if anything else does too."""
        parts = [driver.tags for driver in self.drivers]
        parts += [condition.tags for condition in self.conditions]
        return None if None in parts else sorted({tag for part in parts for tag in part or ()})


@dataclass(frozen=True, slots=True)
class _Tags:
    """The tags of a filter as rows: (id, agents that carry it)."""

    required: dict[int, int]
    # An agent carries at least one tag of each group: of the filter's `any`, and of the reach's tags.
    any: list[dict[int, int]]
    none: list[int]


def make_plan(
    wanted: AgentFilter,
    actor: Actor,
    lookups: Lookups | None = None,
    *,
    drive: bool = True,
    search: bool = True,
) -> Plan | None:
    """Return the plan for the agents of the filter that this actor may see; None if there are none.

    Without `drive`, all agents are candidates and the whole filter is checked. Without `search`, the
    trigram index is not used.
    """
    lookups = lookups or Lookups()
    wanted = _within(wanted, actor.reach)
    tags = _resolve(wanted, actor.reach, lookups)
    if tags is None or (wanted.untagged and (tags.required or tags.any)):
        return None
    if wanted.ids is not None and not wanted.ids:
        return None
    identities = None if wanted.identities is None else _identities(wanted.identities, actor)
    if identities == []:
        return None
    sources = lookups.sources(wanted.sources)
    if wanted.sources and (not sources or wanted.kept_here):
        return None
    drivers, used = _drivers(wanted, tags, lookups, search) if drive else ([ALL_AGENTS], set[str]())
    of_sources = [
        Driver("agents_sourcedagent", "agent_id", "source_id = %s", [key]) for key in sources
    ]
    if drive and of_sources and _is_narrower(of_sources, drivers, lookups):
        drivers, used = of_sources, {"sources"}
    links: list[Condition] = []
    if identities:
        # Few agents have a given identity, so identities drive if nothing else is narrower.
        own = [_identity_driver(key) for key in identities]
        if drive and _is_narrower(own, drivers, lookups):
            drivers, used = own, set()
        else:
            links.append(_identity_condition(identities))
    column = _column_condition(wanted, sources, used)
    closed = _open_condition() if actor.limited and lookups.any_closed() else []
    return Plan(drivers, [*_tag_conditions(tags, used), *closed, *links, *column])


def _within(wanted: AgentFilter, reach: Reach) -> AgentFilter:
    """Return the filter limited to a reach of agent ids. `_resolve` handles a reach of tags."""
    if reach.everything or reach.tags:
        return wanted
    ids = reach.agents if wanted.ids is None else set(wanted.ids) & set(reach.agents)
    return replace(wanted, ids=tuple(sorted(ids)))


def _resolve(wanted: AgentFilter, reach: Reach, lookups: Lookups) -> _Tags | None:
    rows = lookups.tags({*wanted.any, *wanted.all, *wanted.none, *reach.tags})
    if any(name not in rows for name in wanted.all):
        return None
    required = dict(rows[name] for name in wanted.all)
    none = {rows[name][0] for name in wanted.none if name in rows}
    choices = []
    for group in (wanted.any, reach.tags):
        known = (rows[name] for name in group if name in rows)
        choice = {key: n for key, n in known if key not in none}
        if group and not choice:
            return None
        choices.append(choice)
    for choice in choices:
        if len(choice) == 1:
            required |= choice
    if none & required.keys():
        return None
    wide = [choice for choice in choices if choice and not choice.keys() & required.keys()]
    return _Tags(required, wide, sorted(none))


def _identities(public_ids: Sequence[str], actor: Actor) -> list[int]:
    """Return the keys of the identities; none for limited actors, which may not see them."""
    if actor.limited:
        return []
    found = Identity.objects.filter(public_id__in=public_ids).order_by("id")
    return list(found.values_list("id", flat=True))


def _identity_driver(key: int) -> Driver:
    return Driver("agents_agentidentity", "agent_id", "identity_id = %s", [key])


def _is_narrower(own: Sequence[Driver], others: Sequence[Driver], lookups: Lookups) -> bool:
    """True if `own` has no more candidates than `others`, or if both are large."""
    if ALL_AGENTS in others:
        return True
    theirs, mine = ([lookups.estimated(driver) for driver in some] for some in (others, own))
    if None in theirs:
        return True
    return None not in mine and sum(n or 0 for n in mine) <= sum(n or 0 for n in theirs)


def _identity_condition(keys: list[int]) -> Condition:
    """Require that a candidate has one of these identities."""
    marks = ", ".join(["%s"] * len(keys))
    row = f"FROM agents_agentidentity p WHERE p.identity_id IN ({marks}) AND p.agent_id = {{k}}"
    probe = f"(SELECT p.identity_id {row} LIMIT 1) IS NOT NULL"
    return Condition(probe, f"EXISTS (SELECT 1 {row})", [*keys])


def _tag_driver(tag_id: int, size: int) -> Driver:
    return Driver("agents_agenttag", "agent_id", "tag_id = %s", [tag_id], size, (tag_id,))


def _drivers(
    wanted: AgentFilter, tags: _Tags, lookups: Lookups, search: bool
) -> tuple[list[Driver], set[str]]:
    """Return the drivers, and the names of the filter's parts that they satisfy by themselves."""
    best: tuple[list[Driver], set[str]] = ([ALL_AGENTS], set())
    size: int | None = None
    if tags.required:
        tag_id, size = min(tags.required.items(), key=lambda item: (item[1], item[0]))
        best = [_tag_driver(tag_id, size)], {f"tag:{tag_id}"}
    for number, group in enumerate(tags.any):
        if size is None or sum(group.values()) < size:
            size = sum(group.values())
            best = [_tag_driver(key, n) for key, n in group.items()], {f"any:{number}"}
    if size is not None and size <= bounds.ESTIMATE:
        return best  # narrow enough: comparing it with others would cost more
    for part, driver in _column_drivers(wanted, lookups if search else None):
        if size is None:
            return [driver], {part}
        if (estimate := lookups.estimated(driver)) is not None and estimate < size:
            size, best = estimate, ([driver], {part})
        if size <= bounds.ESTIMATE:
            break
    return best


def _column_drivers(wanted: AgentFilter, searching: Lookups | None) -> Iterable[tuple[str, Driver]]:
    """Yield drivers on the agents' own columns, the narrowest kinds first."""
    if wanted.ids is not None:
        marks = ", ".join(["%s"] * len(wanted.ids))
        yield "ids", Driver("agents_agent", "seq", f"public_id IN ({marks})", [*wanted.ids])
    if wanted.name is not None:
        yield "name", Driver("agents_agent", "seq", "name = %s", [wanted.name])
    if searching and (hits := searching.hits(wanted.q)):
        yield "q", hits
    if wanted.two_users:
        yield "two_users", Driver("agents_agent", "seq", "user_tag_count > 1", [])
    if wanted.untagged:
        yield "untagged", Driver("agents_agent", "seq", "tag_count = 0", [])
    if wanted.userless:
        yield "userless", Driver("agents_agent", "seq", "user_tag_count = 0", [])
    if len(wanted.models) == 1:
        yield "models", Driver("agents_agent", "seq", "model = %s", [wanted.models[0]])


# A scalar sub-select and not EXISTS: for a generic plan PostgreSQL turns EXISTS into a join, and may
# start it from the wrong table.
_PROBE = "(SELECT p.tag_id {row} LIMIT 1) IS {negated}NULL"


def _tag_condition(tag_ids: Params, *, carried: bool) -> Condition:
    """Require that a candidate carries one of these tags, or that it carries none of them."""
    marks = "= %s" if len(tag_ids) == 1 else f"IN ({', '.join(['%s'] * len(tag_ids))})"
    row = f"FROM agents_agenttag p WHERE p.tag_id {marks} AND p.agent_id = {{k}}"
    probe = _PROBE.format(row=row, negated="NOT " if carried else "")
    whole = f"{'' if carried else 'NOT '}EXISTS (SELECT 1 {row})"
    return Condition(probe, whole, tag_ids, tags=tuple(tag_ids))


def _tag_conditions(tags: _Tags, used: set[str]) -> list[Condition]:
    # The tag that fewest agents carry excludes most candidates, so it is checked first.
    wanted = sorted(tags.required, key=lambda key: (tags.required[key], key))
    conditions = [_tag_condition([key], carried=True) for key in wanted if f"tag:{key}" not in used]
    for number, group in enumerate(tags.any):
        if f"any:{number}" not in used:
            conditions.append(_tag_condition([*group], carried=True))
    return conditions + [_tag_condition([key], carried=False) for key in tags.none]


def _open_condition() -> list[Condition]:
    """Require that a candidate carries no closed tag: no limited actor can access it then."""
    sql, params = carries_none("{k}")
    return [Condition(sql, sql, params)]


def _column_condition(wanted: AgentFilter, sources: list[int], used: set[str]) -> list[Condition]:
    """Return all conditions on the agent's own columns as one condition."""
    left = [test for test in _column_tests(wanted, sources) if test[0] not in used]
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


def _column_tests(
    wanted: AgentFilter, sources: list[int]
) -> Iterable[tuple[str, str, str, Params]]:
    """Yield parts of the filter: name, column, SQL test, and parameters."""
    if wanted.ids is not None:
        marks = ", ".join(["%s"] * len(wanted.ids))
        yield "ids", "public_id", f"{{}} IN ({marks})", [*wanted.ids]
    if wanted.name is not None:
        yield "name", "name", "{} = %s", [wanted.name]
    if wanted.models:
        marks = ", ".join(["%s"] * len(wanted.models))
        yield "models", "model", f"{{}} IN ({marks})", [*wanted.models]
    if sources:
        marks = ", ".join(["%s"] * len(sources))
        yield "sources", "source_id", f"{{}} IN ({marks})", [*sources]
    if wanted.kept_here:
        yield "kept_here", "source_id", "{} IS NULL", []
    if wanted.unused:
        since = connection.ops.adapt_datetimefield_value(timezone.now() - UNUSED_AFTER)
        used = "SELECT 1 FROM agents_agentuse u WHERE u.agent_id = {} AND u.used_at > %s"
        yield "unused", "seq", f"NOT EXISTS ({used})", [since]
    if folded := fold(wanted.q):
        position = "instr" if connection.vendor == "sqlite" else "strpos"
        yield "q", "name_folded", f"{position}({{}}, %s) > 0", [folded]
    for word in filter(None, map(fold, wanted.words)):
        position = "instr" if connection.vendor == "sqlite" else "strpos"
        yield "words", "name_folded", f"{position}({{}}, %s) > 0", [word]
    if wanted.untagged:
        yield "untagged", "tag_count", "{} = 0", []
    if wanted.userless:
        yield "userless", "user_tag_count", "{} = 0", []
    if wanted.two_users:
        yield "two_users", "user_tag_count", "{} > 1", []
    if wanted.visible:
        yield "visible", "hidden", "NOT {}", []
