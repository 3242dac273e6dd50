"""The charts of the overview as numbers for its template: places of marks in an SVG, and their tables.

Sizes are units of the SVG's view box, which is WIDTH by HEIGHT.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from agents.queries.overview.days import Days

WIDTH, HEIGHT = 420, 110
AGENT_DAYS, TAG_DAYS = 90, 30
# The number of fill patterns in overview/fills.html.
_FILLS = 5
_SOURCES = ("page", "api", "bulk", "import", "command")


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle that links to what it counts. `label` says it in words."""

    x: float
    y: float
    width: float
    height: float
    url: str
    label: str
    fill: int = 0


@dataclass(frozen=True, slots=True)
class AgentChart:
    """Agents at the end of each day, as an area and as one mark for each day."""

    line: str
    area: str
    marks: list[Mark]
    rows: list[tuple[date, int, str]]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TagChart:
    """Tag changes of each day, stacked by source. `rows` has a number for each of `sources`."""

    sources: list[tuple[str, int]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    rows: list[tuple[date, list[int], str]] = field(default_factory=list)
    total: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart, which is a table. `width` is in percent of the longest bar."""

    label: str
    n: int
    width: float
    url: str


def agent_chart(days: Days, agents: int) -> AgentChart:
    """Agents over the last days, counted back from the number of agents now."""
    dates = _dates(days, AGENT_DAYS)
    numbers = [agents]
    for day in reversed(dates[1:]):
        numbers.append(max(numbers[-1] - days.net(day), 0))
    numbers.reverse()
    top, step = max(*numbers, 1), WIDTH / max(len(dates) - 1, 1)
    points = [
        (round(at * step, 1), round(HEIGHT - n / top * (HEIGHT - 4), 1))
        for at, n in enumerate(numbers)
    ]
    line = " ".join(f"{x},{y}" for x, y in points)
    marks = [
        Mark(max(x - step / 2, 0), 0, step, HEIGHT, _of_day(day), f"{day}: {n:,} agents")
        for (x, _), day, n in zip(points, dates, numbers, strict=True)
    ]
    rows = [(day, n, _of_day(day)) for day, n in zip(dates, numbers, strict=True)]
    return AgentChart(
        line, f"0,{HEIGHT} {line} {WIDTH},{HEIGHT}", marks, rows[::-1], numbers[0], agents
    )


def tag_chart(days: Days) -> TagChart:
    """Tag changes of the last days by source."""
    dates = _dates(days, TAG_DAYS)
    by_day = [days.tags(day) for day in dates]
    found = {source for counts in by_day for source in counts}
    sources = [source for source in _SOURCES if source in found] + sorted(found - {*_SOURCES})
    top, step = max(*(sum(counts.values()) for counts in by_day), 1), WIDTH / len(dates)
    marks = []
    for at, (day, counts) in enumerate(zip(dates, by_day, strict=True)):
        bottom = float(HEIGHT)
        for fill, source in enumerate(sources):
            n = counts.get(source, 0)
            if not n:
                continue
            height = max(n / top * (HEIGHT - 4), 1)
            bottom -= height
            label = f"{day}: {n:,} tag changes from {source}"
            place = (round(at * step + 1, 1), round(max(bottom, 0), 1), round(step - 2, 1))
            url = _of_day(day, source)
            marks.append(Mark(*place, round(height, 1), url, label, fill % _FILLS))
    rows = [
        (day, [counts.get(source, 0) for source in sources], _of_day(day))
        for day, counts in zip(dates, by_day, strict=True)
        if counts
    ]
    total = sum(sum(counts.values()) for counts in by_day)
    return TagChart(
        [(one, at % _FILLS) for at, one in enumerate(sources)], marks, rows[::-1], total
    )


def bars(rows: Sequence[tuple[str, int, str]]) -> list[Bar]:
    """Bars of (label, number, URL)."""
    top = max((n for _, n, _ in rows), default=0) or 1
    return [Bar(label, n, round(n / top * 100, 1), url) for label, n, url in rows]


def _dates(days: Days, most: int) -> list[date]:
    today = days.first + timedelta(days=AGENT_DAYS - 1)
    return [today - timedelta(days=back) for back in range(most - 1, -1, -1)]


def _of_day(day: date, source: str = "") -> str:
    query = {"since": day.isoformat(), "until": day.isoformat(), "source": source}
    return f"{reverse('history')}?{urlencode({name: text for name, text in query.items() if text})}"
