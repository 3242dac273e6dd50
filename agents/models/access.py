"""API keys."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from agents.models.fields import ExactTextField, JsonTextField


class Scope(models.TextChoices):
    """What a key may do; each scope may do all that the ones before it may."""

    READ = "read", "Read"
    WRITE = "write", "Write"
    MANAGE = "manage", "Manage"


class ApiKey(models.Model):
    """A key of the API: its public id and a keyed digest of its secret, never the secret."""

    key_id = ExactTextField()
    digest = models.BinaryField()
    name = ExactTextField()
    scope = models.CharField(max_length=16, choices=Scope.choices, default=Scope.WRITE)
    # The one tag whose agents exist for this key, as text: rename rewrites it.
    limit_tag = ExactTextField(null=True)
    # Patterns of the tags that a limited key may write, a JSON array of strings.
    may_tag = JsonTextField(default="[]")
    created_at = models.DateTimeField()
    created_by = ExactTextField()
    expires_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    # When it last wrote, within seconds; kept where replicas are read (agents/domain/marks.py).
    wrote_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["limit_tag"], name="key_by_limit", condition=Q(limit_tag__isnull=False)
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["key_id"], name="key_id_is_unique"),
            models.CheckConstraint(
                condition=Q(scope__in=["read", "write", "manage"]), name="key_scope_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.key_id})"
