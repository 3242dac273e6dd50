"""When the last good backup was made, for the gauge that watches its age."""

from datetime import datetime

from django.utils import timezone

from ade.models import LastBackup

_ROW = 1


def note(made_at: datetime) -> None:
    """Store that a good backup of that moment exists."""
    LastBackup.objects.update_or_create(pk=_ROW, defaults={"made_at": made_at})


def age() -> float:
    """Return the seconds since the last good backup; infinite if there is none."""
    made_at = LastBackup.objects.filter(pk=_ROW).values_list("made_at", flat=True).first()
    if made_at is None:
        return float("inf")
    return max(0.0, (timezone.now() - made_at).total_seconds())
