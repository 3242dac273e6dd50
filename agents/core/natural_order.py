"""Natural order: numbers in a text count as numbers, so that user_2 comes before user_10. Pure."""

import re
from collections.abc import Iterator

from agents.core.limits import TAG_LENGTH
from agents.core.tag_text import fold

# A longer run of digits is no number that people count with. It is compared as text.
_DIGITS = 20
_RUN = re.compile("[0-9]+")
_LAST_RUN = re.compile("[0-9]+$")
_LAST = "\U0010ffff"


def natural_key(name: str) -> str:
    """Return text whose order by bytes is the natural order of names, without case and accents.

    Each run of digits is preceded by its length. At most 512 characters: an index holds 2,700 bytes.
    """
    key = _RUN.sub(lambda run: f"{min(len(run[0]), _DIGITS + 1):02d}{run[0]}", fold(name))
    return (key or name)[:TAG_LENGTH]


def natural_ranges(beginning: str) -> Iterator[tuple[str, str]]:
    """Yield the ranges of keys (start, and end excluded) of names with this beginning, in order.

    There are several if it ends with a digit, which more digits may follow: at most 21.
    """
    folded = fold(beginning)
    found = _LAST_RUN.search(folded)
    if found is None:
        start = natural_key(beginning) if folded else ""
        yield start, start + _LAST
        return
    digits, before = found[0], folded[: found.start()]
    head = natural_key(before) if before else ""
    for length in range(min(len(digits), _DIGITS + 1), _DIGITS + 2):
        start = f"{head}{length:02d}{digits}"
        yield start, start + _LAST
