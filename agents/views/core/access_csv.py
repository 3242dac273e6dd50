"""A report about access as CSV: who could touch the agents, who did, and which tags an agent had."""

from collections.abc import Iterator
from datetime import datetime

from django.http import HttpRequest, HttpResponseBase

from agents.queries.access.period import Report
from agents.views.core.csv_response import csv_file
from agents.views.core.csv_text import csv_text

_HEAD = [
    *("row", "actor", "name", "rights", "only", "from_key", "by", "tag"),
    *("from", "until", "changes", "change_set"),
]


def report_csv(request: HttpRequest, report: Report) -> HttpResponseBase:
    """The report as a file. Its first column says what a row is: could, did, tag, or complete_since."""
    name = f"access-{report.since:%Y-%m-%d}-{report.until:%Y-%m-%d}.csv"
    return csv_file(request, name, _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield csv_text([_HEAD])
    yield csv_text([cells.get(column) for column in _HEAD] for cells in _cells(report))


def _cells(report: Report) -> Iterator[dict[str, object]]:
    for row in report.could:
        by = "tag" if row.tag is not None else "agent ID" if row.by_id else "all agents"
        who: dict[str, object] = {
            "row": "could",
            "actor": row.subject,
            "name": row.name,
            "rights": row.rights,
        }
        who |= {"only": row.only and ", ".join(row.only), "from_key": row.from_key}
        yield who | {"by": by, "tag": row.tag} | _from(row.since, row.until)
    for one in report.did:
        who = {"row": "did", "actor": one.subject, "name": one.name}
        yield who | {"changes": one.changes} | _from(one.first, one.last)
    for span in report.tags:
        put = {"row": "tag", "tag": span.tag, "change_set": span.change_set_id}
        yield put | _from(span.since, span.until)
    if report.complete_since is not None:
        yield {"row": "complete_since", "from": report.complete_since.isoformat()}
    if report.more:
        yield {"row": "more"}


def _from(since: datetime, until: datetime | None) -> dict[str, object]:
    return {"from": since.isoformat(), "until": None if until is None else until.isoformat()}
