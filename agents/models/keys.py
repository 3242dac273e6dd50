"""API keys, and the client-side access tokens that they make."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from agents.core.reach import Reach, of_columns
from agents.models.fields import ExactTextField, JsonTextField


class Scope(models.TextChoices):
    """What a key may do. Each scope includes the scopes before it."""

    READ = "read", "Read"
    WRITE = "write", "Write"
    MANAGE = "manage", "Manage"


class ApiKey(models.Model):
    """An API key: its public id and a keyed digest of its secret. The secret is not stored."""

    key_id = ExactTextField()
    digest = models.BinaryField()
    name = ExactTextField()
    scope = models.CharField(max_length=16, choices=Scope.choices, default=Scope.WRITE)
    # These two columns store the `reach`: a single tag in the first, which version 0.2 reads too,
    # anything else in the second. Renaming a tag updates both.
    limit_tag = ExactTextField(null=True)
    stored_reach = JsonTextField(null=True)
    # Patterns of the tags that a limited key may write: a JSON array of strings.
    may_tag = JsonTextField(default="[]")
    # Whether the key may also write any label (see Actor). None: created before this column existed.
    # Such a key may if it has no patterns.
    any_label = models.BooleanField(null=True)
    # The rights on agents that narrow those of the scope (agents/core/agent_rights.py): a JSON array. None
    # does not narrow them, [] leaves none.
    rights = JsonTextField(null=True)
    created_at = models.DateTimeField()
    created_by = ExactTextField()
    expires_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    # When the key last wrote, accurate to seconds. Set only where replicas are read
    # (agents/domain/core/replica_marks.py).
    wrote_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["limit_tag"], name="key_by_limit", condition=Q(limit_tag__isnull=False)
            ),
            # For the overview: keys that end soon, and keys that were never used.
            models.Index(
                fields=["expires_at"],
                name="key_that_ends",
                condition=Q(expires_at__isnull=False, disabled_at__isnull=True),
            ),
            models.Index(
                fields=["created_at"],
                name="key_never_used",
                condition=Q(last_used_at__isnull=True, disabled_at__isnull=True),
            ),
            # Few keys have one. Most are short-lived keys for a single tag.
            models.Index(
                fields=["id"], name="key_by_reach", condition=Q(stored_reach__isnull=False)
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

    @property
    def reach(self) -> Reach:
        """Which agents the key can access."""
        return of_columns(self.limit_tag, self.stored_reach)


class AccessToken(models.Model):
    """A client-side access token. It ends with the key that made it. The secret is not stored."""

    token_id = ExactTextField()
    digest = models.BinaryField()
    # No constraint: 0.2.0, after a rollback, deletes keys without their tokens.
    key = models.ForeignKey(
        ApiKey, on_delete=models.CASCADE, related_name="access_tokens", db_constraint=False
    )
    # The origin whose pages may use it, such as https://app.example.org.
    hostname = ExactTextField()
    # A JSON object: the rights on each agent, by its public id.
    policy = JsonTextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["hostname", "expires_at"], name="access_token_by_hostname"),
            models.Index(fields=["expires_at"], name="access_token_by_end"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["token_id"], name="access_token_id_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.token_id} for {self.hostname}"
