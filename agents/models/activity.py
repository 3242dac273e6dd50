"""When agents and tags were last used through the front door, and how often keys were refused there."""

from typing import ClassVar

from django.db import models

from agents.models.fields import ExactTextField
from agents.models.keys import ApiKey


class AgentUse(models.Model):
    """When an application last used an agent, accurate to a minute. The row outlives the agent."""

    # No foreign keys here: a use must never stand in the way of a deletion. `tidy` removes old rows.
    agent_id = models.BigIntegerField(primary_key=True)
    used_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"agent {self.agent_id}, used {self.used_at:%Y-%m-%d %H:%M}"


class TagUse(models.Model):
    """When a key that is limited to a tag, such as a user's, last used one of its agents."""

    tag_id = models.BigIntegerField(primary_key=True)
    used_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-used_at", "-tag_id"], name="tag_use_by_time"),
        ]

    def __str__(self) -> str:
        return f"tag {self.tag_id}, used {self.used_at:%Y-%m-%d %H:%M}"


class UserChange(models.Model):
    """When an agent of a user was last changed. `tag_id` is the user's tag. The worker keeps it."""

    tag_id = models.BigIntegerField(primary_key=True)
    changed_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-changed_at", "-tag_id"], name="user_change_by_time"),
        ]

    def __str__(self) -> str:
        return f"user's tag {self.tag_id}, changed {self.changed_at:%Y-%m-%d %H:%M}"


class KeyRefusal(models.Model):
    """How often the front door refused a key, for one reason."""

    # No constraint: 0.2.0, after a rollback, deletes keys without their refusals.
    key = models.ForeignKey(
        ApiKey, on_delete=models.CASCADE, related_name="refusals", db_constraint=False
    )
    reason = ExactTextField()
    count = models.PositiveBigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-last_at"], name="refusal_by_time"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["key", "reason"], name="refusal_is_once_per_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.count} times {self.reason} for key {self.key_id}"
