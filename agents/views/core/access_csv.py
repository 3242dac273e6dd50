"""A report about access as CSV: who could touch the agents, who did, and which tags an agent had."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponseBase

from agents.queries.access.period import Report
from agents.views.core.csv_response import csv_file
from agents.views.core.csv_text import csv_text

_HEAD = [
    *("row", "agent_id", "actor", "name", "rights", "only", "from_key", "by", "tag"),
    *("from", "until", "changes", "change_set"),
]


def report_csv(request: HttpRequest, report: Report, about: dict[str, str]) -> HttpResponseBase:
    """The report as a file. `about` is the agent (agent_id, name) or the tag that it is about.

    Its first column says what a row is: period, could, did, tag, complete_since or more.
    """
    last = report.until - timedelta(days=1)
    name = f"access-{report.since:%Y-%m-%d}-{last:%Y-%m-%d}.csv"
    return csv_file(request, name, _lines(report, about))


def _lines(report: Report, about: dict[str, str]) -> Iterator[str]:
    agent = {"agent_id": about.get("agent_id")}
    yield csv_text([_HEAD])
    yield csv_text(
        [(cells | agent).get(column) for column in _HEAD] for cells in _cells(report, about)
    )


def _cells(report: Report, about: dict[str, str]) -> Iterator[dict[str, object]]:
    yield {"row": "period", **about} | _from(report.since, report.until)
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
