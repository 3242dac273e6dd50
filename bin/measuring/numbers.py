"""Times summed up."""

from collections.abc import Sequence
from statistics import median


def percentile(times: Sequence[float], part: float) -> float:
    """The time that this part of the requests took at most; 0 of none."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def ratio_of_rounds(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The median of the ratios round by round, so that what slows a whole round changes nothing.

    None where there is no pair, or a pair has nothing to divide by.
    """
    pairs = list(zip(one, other, strict=False))
    if not pairs or any(below == 0 for _, below in pairs):
        return None
    return median(above / below for above, below in pairs)


def short(value: float | None) -> str:
    """A figure with about three digits, and a dash for none."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
