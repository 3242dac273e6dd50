"""Changes per day: the kept counters, and the changes since that no job has counted yet."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from agents.models import HAPPENED_AT, Change, DayTally, Op, TallyHead

CREATED, DELETED, TAGS = "created", "deleted", "tags"
_KINDS = {Op.CREATE: CREATED, Op.DELETE: DELETED, Op.ADD: TAGS, Op.REMOVE: TAGS}
# Changes that a request counts by itself, and from how many on it asks a job to count.
TAIL = 5_000
LONG_TAIL = 2_000

# The kind, the day and the source of changes.
Key = tuple[str, date, str]


@dataclass(frozen=True, slots=True)
class Days:
    """Counts of the days from `first` to today, and how many changes no job has counted yet.

    With `behind`, changes of the newest days are missing.
    """

    first: date
    counts: Counter[Key] = field(default_factory=Counter)
    tail: int = 0

    @property
    def behind(self) -> bool:
        return self.tail > TAIL

    def net(self, day: date) -> int:
        """How many more agents there were after this day than before it."""
        return self.counts[CREATED, day, ""] - self.counts[DELETED, day, ""]

    def tags(self, day: date) -> dict[str, int]:
        """Tags added and removed on this day, by source."""
        found = (
            (source, n)
            for (kind, at, source), n in self.counts.items()
            if (kind, at) == (TAGS, day)
        )
        return dict(sorted(found))


def recent_days(most: int) -> Days:
    """The counts of the last `most` days. Reads that many days and up to TAIL changes."""
    first = timezone.now().date() - timedelta(days=most - 1)
    rows = DayTally.objects.filter(kind__in=[CREATED, DELETED, TAGS], day__gte=first)
    counts: Counter[Key] = Counter()
    for kind, day, source, n in rows.values_list("kind", "day", "source", "n"):
        counts[kind, day, source] = n
    cursor = TallyHead.objects.filter(id=1).values_list("cursor", flat=True).first() or 0
    after = Change.objects.filter(id__gt=cursor).order_by("id")
    ids = list(after.values_list("id", flat=True)[: TAIL + 1])
    if ids:
        counts.update(count_changes(after.filter(id__lte=ids[:TAIL][-1])))
    return Days(first, counts, len(ids))


def count_changes(changes: QuerySet[Change]) -> Counter[Key]:
    """Count these changes by kind, day and source. Reads all of them."""
    of_agents = changes.filter(agent_id__isnull=False, op__in=list(_KINDS)).order_by()
    day = TruncDate(HAPPENED_AT)
    rows: Iterable[tuple[date, str, str, int]] = (
        of_agents.annotate(day=day)
        .values_list("day", "op", "change_set__source")
        .annotate(Count("id"))
    )
    counts: Counter[Key] = Counter()
    for at, op, source, n in rows:
        kind = _KINDS[Op(op)]
        counts[kind, at, source if kind == TAGS else ""] += n
    return counts
