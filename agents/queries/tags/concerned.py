"""Find the agents that a tag's rename, merge or deletion concerns: those that carried it then."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db import connection

from agents.models import AgentTag, Change, Op
from agents.queries.history.renames import Renames

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Concerned:
    """The tag names in an event of a tag, and the agents that carried the tag."""

    tags: frozenset[str]
    agents: frozenset[str]


def concerned(
    heads: Mapping[int, int], agents: Collection[str], *, since: int
) -> dict[int, Concerned]:
    """Return which of these agents carried the tag when it changed, or after the change `since`.

    `heads` are changes of tags, by any key; one that is no longer in the history concerns no agent. An
    agent that carried a tag still carries it, or the history records later how it lost it.
    """
    rows = Change.objects.in_bulk(heads.values())
    names = {
        key: frozenset(filter(None, (rows[change].tag, rows[change].new)))
        for key, change in heads.items()
        if change in rows
    }
    renames = Renames({name for found in names.values() for name in found})
    carriers = _carriers(renames.names, agents, since)
    found: dict[int, Concerned] = {}
    for key, about in names.items():
        change = rows[heads[key]]
        all_names = set(about)
        for name in about:
            # After a rename only the new name belongs to this tag.
            if change.op != Op.RENAME or name == change.new:
                all_names |= renames.after(name, change.id)
        found[key] = Concerned(
            about, frozenset[str]().union(*(carriers[name] for name in all_names))
        )
    return found


def _carriers(names: Collection[str], agents: Collection[str], since: int) -> dict[str, set[str]]:
    """Return, by tag name, the agents that carry it now or have changes of it after `since`."""
    found: dict[str, set[str]] = defaultdict(set)
    now = AgentTag.objects.filter(tag__name__in=names).order_by()
    for some in _chunks(agents):
        carried = now.filter(agent__public_id__in=some)
        for name, agent in carried.values_list("tag__name", "agent__public_id"):
            found[name].add(agent)
        for name, agent in _named(list(names), some, since):
            found[name].add(agent)
    return found


def _named(names: Sequence[str], agents: Sequence[str], since: int) -> list[tuple[str, str]]:
    # Read by agent: a tag may have changes on a million agents, and SQLite would use the tag's index.
    index = "INDEXED BY change_by_agent" if connection.vendor == "sqlite" else ""
    asked, among = (", ".join(["%s"] * len(part)) for part in (agents, names))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT tag, agent_id FROM agents_change {index}"
            f" WHERE agent_id IN ({asked}) AND id >= %s AND tag IN ({among})",
            [*agents, since, *names],
        )
        return list(cursor.fetchall())


def _chunks(agents: Collection[str]) -> Iterator[list[str]]:
    left = iter(agents)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk
