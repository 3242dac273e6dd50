"""Requests with an Idempotency-Key, which a caller can send again safely."""

from typing import ClassVar

from django.db import models

from agents.models.fields import JsonTextField


class IdempotentRequest(models.Model):
    """A successful request with an `Idempotency-Key`: who sent it, and the ids of what it created.

    The key and the request are stored as SHA-256 digests in hexadecimal. The answer is not stored.
    """

    caller = models.CharField(max_length=64)
    key_digest = models.CharField(max_length=64)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    made = JsonTextField(default="[]")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["caller", "created_at"], name="request_by_caller"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["caller", "key_digest"], name="request_key_is_unique"),
        ]

    def __str__(self) -> str:
        return f"a request of {self.caller} at {self.created_at:%Y-%m-%d %H:%M:%S}"
