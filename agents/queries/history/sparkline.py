"""Changes of one tag per day, read from the history within a bound."""

from collections import Counter
from datetime import timedelta

from django.utils import timezone

from agents.models import HAPPENED_AT, Change, ChangeSet, Op
from agents.queries.history.renames import Renames

DAYS = 30
# The most changes that are read. A busier tag shows its newest days only.
MOST = 2_000


def changes_per_day(name: str) -> tuple[list[int], bool]:
    """Return how often the tag was added or removed on each of the last 30 days, oldest first.

    Earlier names of the tag count too. The second value is True if only the newest changes were read.
    For actors who may read the history of all agents.
    """
    today = timezone.now().date()
    since = timezone.now() - timedelta(days=DAYS)
    first = ChangeSet.objects.filter(created_at__gte=since).order_by("created_at").first()
    if first is None:
        return [0] * DAYS, False
    counts: Counter[int] = Counter()
    read = 0
    for known, _ in Renames([name]).spans(name):
        rows = Change.objects.filter(tag=known, change_set_id__gte=first.id, agent_id__isnull=False)
        moments = rows.filter(op__in=[Op.ADD, Op.REMOVE]).order_by("-change_set_id")
        for at in moments.values_list(HAPPENED_AT, flat=True)[: MOST - read]:
            counts[(today - at.date()).days] += 1
            read += 1
        if read >= MOST:
            break
    return [counts[back] for back in range(DAYS - 1, -1, -1)], read >= MOST
