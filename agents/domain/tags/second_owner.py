"""The rule for a second owner: a write adds a user tag, and the agent then has another user tag.

The rule looks at the change under the agent's lock. It does not apply to agents that a manager marked
as meant to be shared. The setting SECOND_OWNER decides what follows: nothing ("allow"), a notice
("warn"), or Conflict ("refuse").
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.conf import settings

from agents.core.errors import SecondOwner
from agents.core.tag_text import shown
from agents.domain.tags import write_all
from agents.models import Agent, Tag

_OWNED = (
    "SELECT count(*) FROM agents_agenttag s JOIN agents_agent a ON a.seq = s.agent_id"
    " WHERE s.tag_id = %s AND a.user_tag_count > %s AND a.shared_reason IS NULL"
)
_ONLY = (
    "SELECT count(*) FROM agents_agenttag s JOIN agents_agent a ON a.seq = s.agent_id"
    " WHERE s.tag_id = %s AND a.user_tag_count = 1"
)
_NOT_BOTH = (
    " AND NOT EXISTS (SELECT 1 FROM agents_agenttag t"
    " WHERE t.tag_id = %s AND t.agent_id = s.agent_id)"
)


@dataclass(slots=True)
class Counted:
    """The agents that got a second owner: those written one by one, and how many others, by what wrote them."""

    agents: set[int] = field(default_factory=set)
    others: dict[object, int] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """How many agents got, or would get, a second owner."""
        return len(self.agents) + sum(self.others.values())


_counted: ContextVar[Counted | None] = ContextVar("second_owners", default=None)


@contextmanager
def counting() -> Iterator[Counted]:
    """Count the agents that get a second owner inside the block. A retried write counts once."""
    counted = Counted()
    token = _counted.set(counted)
    try:
        yield counted
    finally:
        _counted.reset(token)


def warns_of(agent: Agent) -> bool:
    """True if the agent has more than one owner and nobody said that this is meant."""
    if settings.SECOND_OWNER == "allow" or agent.shared_reason is not None:
        return False
    return agent.user_tag_count > 1


def gives_second_owner(agent: Agent, add: Iterable[Tag], remove: Iterable[Tag]) -> bool:
    """True if this change gives the agent a second owner. `agent` has its counts from before it."""
    if settings.SECOND_OWNER == "allow" or agent.shared_reason is not None:
        return False
    gained = sum(tag.names_user for tag in add)
    lost = sum(tag.names_user for tag in remove)
    return gained > 0 and agent.user_tag_count + gained - lost > 1


def why_refused(agent: Agent, add: Iterable[Tag], remove: Iterable[Tag]) -> str | None:
    """Return why this change is refused, as a sentence, or None. Call it under the agent's lock."""
    if settings.SECOND_OWNER != "refuse" or not gives_second_owner(agent, add, remove):
        return None
    return refusal(agent.name)


def refusal(which: str) -> str:
    """The sentence that refuses a second owner."""
    return (
        f"{shown(which)} would have a second owner. Remove the other user tag in the same change, "
        "or ask a manager to mark the agent as meant to be shared."
    )


def check(agent: Agent, add: Iterable[Tag], remove: Iterable[Tag], *, refuse: bool = True) -> bool:
    """Apply the rule to a change of a locked agent. True if the agent gets a second owner.

    Raises SecondOwner under "refuse", unless `refuse` is False: what another server holds is taken in.
    """
    add, remove = list(add), list(remove)
    if not gives_second_owner(agent, add, remove):
        return False
    if refuse and (why := why_refused(agent, add, remove)):
        raise SecondOwner(why)
    note(agent)
    return True


def check_new(agent: Agent, *, refuse: bool = True) -> bool:
    """Apply the rule to an agent that was just created. Raises as `check`."""
    if settings.SECOND_OWNER == "allow" or agent.user_tag_count < 2:
        return False
    if refuse and settings.SECOND_OWNER == "refuse":
        raise SecondOwner(refusal(agent.name))
    note(agent)
    return True


def note(agent: Agent) -> None:
    """Count an agent that gets a second owner."""
    if (counted := _counted.get()) is not None:
        counted.agents.add(agent.seq)


def check_many(number: int, *, of: object) -> None:
    """Apply the rule to a change of many agents, of which `number` would get a second owner.

    `of` names the change, so that a retry counts once. Raises SecondOwner under "refuse".
    """
    if not number:
        return
    if settings.SECOND_OWNER == "refuse":
        raise SecondOwner(refusal("1 agent" if number == 1 else f"Each of {number:,} agents"))
    note_many(number, of=of)


def note_many(number: int, *, of: object) -> None:
    """Count agents that a plan or a change of many gives a second owner."""
    if number and (counted := _counted.get()) is not None:
        counted.others[of] = number


def count_owned(tag: Tag) -> int:
    """Count the agents of a tag that get a second owner once the tag is a user tag."""
    return 0 if settings.SECOND_OWNER == "allow" else write_all.count(_OWNED, [tag.id, 0])


def count_ownerless(tag: Tag) -> int:
    """Count the agents whose only user tag is this one, which they lose."""
    return write_all.count(_ONLY, [tag.id]) if tag.names_user else 0


def count_merged(tag: Tag, into: Tag) -> int:
    """Count the agents that get a second owner if `into` replaces `tag` on them."""
    if settings.SECOND_OWNER == "allow" or not into.names_user:
        return 0
    return write_all.count(_OWNED + _NOT_BOTH, [tag.id, int(tag.names_user), into.id])
