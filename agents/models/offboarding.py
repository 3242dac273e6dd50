"""Off-boardings of users: what was to go, what was seen afterwards, and the receipt."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.urls import reverse

from agents.models.fields import ExactTextField


class Seen(models.TextChoices):
    """What reading back a thing found."""

    WAITING = "waiting", "not read back yet"
    GONE = "gone", "gone"
    STILL_THERE = "still there", "still there"
    NOT_REACHABLE = "not reachable", "not reachable"
    KEPT = "kept", "kept"
    ENDED = "ended", "ended"


class Offboarding(models.Model):
    """One off-boarding of a user: the choice, the change that carries it out, and the receipt's digest."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    # The user's tag.
    name = ExactTextField()
    how = models.CharField(max_length=16)
    moved_to = ExactTextField(null=True)
    actor_id = ExactTextField()
    actor_name = ExactTextField()
    reason = models.TextField(default="")
    change_set_id = models.BigIntegerField(null=True)
    # The bulk change that carries it out, if it is large.
    plan_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    # When everything had been read back. Until then the receipt is not complete.
    checked_at = models.DateTimeField(null=True)
    # SHA-256 of the receipt's canonical JSON, in hexadecimal.
    digest = models.CharField(max_length=64, default="")
    # Until then the tag is closed, and ADE shows agents that come back with it.
    watched_until = models.DateTimeField()
    # A manager opened the tag before that, or the off-boarding was undone.
    opened_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["name", "-created_at"], name="offboarding_by_name"),
            models.Index(fields=["watched_until"], name="offboarding_watched"),
            models.Index(fields=["change_set_id"], name="offboarding_by_change_set"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.how}"

    def get_absolute_url(self) -> str:
        """The page of the receipt."""
        return reverse("user-receipt", args=[self.id])


class OffboardingItem(models.Model):
    """One thing of an off-boarded user: what was to happen to it, and what reading it back found."""

    offboarding = models.ForeignKey(Offboarding, on_delete=models.CASCADE, related_name="items")
    # As in `agents.domain.offboarding.inventory.KINDS`.
    kind = models.CharField(max_length=16)
    public_id = ExactTextField()
    # A name for people. Empty for things whose name could tell about the user, such as memory.
    label = ExactTextField(default="")
    # Where it is: empty for ADE, else the name of a source.
    place = ExactTextField(default="")
    action = models.CharField(max_length=32)
    seen = models.CharField(max_length=16, choices=Seen.choices, default=Seen.WAITING)
    seen_at = models.DateTimeField(null=True)
    why = models.TextField(default="")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["offboarding", "seen", "id"], name="offboarding_item_by_seen"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["offboarding", "kind", "public_id", "place"],
                name="offboarding_item_is_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}: {self.action}"
