"""Who could touch an agent or the agents of a tag in a period, by what, and who did."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.core.limits import ACCESS_CHANGES, ACCESS_ROWS
from agents.models import HAPPENED_AT, AccessSpan, BulkPlan, Change, ChangeSet
from agents.queries.access.closed import Window, closed_windows, open_parts
from agents.queries.access.now import complete_since
from agents.queries.access.past import Carried, TagSpan, spans_of, steps_of_agent
from agents.queries.history.renames import Renames

# Tags that one statement asks for.
_TAGS = 500
# Ids follow time, except for change-sets written at the same time.
_SLACK = 1_000


@dataclass(frozen=True, slots=True)
class Could:
    """A key, token or member that could touch the agent from `since` to before `until` (None: still).

    It could by `tag`, by the agent's id (`by_id`), or because it could access all agents. `only` are the
    rights on agents that it was narrowed to. A client-side access token was made by the key `from_key`.
    """

    subject: str
    name: str
    rights: str
    tag: str | None
    by_id: bool
    since: datetime
    until: datetime | None
    only: tuple[str, ...] | None = None
    from_key: str | None = None


@dataclass(frozen=True, slots=True)
class Did:
    """An actor who changed the agent in the period: how often, and the first and last time."""

    subject: str
    name: str
    changes: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """The answer about a period. It is complete from `complete_since` on, if that is given.

    `tags` are the agent's tags. With `more`, there are others who could or did.
    """

    since: datetime
    until: datetime
    tags: list[TagSpan] = field(default_factory=list)
    could: list[Could] = field(default_factory=list)
    did: list[Did] = field(default_factory=list)
    more: bool = False
    complete_since: datetime | None = None


def agent_report(agent_id: str, since: datetime, until: datetime) -> Report:
    """Return who could touch an agent from `since` to before `until`, and who did. Raises LimitExceeded."""
    spans, lives = spans_of(steps_of_agent(agent_id))
    tags = [span for span in spans if _meet(span.since, span.until, since, until)]
    existed = [
        Window(max(born, since), _sooner(gone, until))
        for born, gone in lives
        if _meet(born, gone, since, until)
    ]
    closed = closed_windows(tags)
    by_tag = [
        (span.tag, window)
        for span in tags
        for window in open_parts(Window(max(span.since, since), _sooner(span.until, until)), closed)
    ]
    by_id = [part for window in existed for part in open_parts(window, closed)]
    could = _by_tags(by_tag)
    could += _overlapping(AccessSpan.objects.filter(agent_id=agent_id), by_id, by_id=True)
    could += _of_all(existed)
    own = Change.objects.filter(agent_id=agent_id).order_by("-id")
    return _report(since, until, tags, could, own)


def tag_report(name: str, since: datetime, until: datetime) -> Report:
    """Return who could touch the agents of a tag, by the tag or by all agents, and who changed its agents."""
    names = Renames({name}).names
    window = Window(since, until)
    could = _by_tags([(one, window) for one in sorted(names)]) + _of_all([window])
    low, high = _sets_of(since, until)
    own = Change.objects.filter(
        tag__in=names, change_set_id__gte=low, change_set_id__lte=high
    ).order_by("-change_set_id")
    return _report(since, until, [], could, own)


def _sets_of(since: datetime, until: datetime) -> tuple[int, int]:
    """Return the first and the last change-set that may have changes of a period."""
    sets = ChangeSet.objects.filter(created_at__lt=until).order_by("-created_at", "-id")
    last = sets.values_list("id", flat=True).first() or 0
    within = ChangeSet.objects.filter(created_at__gte=since).order_by("created_at", "id")
    first = within.values_list("id", flat=True).first()
    low = last + 1 if first is None else first - _SLACK
    # A bulk change that began before the period may have made changes within it.
    ended = Q(finished_at=None) | Q(finished_at__gte=since)
    bulk = BulkPlan.objects.filter(ended, created_at__lt=until, change_set_id__lt=low)
    begun = bulk.order_by("change_set_id").values_list("change_set_id", flat=True).first()
    return min(low, begun or low), last + _SLACK


def subject_at(subject: str, at: datetime) -> list[AccessSpan]:
    """Return what a key or a member could access at a moment; empty: nothing."""
    spans = AccessSpan.objects.filter(subject=subject, since__lte=at).order_by("tag", "agent_id")
    return [span for span in spans if (end := _ends(span)) is None or end > at]


def protected_at(at: datetime) -> list[str] | None:
    """Return the patterns of the tags that the settings protected at a moment; None if not recorded."""
    spans = subject_at("setting:PROTECTED_TAGS", at)
    return [one for span in spans for one in span.name.split(", ") if one] if spans else None


def agent_could_at(agent_id: str, tags: Mapping[str, Carried], at: datetime) -> list[Could]:
    """Return who could touch an agent at a moment, when it had these tags."""
    put = [TagSpan(name, tag.since, None, tag.change_set_id) for name, tag in tags.items()]
    moments = open_parts(Window(at, at), closed_windows(put))
    found = _by_tags([(name, moment) for name in tags for moment in moments])
    own = AccessSpan.objects.filter(agent_id=agent_id)
    found += _overlapping(own, moments, by_id=True) + _of_all([Window(at, at)])
    return _sorted(_within_keys(found))[:ACCESS_ROWS]


def tag_could_at(name: str, at: datetime) -> list[Could]:
    """Return who could touch the agents of a tag at a moment; without a name, all agents."""
    moment = Window(at, at)
    found = (_by_tags([(name, moment)]) if name else []) + _of_all([moment])
    return _sorted(_within_keys(found))[:ACCESS_ROWS]


def _by_tags(windows: Sequence[tuple[str, Window]]) -> list[Could]:
    """Return who could touch the agent by each tag in the times in which it had the tag."""
    by_tag: dict[str, list[Window]] = {}
    for name, window in windows:
        by_tag.setdefault(name, []).append(window)
    names = list(by_tag)
    found: list[Could] = []
    for start in range(0, len(names), _TAGS):
        some = names[start : start + _TAGS]
        spans = AccessSpan.objects.filter(tag__in=some)
        for span in _meeting(spans, [one for name in some for one in by_tag[name]]):
            found += _clipped(span, by_tag[str(span.tag)], by_id=False)
    return found


def _of_all(windows: Sequence[Window]) -> list[Could]:
    return _overlapping(AccessSpan.objects.filter(tag=None, agent_id=None), windows)


def _overlapping(
    spans: QuerySet[AccessSpan], windows: Sequence[Window], *, by_id: bool = False
) -> list[Could]:
    return [
        row
        for span in (_meeting(spans, windows) if windows else ())
        for row in _clipped(span, windows, by_id=by_id)
    ]


def _meeting(spans: QuerySet[AccessSpan], windows: Sequence[Window]) -> Iterable[AccessSpan]:
    """Return the newest ACCESS_ROWS + 1 spans that meet the time from the first window to the last."""
    low, high = min(one.low for one in windows), max(one.high for one in windows)
    open_then = Q(until=None) | Q(until__gt=low)
    lasting = Q(expires_at=None) | Q(expires_at__gt=low)
    begun = Q(since__lte=high) if low == high else Q(since__lt=high)
    some = spans.filter(open_then, lasting, begun).exclude(subject="")
    return some.order_by("-since")[: ACCESS_ROWS + 1]


def _clipped(span: AccessSpan, windows: Sequence[Window], *, by_id: bool) -> Iterable[Could]:
    """Yield the part of a span in each window; of a moment the whole span, if it contains it."""
    end, now = _ends(span), timezone.now()
    only = None if span.only is None else tuple(filter(None, span.only.split(",")))
    for window in windows[: ACCESS_ROWS + 1]:
        since, until = max(span.since, window.low), end
        if window.low == window.high:
            since = span.since
        elif until is None or until > window.high:
            # It lasts, as far as is known, if the window ends in the future.
            until = None if end is None and window.high > now else window.high
        contains = since <= window.low and (end is None or end > window.low)
        if contains if window.low == window.high else since < (until or window.high):
            yield Could(
                *(span.subject, span.name, span.rights, span.tag, by_id, since, until),
                only=only,
                from_key=span.from_key,
            )


def _within_keys(rows: Sequence[Could]) -> list[Could]:
    """Return the rows, of tokens only the times in which their keys could touch the agent."""
    by_subject: dict[str, list[Could]] = {}
    for row in rows:
        by_subject.setdefault(row.subject, []).append(row)
    found = [row for row in rows if row.from_key is None]
    for row in rows:
        for key in by_subject.get(f"key:{row.from_key}", []):
            since, until = max(row.since, key.since), _first_end(row.until, key.until)
            if until is None or since < until:
                found.append(replace(row, since=since, until=until))
    return found


def _first_end(*ends: datetime | None) -> datetime | None:
    return min((one for one in ends if one is not None), default=None)


def _ends(span: AccessSpan) -> datetime | None:
    return _first_end(span.until, span.expires_at)


def _meet(since: datetime, until: datetime | None, low: datetime, high: datetime) -> bool:
    return since < high and (until is None or until > low)


def _sooner(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)


def _report(
    since: datetime,
    until: datetime,
    tags: list[TagSpan],
    could: list[Could],
    changes: QuerySet[Change],
) -> Report:
    did, more = _did(changes, since, until)
    rows = _sorted(_within_keys(could))
    more = more or len(rows) > ACCESS_ROWS or len(tags) > ACCESS_ROWS
    return Report(since, until, tags[:ACCESS_ROWS], rows[:ACCESS_ROWS], did, more, complete_since())


def _sorted(rows: Iterable[Could]) -> list[Could]:
    return sorted(rows, key=lambda row: (row.tag is None, row.since, row.subject, row.tag or ""))


def _did(changes: QuerySet[Change], since: datetime, until: datetime) -> tuple[list[Did], bool]:
    """Return who made these changes in the period, from the newest ACCESS_ROWS in it, and if there may be more.

    It reads at most ACCESS_CHANGES of the changes, in the order that they have.
    """
    read = changes.values("id")[:ACCESS_CHANGES]
    within = Change.objects.annotate(moment_at=HAPPENED_AT).filter(
        id__in=read, moment_at__gte=since, moment_at__lt=until
    )
    rows: list[tuple[str, str, Any]] = list(
        within.order_by("-id").values_list(
            "change_set__actor_id", "change_set__actor_name", "moment_at"
        )[: ACCESS_ROWS + 1]
    )
    found: dict[str, Did] = {}
    for subject, name, at in rows[:ACCESS_ROWS]:
        known = found.get(subject)
        if known is None:
            found[subject] = Did(subject, name, 1, at, at)
        else:
            first, last = min(known.first, at), max(known.last, at)
            found[subject] = Did(subject, known.name, known.changes + 1, first, last)
    unread = changes.annotate(moment_at=HAPPENED_AT).values_list("moment_at", flat=True)
    is_cut = len(rows) > ACCESS_ROWS or any(
        at >= since for at in unread[ACCESS_CHANGES : ACCESS_CHANGES + 1]
    )
    return sorted(found.values(), key=lambda one: (one.first, one.subject)), is_cut
