"""Webhooks: who is told of changes, what waits to be told, and how far the log was read.

What is told is rendered from history when it is sent: no name is kept here twice.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from agents.models.fields import ExactTextField, JsonTextField


class Event(models.TextChoices):
    """What a receiver can be told."""

    AGENT_CREATED = "agent.created", "An agent was made"
    AGENT_DELETED = "agent.deleted", "An agent was deleted"
    AGENT_TAGS = "agent.tags.changed", "An agent's tags changed"
    TAG_RENAMED = "tag.renamed", "A tag was renamed"
    TAG_MERGED = "tag.merged", "A tag was merged into another"
    TAG_DELETED = "tag.deleted", "A tag was deleted"
    PING = "ping", "A test"


class DeliveryState(models.TextChoices):
    """Where a delivery stands. One that waits may have been tried before."""

    WAITING = "waiting", "waiting"
    DONE = "done", "delivered"
    FAILED = "failed", "given up"


class Webhook(models.Model):
    """A receiver. Its secret is derived from the salt and the SECRET_KEY, and stands nowhere.

    `tags` are patterns, `events` what it is told, JSON lists; empty ones mean all. `cursor` is the
    last change it has taken up.
    """

    public_id = ExactTextField()
    name = ExactTextField(default="")
    url = models.TextField()
    tags = JsonTextField(default="[]")
    events = JsonTextField(default="[]")
    salt = models.CharField(max_length=64)
    old_salt = models.CharField(max_length=64, default="")
    old_until = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    # Why it is not enabled, where nobody switched it off.
    problem = models.TextField(default="")
    cursor = models.BigIntegerField()
    # Attempts in a row without a success, since when, and until when it is left alone for it.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    hold_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = ExactTextField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="webhook_id_is_unique"),
        ]

    def __str__(self) -> str:
        return self.name or self.url

    def get_absolute_url(self) -> str:
        return reverse("webhook", args=[self.public_id])


class Delivery(models.Model):
    """One event for one receiver: which, how often it was tried, what came of it.

    `change` is the first change it tells of, and its place in the order of all; 0 for a test.
    While it is being sent, `next_at` is when it counts as lost.
    """

    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    public_id = ExactTextField()
    event = models.CharField(max_length=32, choices=Event.choices)
    change_set_id = models.BigIntegerField(null=True)
    change = models.BigIntegerField(default=0)
    agent_id = ExactTextField(null=True)
    state = models.CharField(
        max_length=8, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    milliseconds = models.PositiveIntegerField(null=True)
    status = models.PositiveIntegerField(null=True)
    error = models.TextField(default="")
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
            models.Index(fields=["created_at"], name="delivery_by_time"),
            models.Index(
                fields=["webhook", "agent_id", "id"],
                name="delivery_in_order",
                condition=Q(state="waiting"),
            ),
            models.Index(
                fields=["webhook", "next_at"],
                name="delivery_due",
                condition=Q(state="waiting"),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="delivery_id_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.public_id}: {self.get_state_display()}"


class LogHead(models.Model):
    """How far the log of changes can be read without missing one: a single row.

    All changes up to `safe` are there or never will be; those up to `pending` are once the
    `writers`, a JSON list, have ended.
    """

    safe = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    writers = JsonTextField(default="[]")
    cleaned_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"read up to {self.safe}"
