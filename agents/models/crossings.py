"""Crossings: things that agents of two users share, so that one user's data can reach another."""

from typing import ClassVar

from django.db import models

from agents.models.fields import ExactTextField


class CrossingKind(models.TextChoices):
    """What is shared."""

    BLOCK = "block", "Memory block"
    IDENTITY = "identity", "Identity"


class Crossing(models.Model):
    """A memory block or an identity of agents of at least two users, as far as the history was followed.

    Which users it has now is read when it is shown.
    """

    kind = models.CharField(max_length=16, choices=CrossingKind.choices)
    public_id = ExactTextField()
    # The source that has the memory block; 0 for what is kept here.
    source_id = models.BigIntegerField(default=0, db_default=0)
    # When the agents of two users first shared it, and the change-set that did it, as far as is known.
    since = models.DateTimeField()
    change_set_id = models.BigIntegerField(null=True)
    # Set by a manager: it is meant to be shared, and why.
    meant_reason = models.TextField(null=True)
    meant_by = ExactTextField(default="")
    meant_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["-since", "-id"],
                name="crossing_open",
                condition=models.Q(meant_reason__isnull=True),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "public_id", "source_id"], name="crossing_is_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"


class CrossingHead(models.Model):
    """How far the history was followed for crossings, and how far older data was looked at. One row."""

    cursor = models.BigIntegerField(default=0)
    blocks_to = models.BigIntegerField(default=0)
    identities_to = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"followed up to change {self.cursor}"


class BlockMove(models.Model):
    """A step of a separation at a source, or of its undo: one agent gets another memory block.

    `new` is empty until the source has made the copy; agents of one user share it.
    """

    change_set_id = models.BigIntegerField()
    source_id = models.BigIntegerField()
    agent_id = ExactTextField()
    label = ExactTextField()
    user = ExactTextField(default="")
    old = ExactTextField()
    new = ExactTextField(default="")
    # An undo deletes the copy when no agent has it any more.
    deletes_old = models.BooleanField(default=False)
    done_at = models.DateTimeField(null=True)
    # Why it is not done yet, or never will be.
    problem = models.TextField(default="")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["change_set_id", "id"], name="block_move_by_change_set"),
            models.Index(
                fields=["id"], name="block_move_open", condition=models.Q(done_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id}: {self.old} to {self.new}"
