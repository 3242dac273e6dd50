"""What the last import from another server brought, so that the next one brings what changed."""

from typing import ClassVar

from django.db import models

from agents.models.fields import ExactTextField, JsonTextField


class ImportSource(models.Model):
    """A server that agents were imported from, by its address."""

    url = ExactTextField()
    # When an import from it last came to its end.
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["url"], name="import_source_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.url}"


class ImportedAgent(models.Model):
    """An agent as its source had it when it was last brought.

    By id and not by foreign key: it stays when the agent is deleted here, and says that it was.
    """

    source = models.ForeignKey(ImportSource, on_delete=models.PROTECT, db_index=False)
    public_id = ExactTextField()
    digest = ExactTextField()  # of the fields that ADE keeps
    tags = JsonTextField(default="[]")
    blocks = JsonTextField(default="[]")  # the ids of its memory blocks, as the source has them

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["source", "public_id"], name="imported_agent_is_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} of source {self.source_id}"


class ImportedBlock(models.Model):
    """A memory block of a source and the block that it is here; its id here may be another."""

    source = models.ForeignKey(ImportSource, on_delete=models.PROTECT, db_index=False)
    source_block_id = ExactTextField()
    public_id = ExactTextField()
    digest = ExactTextField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["source", "source_block_id"], name="imported_block_is_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_block_id} of source {self.source_id}"
