"""A limited actor's reach in SQL: the condition on an agent's key, and the actor's newest agents.

Names are resolved to keys first, so that every statement uses an index: one tag is compared with its
key, several tags or agents with a list of keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.core.actors import Actor
from agents.models import Agent, AgentTag, Tag
from agents.models.querysets import carries_no_closed
from agents.queries.core import bounds
from agents.queries.tags.closed import any_closed, carries_none


@dataclass(frozen=True, slots=True)
class Own:
    """A reach by keys: the ids of its tags in use, or the keys of its agents. Both empty: no agent.

    `most` is the largest possible number of its agents, by the tags' counters. With `closed`, agents
    carry closed tags, and each agent is checked for one.
    """

    tags: tuple[int, ...]
    seqs: tuple[int, ...]
    most: int
    closed: bool

    def sql(self, column: str) -> tuple[str, list[Any]]:
        """Return SQL that is true if `column`, the key of an agent, is within; and its parameters."""
        if not self.tags:
            return f"{column} {_one_of(len(self.seqs))}", [*self.seqs]
        row = f"p.tag_id {_one_of(len(self.tags))} AND p.agent_id = {column}"
        probe = f"(SELECT p.tag_id FROM agents_agenttag p WHERE {row} LIMIT 1) IS NOT NULL"
        return self._open(probe, [*self.tags], column)

    def rows_sql(self, alias: str) -> tuple[str, list[Any]]:
        """Return SQL that selects the agent-tag rows with its tags or of its agents."""
        if not self.tags:
            return f"{alias}.agent_id {_one_of(len(self.seqs))}", [*self.seqs]
        rows = f"{alias}.tag_id {_one_of(len(self.tags))}"
        return self._open(rows, [*self.tags], f"{alias}.agent_id")

    def _open(self, sql: str, params: list[Any], column: str) -> tuple[str, list[Any]]:
        if not self.closed:
            return sql, params
        none, values = carries_none(column)
        return f"{sql} AND {none}", [*params, *values]


def own_of(actor: Actor) -> Own | None:
    """Return the actor's reach by keys; None if it may see all agents."""
    reach = actor.reach
    if reach.everything:
        return None
    if reach.agents:
        seqs = Agent.objects.visible_to(actor).order_by("-seq")
        keys = tuple(seqs.values_list("seq", flat=True))
        return Own((), keys, len(keys), closed=False)  # these keys are checked
    tags = Tag.objects.filter(name__in=reach.tags, n__gt=0).order_by("id") if reach.tags else ()
    return Own(tuple(tag.id for tag in tags), (), sum(tag.n for tag in tags), any_closed())


def newest_own(own: Own, most: int = bounds.OWN) -> list[int]:
    """Return the keys of its newest agents, newest first."""
    found = set(own.seqs)
    for tag_id in own.tags:
        carried = AgentTag.objects.filter(tag_id=tag_id).order_by("-agent_id")
        if own.closed:
            carried = carried.filter(carries_no_closed("agent_id"))
        found.update(carried.values_list("agent_id", flat=True)[:most])
    return sorted(found, reverse=True)[:most]


def _one_of(count: int) -> str:
    marks: Sequence[str] = ["%s"] * count or ["NULL"]
    return "= %s" if count == 1 else f"IN ({', '.join(marks)})"
