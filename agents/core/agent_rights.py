"""The four rights that a key has on the agents within its reach, with Letta's names."""

from collections.abc import Iterable
from enum import StrEnum


class Right(StrEnum):
    """What a key may do with an agent where the agent runs, and in ADE."""

    READ_AGENT = "read_agent"
    WRITE_AGENT = "write_agent"
    READ_MESSAGES = "read_messages"
    WRITE_MESSAGES = "write_messages"


NO_RIGHTS: frozenset[Right] = frozenset()
READ_RIGHTS = frozenset({Right.READ_AGENT, Right.READ_MESSAGES})
ALL_RIGHTS = frozenset(Right)
# The rights that a scope implies, unless its key is narrowed.
SCOPE_RIGHTS = {"read": READ_RIGHTS, "write": ALL_RIGHTS, "manage": ALL_RIGHTS}


def in_order(rights: Iterable[Right]) -> list[str]:
    """Return the rights as lists show them: always in the same order."""
    given = set(rights)
    return [right.value for right in Right if right in given]


def rights_of(scope: str, stored: Iterable[str] | None) -> frozenset[Right]:
    """Return the rights of a key. `stored` narrows those of its scope; None does not.

    A right that is not known, or that the scope does not imply, is no right.
    """
    implied = SCOPE_RIGHTS[scope]
    return implied if stored is None else frozenset(set(implied).intersection(stored))
