"""The trash: deleted agents that can be restored for some days."""

from typing import ClassVar

from django.db import models

from agents.models.agents import short_id
from agents.models.fields import ExactTextField, JsonTextField


class TrashedAgent(models.Model):
    """A deleted agent as it was. `state` is a JSON object that `agents.domain.agents.trash` reads."""

    seq = models.BigIntegerField(primary_key=True)
    public_id = ExactTextField()
    name = ExactTextField()
    state = JsonTextField()
    # The memory blocks that only this agent had. They are in `state`.
    block_count = models.PositiveIntegerField(default=0)
    deleted_at = models.DateTimeField()
    deleted_by = ExactTextField()
    change_set_id = models.BigIntegerField()
    # From then on it cannot be restored, and is removed.
    purge_at = models.DateTimeField()
    # The name of the source where it ran, if it ran at one.
    source_name = ExactTextField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-deleted_at", "-seq"], name="trash_by_time"),
            models.Index(fields=["purge_at"], name="trash_by_end"),
            models.Index(fields=["change_set_id"], name="trash_by_change_set"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="trash_public_id_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id}), in the trash"

    # Set by reads: what a restore does to an agent of a source, as a sentence.
    way: str = ""

    @property
    def short_id(self) -> str:
        """The short form of the id, for lists."""
        return short_id(self.public_id)


class TrashedTag(models.Model):
    """A tag of an agent in the trash. It follows a rename or merge of the tag."""

    agent = models.ForeignKey(TrashedAgent, on_delete=models.CASCADE, related_name="tags")
    name = ExactTextField()
    # The change-set that gave the agent the tag. The undo of a merge finds by it what to move back.
    change_set_id = models.BigIntegerField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["change_set_id"], name="trashed_tag_by_change_set"),
            models.Index(fields=["name"], name="trashed_tag_by_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.agent_id}"


class TrashedFile(models.Model):
    """What is needed to make an agent of a source again there: its agent file, taken before it was deleted.

    It is written before the source is asked to delete the agent, so that no failure loses it.
    """

    # Of the agent that is (being) deleted. It may not be in the trash yet.
    public_id = ExactTextField()
    source_id = models.BigIntegerField()
    # JSON, as the source exports it. Empty: there is none, and `problem` says why.
    file = models.TextField(default="")
    problem = models.TextField(default="")
    # The memory blocks it had there: a JSON array of [id, label, "own" or "shared"].
    blocks = JsonTextField(default="[]")
    # The agent is deleted there, but some of its own blocks are not yet.
    waiting = models.BooleanField(default=False)
    taken_at = models.DateTimeField()
    # A restore: when the source was first asked to make the agent, and the id that it got.
    asked_at = models.DateTimeField(null=True)
    made_id = ExactTextField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["source_id"], name="trashed_file_waiting", condition=models.Q(waiting=True)
            ),
            models.Index(fields=["taken_at"], name="trashed_file_by_time"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_id"], name="trashed_file_is_once"),
        ]

    def __str__(self) -> str:
        return f"agent file of {self.public_id}"
