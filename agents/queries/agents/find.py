"""Find one agent by its public id, among those that the actor may see."""

from typing import Any

from django.utils import timezone

from ade.db.statements import IN_NAMES, Loader, fetch, listed, moment
from agents.core.actors import Actor
from agents.core.errors import NotFound
from agents.core.tag_text import text_problem
from agents.models import Agent
from agents.queries.tags.closed import CARRIES_CLOSED

_agents = Loader(Agent)
_SEQ = "SELECT a.seq FROM agents_agent a WHERE a.public_id = %s"
_SOURCE = "SELECT a.source_id FROM agents_agent a WHERE a.public_id = %s"
_AGENT = f"SELECT {_agents.columns('a')} FROM agents_agent a WHERE a.public_id = %s"
_OPEN = f" AND ({CARRIES_CLOSED.format(column='a.seq')} LIMIT 1) IS NULL"
_WITH_DETAIL = (
    "SELECT {columns} FROM agents_agent a JOIN agents_agentdetail d ON d.agent_id = a.seq"
    " WHERE a.public_id = %s"
)
_CARRIES = (
    " AND (SELECT 1 FROM agents_tag t JOIN agents_agenttag x ON x.tag_id = t.id"
    f" WHERE t.name {IN_NAMES} AND x.agent_id = a.seq LIMIT 1) IS NOT NULL"
)


def agent_not_found(agent_id: str) -> NotFound:
    """The error for an agent that does not exist, or that this actor may not see."""
    return NotFound(f"Agent with ID {agent_id} not found")


def find_agent(agent_id: str, actor: Actor, *, with_detail: bool = False) -> Agent:
    """Return the agent, with its `detail` in the same query if asked. Raises NotFound."""
    agent = visible_agent(agent_id, actor, with_detail=with_detail)
    if agent is None:
        raise agent_not_found(agent_id)
    return agent


def visible_agent(agent_id: str, actor: Actor, *, with_detail: bool = False) -> Agent | None:
    """Return the agent, or None if it does not exist or the actor may not see it."""
    if with_detail and not text_problem(agent_id):
        agents = Agent.objects.visible_to(actor).filter(public_id=agent_id)
        return agents.select_related("detail").first()
    row = _row(_AGENT, agent_id, actor)
    return None if row is None else _agents.load(row)


def find_seq(agent_id: str, actor: Actor) -> int:
    """Return the primary key of the agent. Raises NotFound."""
    row = _row(_SEQ, agent_id, actor)
    if row is None:
        raise agent_not_found(agent_id)
    return int(row[0])


def find_columns(columns: str, agent_id: str, actor: Actor) -> tuple[Any, ...]:
    """Return columns of the agent `a` and its detail `d`. Raises NotFound."""
    row = _row(_WITH_DETAIL.format(columns=columns), agent_id, actor)
    if row is None:
        raise agent_not_found(agent_id)
    return row


def source_id_of(agent_id: str, actor: Actor) -> int | None:
    """Return the id of the agent's source, or None if it is kept here. Raises NotFound."""
    row = _row(_SOURCE, agent_id, actor)
    if row is None:
        raise agent_not_found(agent_id)
    source_id: int | None = row[0]
    return source_id


def _row(sql: str, agent_id: str, actor: Actor) -> tuple[Any, ...] | None:
    """Return the row of this agent if it is within the actor's reach, as `visible_to` does."""
    reach = actor.reach
    if text_problem(agent_id):  # PostgreSQL refuses some texts as a parameter
        return None
    if reach.everything:
        rows = fetch(sql, [agent_id])
    elif agent_id in reach.agents:
        rows = fetch(sql + _OPEN, [agent_id, moment(timezone.now())])
    elif reach.tags:
        now = moment(timezone.now())
        rows = fetch(sql + _OPEN + _CARRIES, [agent_id, now, listed(reach.tags)])
    else:
        rows = []
    return next(iter(rows), None)
