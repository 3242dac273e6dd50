"""Agents, their details, tombstones of deleted agents, and memory blocks."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from agents.models.fields import ExactTextField, JsonTextField
from agents.models.querysets import AgentQuerySet


def short_id(public_id: str) -> str:
    """Return the short form of an id for lists: its start and its end."""
    return f"{public_id[:10]}…{public_id[-4:]}"


class Agent(models.Model):
    """The columns of an agent that lists show, sort and filter by.

    `seq` is computed from `created_at` (see agents.domain.core.sequence). Sorting by it sorts by
    creation, also in the rows between tags and agents, which need no column for that.
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
    # True where `hidden` of the wide part is true. Lists and counts leave these out by default.
    hidden = models.BooleanField(default=False, db_default=False)
    # The source where it runs. None: kept here. A write of tags sees it without another statement.
    source = models.ForeignKey(
        "agents.AgentSource",
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    # Why a manager marked it as meant to be shared between users; None if nobody did.
    shared_reason = models.TextField(null=True)

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
            models.Index(fields=["seq"], name="agent_hidden", condition=Q(hidden=True)),
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
        """The short form of the id, for lists."""
        return short_id(self.public_id)


class AgentDetail(models.Model):
    """The large columns of an agent, read only where they are shown.

    `extra` is a JSON object of Letta fields that ADE stores and returns without using them. Fields
    with their default value are not stored, so most agents have "{}".
    """

    agent = models.OneToOneField(
        Agent, on_delete=models.CASCADE, primary_key=True, related_name="detail"
    )
    system = models.TextField(default="")
    llm_config = JsonTextField(default="{}")
    embedding_config = JsonTextField(default="null")
    metadata = JsonTextField(default="null")
    extra = JsonTextField(default="{}")
    # A digest of the agent in the imported file, to notice a second import of the same agent.
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
    """A deleted agent: page cursors can continue from it, and pages show who deleted it."""

    seq = models.BigIntegerField(primary_key=True)
    public_id = ExactTextField()
    name = ExactTextField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField()
    deleted_by = ExactTextField()
    # The tags it carried, as JSON: a limited key may see only tombstones of its own agents.
    tags = JsonTextField(default="[]")
    change_set_id = models.BigIntegerField()
    # The ID of the agent that its source made again from its file.
    restored_as = ExactTextField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="tombstone_public_id_is_unique"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["restored_as"],
                name="tombstone_restored",
                condition=Q(restored_as__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id}), deleted"


class Block(models.Model):
    """A memory block. Several agents can share it. `limit` is in characters of its value."""

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
            # Few blocks have tags or a project. Searches for these read only such blocks.
            models.Index(fields=["id"], name="block_with_extra", condition=~Q(extra="{}")),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="block_public_id_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.public_id})"


class AgentBlock(models.Model):
    """A block attached to an agent. Its label is unique within the agent."""

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
