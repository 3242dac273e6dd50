"""What the last import from another server contained, so that the next one imports only changes."""

from typing import ClassVar

from django.db import models

from agents.models.fields import ExactTextField, JsonTextField


class ImportSource(models.Model):
    """A server that agents were imported from."""

    url = ExactTextField()
    # When an import from it last finished.
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["url"], name="import_source_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.url}"


class ImportedAgent(models.Model):
    """An agent as the source had it at the last import.

    It has the agent's id and no foreign key: the row stays when the agent is deleted in ADE, so that the
    next import knows.
    """

    source = models.ForeignKey(ImportSource, on_delete=models.PROTECT, db_index=False)
    public_id = ExactTextField()
    digest = ExactTextField()  # of the fields that ADE stores
    tags = JsonTextField(default="[]")
    blocks = JsonTextField(default="[]")  # the ids of its memory blocks on the source

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["source", "public_id"], name="imported_agent_is_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} of source {self.source_id}"


class ImportedBlock(models.Model):
    """A memory block of a source and the block in ADE, which may have another id."""

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
