"""Webhooks: receivers, pending deliveries, and how far the history was read.

A delivery stores no names. Its content is rendered from history when it is sent.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from agents.models.fields import ExactTextField, JsonTextField


class Event(models.TextChoices):
    """The events that a webhook can send."""

    AGENT_CREATED = "agent.created", "An agent was made"
    AGENT_DELETED = "agent.deleted", "An agent was deleted"
    AGENT_TAGS = "agent.tags.changed", "An agent's tags changed"
    TAG_RENAMED = "tag.renamed", "A tag was renamed"
    TAG_MERGED = "tag.merged", "A tag was merged into another"
    TAG_DELETED = "tag.deleted", "A tag was deleted"
    BULK_FINISHED = "bulk.finished", "A bulk change finished"
    BULK_STOPPED = "bulk.stopped", "A bulk change stopped before its end"
    WEBHOOK_FAILING = "webhook.failing", "A webhook keeps failing"
    PING = "ping", "A test"


# Events about ADE's own work. They are not in the history, and only webhooks for all tags get them.
ALERTS = (Event.BULK_FINISHED, Event.BULK_STOPPED, Event.WEBHOOK_FAILING)


class DeliveryState(models.TextChoices):
    """The state of a delivery. A waiting one may have been tried before."""

    WAITING = "waiting", "waiting"
    DONE = "done", "delivered"
    FAILED = "failed", "given up"


class Webhook(models.Model):
    """A receiver. Its secret is derived from the salt and the SECRET_KEY and is not stored.

    `tags` (patterns) and `events` are JSON lists; an empty list means all. `cursor` is the last change
    that was turned into deliveries.
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
    # Why ADE disabled it. Empty if a person did.
    problem = models.TextField(default="")
    cursor = models.BigIntegerField()
    # Failed attempts in a row, since when, and until when nothing is sent because of them.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    hold_until = models.DateTimeField(null=True)
    # The process that sends its deliveries, and its last heartbeat by the database clock.
    owner = models.CharField(max_length=32, null=True)
    beat_at = models.DateTimeField(null=True)
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
    """One event for one receiver, with its attempts and result.

    `change` is the first change that it reports, which also orders deliveries; 0 for a test and for
    ALERTS. `subject` is the bulk change or the webhook that one of ALERTS is about. While it
    is being sent, `next_at` is two minutes after `tried_at`, so that other processes leave it alone.
    """

    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    public_id = ExactTextField()
    event = models.CharField(max_length=32, choices=Event.choices)
    change_set_id = models.BigIntegerField(null=True)
    change = models.BigIntegerField(default=0)
    agent_id = ExactTextField(null=True)
    subject = ExactTextField(default="", db_default="")
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
    """How far the changes can be read without missing one. There is a single row.

    Up to `safe`, all changes are committed or rolled back. Up to `pending`, they will be once the
    transactions in `writers` (a JSON list) have ended.
    """

    safe = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    writers = JsonTextField(default="[]")
    cleaned_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"read up to {self.safe}"
