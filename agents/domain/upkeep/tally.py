"""Keep the counters of the overview. They are derived from history and never change a row of it."""

from collections.abc import Mapping

import msgspec
from django.db.models import F
from django.utils import timezone

from agents.domain.core.transactions import write
from agents.models import Change, DayTally, TallyHead
from agents.queries.overview.days import Key, count_changes
from agents.queries.overview.totals import count_everything

_STEP = 20_000  # changes counted in one step, outside of a transaction


def count_history(*, upto: int) -> bool:
    """Count up to 20,000 changes that are not counted yet, none after `upto`. True if more are left."""
    head = TallyHead.objects.filter(id=1).first()
    cursor = head.cursor if head is not None else 0
    changes = Change.objects.filter(id__gt=cursor, id__lte=upto).order_by("id")
    ids = list(changes.values_list("id", flat=True)[_STEP - 1 : _STEP])
    end = ids[0] if ids else max(upto, cursor)
    _add(count_changes(changes.filter(id__lte=end)), cursor, end)
    return bool(ids)


@write
def _add(counts: Mapping[Key, int], cursor: int, end: int) -> None:
    """Store what was counted after `cursor`, unless another worker has counted it meanwhile."""
    TallyHead.objects.bulk_create([TallyHead(id=1)], ignore_conflicts=True)
    if TallyHead.objects.select_for_update().get(id=1).cursor != cursor:
        return
    DayTally.objects.bulk_create(
        [DayTally(kind=kind, day=day, source=source) for kind, day, source in counts],
        ignore_conflicts=True,
    )
    for (kind, day, source), n in counts.items():
        DayTally.objects.filter(kind=kind, day=day, source=source).update(n=F("n") + n)
    TallyHead.objects.filter(id=1).update(cursor=end)


def count_totals() -> None:
    """Count everything, outside of a transaction, and store the result."""
    found = count_everything()
    _store(msgspec.json.encode(found).decode())


@write
def _store(counted: str) -> None:
    TallyHead.objects.bulk_create([TallyHead(id=1)], ignore_conflicts=True)
    TallyHead.objects.filter(id=1).update(counted=counted, counted_at=timezone.now())
