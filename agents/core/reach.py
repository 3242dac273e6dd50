"""Which agents an actor can access.

This is the only boundary between users. Every query, check and lock uses the actor's `Reach`. Agents
outside it do not exist for the actor.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec

# The most tags and the most agents in one reach.
TAGS_MOST = 10
AGENTS_MOST = 100


@dataclass(frozen=True, slots=True)
class Reach:
    """All agents, the agents with any of up to TAGS_MOST tags, or up to AGENTS_MOST agents by id.

    Use EVERYTHING, NOTHING, `of_tags` or `of_agents`. `tags` are exact names and `agents` are public
    ids; both are sorted and unique, and only one of them is set. `Reach()` is NOTHING.

    A limited reach never contains an agent with a closed tag: that of a user who was off-boarded some
    days ago (`agents.domain.core.closed_tags`). This holds whatever else the agent carries.

    Renaming or merging a tag updates the stored reaches that contain it. Deleting a tag removes it
    from them, and disables keys and members whose reach is then empty.

    `agents.queries.agents.own` applies a reach to lists in SQL, `AgentQuerySet.visible_to` in the ORM.
    """

    everything: bool = False
    tags: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.everything + bool(self.tags) + bool(self.agents) > 1:
            raise ValueError("A reach is everything, tags or agents, and only one of these.")
        if len(self.tags) > TAGS_MOST or len(self.agents) > AGENTS_MOST:
            raise ValueError(f"A reach has at most {TAGS_MOST} tags or {AGENTS_MOST} agents.")

    @classmethod
    def of_tags(cls, names: Iterable[str]) -> "Reach":
        """The agents with any of these tags. Without tags, NOTHING. Raises ValueError for too many."""
        return cls(tags=tuple(sorted(set(names))))

    @classmethod
    def of_agents(cls, ids: Iterable[str]) -> "Reach":
        """The agents with these public ids. Without ids, NOTHING. Raises ValueError for too many."""
        return cls(agents=tuple(sorted(set(ids))))

    @property
    def only_tag(self) -> str | None:
        """The tag, if the reach is exactly one tag."""
        return self.tags[0] if len(self.tags) == 1 else None

    def covers(self, agent_id: str, tags: Collection[str], *, closed: bool) -> bool:
        """True if the reach contains an agent with this public id and these tags.

        `closed` says whether one of the agent's tags is closed.
        """
        if self.everything or closed:
            return self.everything
        return agent_id in self.agents or any(name in tags for name in self.tags)

    def with_tag(self, old: str, new: str | None) -> "Reach":
        """Return the reach with tag `old` replaced by `new`, or removed if `new` is None."""
        if old not in self.tags:
            return self
        names = [new if name == old else name for name in self.tags]
        return Reach.of_tags(name for name in names if name is not None)

    def in_words(self) -> str:
        """The reach as history and logs show it."""
        if self.everything:
            return "all agents"
        if self.agents:
            return f"{len(self.agents)} agents by ID"
        return f"agents tagged {' or '.join(self.tags)}" if self.tags else "no agent"

    def stored(self) -> str | None:
        """Return the JSON that a key or a member stores. None means EVERYTHING."""
        if self.everything:
            return None
        value = _Stored(agents=list(self.agents)) if self.agents else _Stored(tags=list(self.tags))
        return msgspec.json.encode(value).decode()


EVERYTHING = Reach(everything=True)
NOTHING = Reach()


class _Stored(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The stored form: `{"tags": [...]}` or `{"agents": [...]}`. `{}` is NOTHING."""

    tags: list[str] = []
    agents: list[str] = []


def read_reach(text: str | None) -> Reach:
    """Parse a stored reach. None is EVERYTHING. Invalid text is NOTHING."""
    if text is None:
        return EVERYTHING
    try:
        value = msgspec.json.decode(text, type=_Stored)
        tags, agents = Reach.of_tags(value.tags), Reach.of_agents(value.agents)
    except (msgspec.MsgspecError, ValueError):
        return NOTHING
    if value.tags and value.agents:
        return NOTHING
    return agents if value.agents else tags


# --- The columns of an API key ----------------------------------------------------------------

# The value of `limit_tag` beside a `stored_reach`, which version 0.2 cannot read. No tag contains a
# control character, so for version 0.2 such a key can access no agent.
UNREADABLE_LIMIT = "\x01see reach"


def key_columns(reach: Reach) -> dict[str, str | None]:
    """Return `limit_tag` and `stored_reach` for a key. A single tag is stored in the first, as in 0.2."""
    if reach.everything:
        return {"limit_tag": None, "stored_reach": None}
    if reach.only_tag is not None:
        return {"limit_tag": reach.only_tag, "stored_reach": None}
    return {"limit_tag": UNREADABLE_LIMIT, "stored_reach": reach.stored()}


def of_columns(limit_tag: str | None, stored: str | None) -> Reach:
    """Return the reach that these columns of a key store."""
    if stored is not None:
        return read_reach(stored)
    return EVERYTHING if limit_tag is None else Reach.of_tags([limit_tag])
