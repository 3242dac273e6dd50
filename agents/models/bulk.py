"""Bulk changes: what is planned, in batches that are each one transaction, and how far it came."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.urls import reverse

from agents.models.fields import ExactTextField, JsonTextField


class BulkOp(models.TextChoices):
    """What a plan does to each of its agents."""

    ADD = "add", "Add tags"
    REMOVE = "remove", "Remove tags"
    REPLACE = "replace", "Replace a tag"
    ROWS = "rows", "Add tags from a file"
    UNDO = "undo", "Undo"


class BulkState(models.TextChoices):
    """Where a plan stands. Only a planned one can begin, only a stopped one can go on.

    One that was stopped while it was being planned has `planned_to`, and goes on being planned.
    """

    PLANNING = "planning", "being planned"
    PLANNED = "planned", "planned"
    RUNNING = "running", "running"
    STOPPED = "stopped", "stopped"
    DONE = "done", "done"


class BulkPlan(models.Model):
    """A change of many agents' tags: which, by whom, what it will do, what it has done.

    `wanted` is the filter as JSON, `query` the address of the list it came from, `excluded` ids
    taken out of it, `actor` who applies it. `planned` are counts by outcome, `sample` the first
    rows, `difference` what came and went since the plan before, `refused` lines of a file.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    op = models.CharField(max_length=16, choices=BulkOp.choices)
    add = JsonTextField(default="[]")
    remove = JsonTextField(default="[]")
    wanted = JsonTextField(default="null")
    query = models.TextField(default="")
    excluded = JsonTextField(default="[]")
    reason = models.TextField(default="")
    actor = JsonTextField()
    actor_id = ExactTextField()
    actor_name = ExactTextField()
    state = models.CharField(max_length=16, choices=BulkState.choices, default=BulkState.PLANNING)
    matched = models.PositiveIntegerField(default=0)
    # Of a plan that is being made: where in the list it goes on, and how many match about now.
    planned_to = models.TextField(null=True)
    expected = models.PositiveIntegerField(null=True)
    planned = JsonTextField(default="{}")
    sample = JsonTextField(default="[]")
    difference = JsonTextField(default="null")
    refused = JsonTextField(default="[]")
    # The batch that comes next; those before are done.
    next_batch = models.PositiveIntegerField(default=0)
    looked = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    change_set_id = models.BigIntegerField(null=True)
    undoes = models.BigIntegerField(null=True)
    problem = models.TextField(default="")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-created_at"], name="bulk_plan_by_time"),
            models.Index(
                fields=["change_set_id"],
                name="bulk_plan_by_change_set",
                condition=Q(change_set_id__isnull=False),
            ),
            models.Index(
                fields=["undoes"], name="bulk_plan_undoes", condition=Q(undoes__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_op_display()}: {self.get_state_display()}"

    def get_absolute_url(self) -> str:
        return reverse("bulk-plan", args=[self.id])


class BulkBatch(models.Model):
    """Agents of a plan that change in one transaction, by their keys, newest first.

    `items` is a JSON list of keys, or of [key, [tags]] where each agent gets its own. `left` are
    those that did not change: [key, outcome, why].
    """

    plan = models.ForeignKey(
        BulkPlan, on_delete=models.CASCADE, related_name="batches", db_index=False
    )
    number = models.PositiveIntegerField()
    items = JsonTextField()
    left = JsonTextField(default="[]")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["plan", "number"], name="bulk_batch_is_unique"),
        ]

    def __str__(self) -> str:
        return f"batch {self.number} of {self.plan_id}"
