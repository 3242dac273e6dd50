"""A part of a list that knows whether more rows follow."""

from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Part(list[T], Generic[T]):
    """Rows in the order of the list. `more` is True if more rows follow."""

    more: bool = False


def part_of(
    found: Sequence[T], size: int, *, turned: bool = False, unfinished: bool = False
) -> Part[T]:
    """Return the first `size` of the found rows; the caller read one more than that.

    `turned` rows were found backwards from a cursor, so more rows follow them. `unfinished` means that
    the search stopped before its end.
    """
    rows = Part(found[:size])
    rows.more = len(found) > size or unfinished
    if turned:
        rows.reverse()
        rows.more = bool(rows)
    return rows
