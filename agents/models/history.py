"""What changed, by whom. Names and ids are text: history outlives what it tells of."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from agents.models.fields import ExactTextField


class Act(models.TextChoices):
    """What a change-set did, in one word."""

    CREATE = "create", "created"
    TAGS = "tags", "changed tags"
    FIELDS = "fields", "edited"
    DELETE = "delete", "deleted"
    IMPORT = "import", "imported"
    UNDO = "undo", "undid"
    BLOCKS = "blocks", "edited memory"
    KEY = "key", "changed an API key"
    IDENTITY = "identity", "changed an identity"
    RENAME = "rename", "renamed a tag"
    MERGE = "merge", "merged a tag"
    TAG_DELETE = "tag-delete", "deleted a tag"
    DESCRIBE = "describe", "described a tag"
    OFFBOARD = "offboard", "off-boarded a user"
    ERASE = "erase", "erased a name"
    WEBHOOK = "webhook", "changed a webhook"


class Op(models.TextChoices):
    """What one change did to one agent, or to a tag: a rename is one, whatever carries the tag."""

    ADD = "add", "added"
    REMOVE = "remove", "removed"
    SET = "set", "set"
    CREATE = "create", "created"
    DELETE = "delete", "deleted"
    RENAME = "rename", "renamed"
    MERGE = "merge", "merged"


class ChangeSet(models.Model):
    """One act: who, from where, when, why, and what it undoes."""

    act = models.CharField(max_length=16, choices=Act.choices)
    actor_kind = models.CharField(max_length=16)
    actor_id = ExactTextField()
    actor_name = ExactTextField()
    source = models.CharField(max_length=16)
    reason = models.TextField(default="")
    undoes = models.BigIntegerField(null=True)
    # The agents it touched, counted where one statement wrote the changes of all of them.
    agent_count = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["actor_id", "-id"], name="change_set_by_actor"),
            models.Index(fields=["actor_name", "-id"], name="change_set_by_name"),
            models.Index(fields=["source", "-id"], name="change_set_by_source"),
            models.Index(
                fields=["undoes"], name="change_set_undoes", condition=Q(undoes__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.get_act_display()} at {self.created_at:%Y-%m-%d %H:%M:%S}"


class Change(models.Model):
    """What a change-set did to one agent: one tag added or removed, one field set, ..."""

    change_set = models.ForeignKey(
        ChangeSet, on_delete=models.PROTECT, related_name="changes", db_index=False
    )
    op = models.CharField(max_length=8, choices=Op.choices)
    agent_id = ExactTextField(null=True)
    agent_name = ExactTextField(null=True)
    tag = ExactTextField(null=True)
    field = models.CharField(max_length=64, default="")
    old = models.TextField(null=True)
    new = models.TextField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["change_set", "id"], name="change_by_set"),
            models.Index(fields=["agent_id", "-id"], name="change_by_agent"),
            # From one change-set of a tag to the next, however many changes each has.
            models.Index(
                fields=["tag", "-change_set"], name="change_by_tag", condition=Q(tag__isnull=False)
            ),
            models.Index(fields=["tag"], name="rename_from", condition=Q(op="rename")),
            models.Index(fields=["new"], name="rename_to", condition=Q(op="rename")),
        ]

    def __str__(self) -> str:
        return f"{self.op} {self.tag or self.field} on {self.agent_id}"
