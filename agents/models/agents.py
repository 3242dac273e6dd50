"""Agents, their wide part, their tombstones and their memory blocks."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from agents.models.fields import ExactTextField, JsonTextField
from agents.querysets import AgentQuerySet


def short_id(public_id: str) -> str:
    """The id as lists show it: enough of both ends to tell agents apart."""
    return f"{public_id[:10]}…{public_id[-4:]}"


class Agent(models.Model):
    """The narrow part of an agent: what lists show, sort and filter by.

    `seq` is made from `created_at` (see agents.domain.seq), so ordering by it is ordering by
    creation, and the row between tag and agent is ordered by creation for nothing.
    """

    seq = models.BigAutoField(primary_key=True)
    public_id = ExactTextField()
    name = ExactTextField()
    name_folded = ExactTextField()
    description = models.TextField(null=True)
    model = ExactTextField()
    embedding = ExactTextField(null=True)
    context_window_limit = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    version = models.PositiveBigIntegerField(default=1)
    tag_count = models.PositiveIntegerField(default=0)
    user_tag_count = models.PositiveIntegerField(default=0)

    objects: ClassVar[AgentQuerySet] = AgentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["updated_at", "seq"], name="agent_by_updated"),
            models.Index(fields=["name", "seq"], name="agent_by_name"),
            models.Index(fields=["model", "seq"], name="agent_by_model"),
            models.Index(
                fields=["embedding"],
                name="agent_by_embedding",
                condition=Q(embedding__isnull=False),
            ),
            models.Index(fields=["seq"], name="agent_untagged", condition=Q(tag_count=0)),
            models.Index(fields=["seq"], name="agent_userless", condition=Q(user_tag_count=0)),
            models.Index(fields=["seq"], name="agent_two_users", condition=Q(user_tag_count__gt=1)),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="agent_public_id_is_unique"),
            models.CheckConstraint(
                condition=Q(user_tag_count__lte=models.F("tag_count")),
                name="agent_user_tags_are_tags",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id})"

    def get_absolute_url(self) -> str:
        return reverse("agent", args=[self.public_id])

    @property
    def short_id(self) -> str:
        """The id as lists show it."""
        return short_id(self.public_id)


class AgentDetail(models.Model):
    """The wide part of an agent, read only where it is shown.

    `extra` is a JSON object of what the API or an agent file brought that ADE does not interpret
    and gives back; what has its default is not in it, so that most agents have "{}".
    """

    agent = models.OneToOneField(
        Agent, on_delete=models.CASCADE, primary_key=True, related_name="detail"
    )
    system = models.TextField(default="")
    llm_config = JsonTextField(default="{}")
    embedding_config = JsonTextField(default="null")
    metadata = JsonTextField(default="null")
    extra = JsonTextField(default="{}")
    # What an imported agent came from (a digest of the file's agent), so that the same one is
    # not imported twice unknowingly.
    imported_from = ExactTextField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["imported_from"],
                name="agent_by_origin",
                condition=Q(imported_from__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"detail of {self.agent_id}"


class Tombstone(models.Model):
    """What is left of a deleted agent: cursors go on from its place, pages say who deleted it."""

    seq = models.BigIntegerField(primary_key=True)
    public_id = ExactTextField()
    name = ExactTextField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField()
    deleted_by = ExactTextField()
    # The tags it carried, as JSON: a tag-limited key may learn of its own former agents only.
    tags = JsonTextField(default="[]")
    change_set_id = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="tombstone_public_id_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id}), deleted"


class Block(models.Model):
    """A memory block. Several agents may share one."""

    public_id = ExactTextField()
    label = ExactTextField()
    value = models.TextField()
    limit = models.PositiveIntegerField()
    description = models.TextField(null=True)
    read_only = models.BooleanField(default=False)
    metadata = JsonTextField(default="{}")
    extra = JsonTextField(default="{}")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["label", "id"], name="block_by_label"),
            # Few have tags or a project of their own; who asks for one reads only these.
            models.Index(fields=["id"], name="block_with_extra", condition=~Q(extra="{}")),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="block_public_id_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.public_id})"


class AgentBlock(models.Model):
    """That an agent has a block. Its label is unique within the agent."""

    pk = models.CompositePrimaryKey("agent_id", "block_id")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, db_index=False)
    block = models.ForeignKey(Block, on_delete=models.CASCADE)
    label = ExactTextField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["agent", "label"], name="agent_block_label_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.agent_id}"
