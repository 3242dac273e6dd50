"""What a list of agents is asked for: which agents, and in which order. Pure: no database."""

from dataclasses import dataclass
from enum import StrEnum


class Sort(StrEnum):
    """The orders a list may have; a leading minus is descending."""

    NEWEST = "-created"
    OLDEST = "created"
    UPDATED = "-updated"
    STALEST = "updated"
    NAME = "name"
    NAME_BACK = "-name"

    @property
    def column(self) -> str:
        """The column that leads the order; ties are broken by the agent's key."""
        return {"created": "seq", "updated": "updated_at", "name": "name"}[self.value.lstrip("-")]

    @property
    def descending(self) -> bool:
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class AgentFilter:
    """Which agents: every part that is given must hold.

    `any`, `all`, `none` are exact tags. `q` is a part of the name, case and accents folded; `name`
    is the exact name; `models`, `ids` and `identities` (their ids) are alternatives. `untagged`,
    `userless` and `two_users` are agents without a tag, without a tag that names a user, with two
    or more of those.
    """

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    untagged: bool = False
    userless: bool = False
    two_users: bool = False
    q: str = ""
    name: str | None = None
    models: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None
    identities: tuple[str, ...] | None = None

    @property
    def is_empty(self) -> bool:
        """True if it asks for nothing, so that all agents fit."""
        return self == AgentFilter()
