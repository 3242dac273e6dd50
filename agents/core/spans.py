"""Find the spans of time that contain a moment, without reading those before or after it.

Each second since 2020 is a node of a binary tree. A span is stored under its highest node: the second in
it that is a multiple of the largest power of two. A span that contains a moment can only be under one
of the 32 nodes of `nodes`. Under a node up to the moment's second it contains the moment if it ends
later, under a node after it if it begins no later: an index by node and end, and one by node and begin,
find exactly these.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_BITS = 31
_LAST = (1 << _BITS) - 1
# The node of a span whose begin is not known. No moment leads to it.
UNKNOWN = -1


def second(moment: datetime) -> int:
    """Return the second since 2020; earlier ones are 0, and the last one is in 2088."""
    seconds = (moment - _EPOCH).days * 86_400 + (moment - _EPOCH).seconds
    return min(max(seconds, 0), _LAST)


def node(since: datetime, until: datetime) -> int:
    """Return the node of a span from `since` to before `until`."""
    low, high = second(since), second(until)
    if low >= high:
        return high
    bit = (low ^ high).bit_length() - 1
    return high >> bit << bit


def nodes(moment: datetime) -> tuple[list[int], list[int]]:
    """Return the nodes up to the moment's second, and those after it, the shortest spans first."""
    here = second(moment)
    found = dict.fromkeys([here, *(((here >> bit) | 1) << bit for bit in range(_BITS))])
    return [number for number in found if number <= here], [
        number for number in found if number > here
    ]


def steps(until: datetime) -> list[tuple[datetime, int]]:
    """Return (moment, node) in order: a span up to `until` has the first node whose moment is after its begin.

    For SQL. A span that begins later than all of these has the node `second(until)`.
    """
    high = second(until)
    bits = [bit for bit in reversed(range(_BITS)) if high >> bit & 1]
    return [(_EPOCH + timedelta(seconds=high >> bit << bit), high >> bit << bit) for bit in bits]
