"""History: what changed and who changed it. Names and ids are text: history outlives its objects."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from agents.models.fields import ExactTextField


class Act(models.TextChoices):
    """What a change-set did."""

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
    RESTORE = "restore", "restored"
    PURGE = "purge", "deleted for good"
    WEBHOOK = "webhook", "changed a webhook"
    VIEW_AS = "view-as", "viewed the list as a key or member"
    SOURCE = "source", "changed a source"


class Op(models.TextChoices):
    """What a change did to one agent or one tag. A rename is one change, however many agents have the tag."""

    ADD = "add", "added"
    REMOVE = "remove", "removed"
    SET = "set", "set"
    CREATE = "create", "created"
    DELETE = "delete", "deleted"
    RENAME = "rename", "renamed"
    MERGE = "merge", "merged"


class ChangeSet(models.Model):
    """One write: who, from where, when, why, and the change-set that it undoes."""

    act = models.CharField(max_length=16, choices=Act.choices)
    actor_kind = models.CharField(max_length=16)
    actor_id = ExactTextField()
    actor_name = ExactTextField()
    source = models.CharField(max_length=16)
    reason = models.TextField(default="")
    undoes = models.BigIntegerField(null=True)
    # The number of changed agents, set if one statement wrote the changes of all of them.
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
    """One change to one agent or tag: a tag added or removed, a field set, ..."""

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
    # When the change was made: each batch of a bulk change has its own moment. None in rows of
    # versions up to 0.2; then the moment of the change-set counts.
    at = models.DateTimeField(null=True)
    # When a removed tag had been added, or a deleted agent had been created. None if it is not known.
    added_at = models.DateTimeField(null=True)
    # Of rows with `added_at`: where the span up to `at` is found, see agents.core.spans. In rows of
    # versions up to 0.2 it is None until upkeep has looked for the begin.
    span_node = models.IntegerField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["change_set", "id"], name="change_by_set"),
            models.Index(fields=["agent_id", "-id"], name="change_by_agent"),
            # Finds the next change-set of a tag, however many changes each has.
            models.Index(
                fields=["tag", "-change_set"], name="change_by_tag", condition=Q(tag__isnull=False)
            ),
            # Find the agents that had a tag at a past moment and lost it later; without a tag, those
            # that existed then and were deleted later.
            models.Index(
                fields=["tag", "span_node", "at", "id"],
                name="change_span_end",
                condition=Q(span_node__isnull=False),
            ),
            models.Index(
                fields=["tag", "span_node", "added_at", "id"],
                name="change_span_begin",
                condition=Q(span_node__isnull=False),
            ),
            models.Index(
                fields=["id"],
                name="change_without_span",
                condition=Q(
                    op__in=["remove", "delete"], agent_id__isnull=False, span_node__isnull=True
                ),
            ),
            models.Index(
                fields=["at", "id"],
                name="change_birth",
                condition=Q(op="create", agent_id__isnull=False),
            ),
            models.Index(fields=["tag"], name="rename_from", condition=Q(op="rename")),
            models.Index(fields=["new"], name="rename_to", condition=Q(op="rename")),
        ]

    def __str__(self) -> str:
        return f"{self.op} {self.tag or self.field} on {self.agent_id}"

    @property
    def moment(self) -> datetime:
        """When the change was made, as far as is known."""
        return self.at or self.change_set.created_at


# `moment` for queries. No join: PostgreSQL may begin one at the change-sets, and look for the agents in each.
HAPPENED_AT = Coalesce(
    "at", Subquery(ChangeSet.objects.filter(id=OuterRef("change_set_id")).values("created_at"))
)
