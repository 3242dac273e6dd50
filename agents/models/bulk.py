"""Bulk changes: the plan, its batches (one transaction each), and the progress."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.urls import reverse

from agents.models.fields import ExactTextField, JsonTextField


class BulkOp(models.TextChoices):
    """What a bulk change does to each agent."""

    ADD = "add", "Add tags"
    REMOVE = "remove", "Remove tags"
    REPLACE = "replace", "Replace a tag"
    MOVE = "move", "Move to a user"
    DELETE = "delete", "Delete agents"
    MODEL = "model", "Change the model"
    ROWS = "rows", "Add tags from a file"
    ROWS_REMOVE = "rows-remove", "Remove tags by a file"
    ROWS_SET = "rows-set", "Replace all tags by a file"
    UNDO = "undo", "Undo"
    MERGE = "merge", "Merge a tag"
    TAG_DELETE = "tag-delete", "Delete a tag"
    OFFBOARD = "offboard", "Off-board a user"
    OFFBOARD_AGENTS = "offboard-agents", "Off-board a user and delete the agents"


# Changes whose agents and tags come from a file.
FILE_OPS = (BulkOp.ROWS, BulkOp.ROWS_REMOVE, BulkOp.ROWS_SET)


class Owners(models.TextChoices):
    """What a bulk change does with agents that would get a second owner."""

    KEEP = "keep", "keep both owners"
    MOVE = "move", "remove the other owners"
    SKIP = "skip", "leave these agents out"


class BulkState(models.TextChoices):
    """The state of a bulk change. Only a planned one can start; only a stopped one can resume.

    If planning itself was stopped, `planned_to` is set and resuming continues the planning.
    """

    PLANNING = "planning", "being planned"
    PLANNED = "planned", "planned"
    RUNNING = "running", "running"
    STOPPED = "stopped", "stopped"
    DONE = "done", "done"


class BulkPlan(models.Model):
    """A change of tags on many agents: what is planned, by whom, and what is done.

    `wanted` is the filter as JSON, `query` the query string of the list, `excluded` the ids of
    excluded agents, `actor` the actor who applies the plan. `planned` has counts by outcome, `sample`
    the first rows, `difference` the agents gained and lost since the previous plan, and `refused`
    the refused lines of a CSV file.
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
    # While planning: the position in the list to continue from, and the estimated number of matches.
    planned_to = models.TextField(null=True)
    expected = models.PositiveIntegerField(null=True)
    planned = JsonTextField(default="{}")
    sample = JsonTextField(default="[]")
    difference = JsonTextField(default="null")
    refused = JsonTextField(default="[]")
    noted = JsonTextField(default="[]", db_default="[]")
    # For each tag: on how many agents it is added, removed, there already, skipped, a second owner.
    tally = JsonTextField(default="[]", db_default="[]")
    # Agents that get a second owner. None in plans of versions up to 0.2.
    second_owners = models.PositiveIntegerField(null=True)
    # What to do with agents that would get a second owner; None until someone decides.
    owners = models.CharField(max_length=8, choices=Owners.choices, null=True)
    # The next batch. All batches before it are done.
    next_batch = models.PositiveIntegerField(default=0)
    looked = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    change_set_id = models.BigIntegerField(null=True)
    undoes = models.BigIntegerField(null=True)
    problem = models.TextField(default="")
    # For a change of a whole tag, which creates its batches as it runs: the last agent taken (seq).
    taken_to = models.BigIntegerField(null=True)
    # Temporary errors in a row since the last batch, and when the next attempt is due.
    failures = models.PositiveIntegerField(null=True)
    retry_at = models.DateTimeField(null=True)
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
                fields=["state"],
                name="bulk_plan_not_done",
                condition=Q(state__in=["planning", "running", "stopped"]),
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
    """Agents of a bulk change that change in one transaction, newest first.

    `items` is a JSON list of agent seqs, or of [seq, [tags]] if each agent gets its own tags. `left`
    lists the agents that did not change: [seq, outcome, reason].
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
