"""The memory of a server: all its processes, as Linux counts it."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from measuring.processors import descendants

_MB = 1024 * 1024


class Memory(NamedTuple):
    """MB of all processes of a server.

    `rss` counts a page that several share for each of them, `pss` once; `own` leaves out files,
    which the system takes back as it likes.
    """

    seconds: float
    rss: float
    pss: float
    own: float


def memory_of(process: int, seconds: float) -> Memory:
    """That of a process and all its children, so many seconds after the start."""
    sums = {"Rss": 0, "Pss": 0, "Pss_Anon": 0}
    for pid in [process, *descendants(process)]:
        for name, value in _rollup(pid).items():
            if name in sums:
                sums[name] += value
    rss, pss, own = (round(value * 1024 / _MB, 1) for value in sums.values())
    return Memory(round(seconds, 1), rss, pss, own)


def _rollup(process: int) -> dict[str, int]:
    """Figures in kB by their names in smaps_rollup."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    pairs = (line.split() for line in lines)
    return {name.rstrip(":"): int(value) for name, value, *_ in pairs}


def grown(samples: Sequence[Memory]) -> float:
    """By what factor the server's own memory grew from the second quarter of the time to the last.

    In the first quarter caches fill; in the rest nothing may grow. 1.0 of too few samples.
    """
    quarter = len(samples) // 4
    if not quarter:
        return 1.0
    before = median(sample.own for sample in samples[quarter : 2 * quarter])
    after = median(sample.own for sample in samples[-quarter:])
    return after / before
