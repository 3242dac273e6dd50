"""Kept counters of the overview: changes per day, and the last count of everything."""

from typing import ClassVar

from django.db import models

from agents.models.fields import ExactTextField, JsonTextField


class DayTally(models.Model):
    """How many changes of one kind were made on one day (UTC).

    `kind` is `created` or `deleted` (agents, with an empty `source`) or `tags` (tags added and
    removed, by the `source` of the change-set).
    """

    day = models.DateField()
    kind = models.CharField(max_length=16)
    source = ExactTextField(default="")
    n = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "day", "source"], name="day_tally_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source} on {self.day}: {self.n}"


class TallyHead(models.Model):
    """How far the history is counted in DayTally, and the last count of everything. One row.

    `changed_at` and `changed_seq` say up to which change of an agent UserChange is kept.
    `counted` is the JSON of `agents.queries.overview.totals.Totals`, counted at `counted_at`.
    """

    cursor = models.BigIntegerField(default=0)
    counted = JsonTextField(default="null")
    counted_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    changed_seq = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return f"counted up to change {self.cursor}"
