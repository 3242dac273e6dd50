"""The filter and the order of a list of agents."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Sort(StrEnum):
    """The orders of a list. A leading minus means descending."""

    NEWEST = "-created"
    OLDEST = "created"
    UPDATED = "-updated"
    STALEST = "updated"
    NAME = "name"
    NAME_BACK = "-name"

    @property
    def column(self) -> str:
        """The column to sort by. Ties are broken by the primary key."""
        return {"created": "seq", "updated": "updated_at", "name": "name"}[self.value.lstrip("-")]

    @property
    def descending(self) -> bool:
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class AgentFilter:
    """Conditions on agents. An agent must meet all that are set.

    `any`, `all` and `none` are exact tags. `q` is part of the name, without regard to case and
    accents; `name` is the exact name. An agent needs one of `models`, one of `ids`, one of
    `identities` (by id) and one of `sources` (by name). `kept_here` means of no source. `untagged`
    means no tag, `userless` no user tag, `two_users` two or more user tags, `unused` not used through the
    front door for 30 days.
    """

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    untagged: bool = False
    userless: bool = False
    two_users: bool = False
    kept_here: bool = False
    unused: bool = False
    # Leave out hidden agents, as lists do by default.
    visible: bool = False
    q: str = ""
    # More parts of the name, in any order.
    words: tuple[str, ...] = ()
    name: str | None = None
    models: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None
    identities: tuple[str, ...] | None = None

    @property
    def is_empty(self) -> bool:
        """True if no condition is set, so that every agent matches."""
        return replace(self, visible=False) == AgentFilter()
