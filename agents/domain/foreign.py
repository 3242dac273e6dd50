"""What agent files and Letta servers both say of an agent and its memory blocks, in the same words."""

from typing import Any

import msgspec

from agents.domain.newagents import NewBlock


class KeptFields(msgspec.Struct, kw_only=True):
    """Fields of an agent that ADE keeps as they came, and gives back."""

    agent_type: str | None = None
    tool_rules: list[dict[str, Any]] | None = None
    model_settings: dict[str, Any] | None = None
    compaction_settings: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    message_buffer_autoclear: bool | None = None
    enable_sleeptime: bool | None = None
    timezone: str | None = None
    max_files_open: int | None = None
    per_file_view_window_char_limit: int | None = None
    hidden: bool | None = None


KEPT = KeptFields.__struct_fields__


class ForeignBlock(msgspec.Struct):
    """A memory block."""

    id: str
    label: str
    value: str = ""
    limit: int | None = None
    description: str | None = None
    read_only: bool | None = None
    metadata: dict[str, Any] | None = None

    def new(self) -> NewBlock:
        """The block as ADE would make it."""
        return NewBlock(
            label=self.label,
            value=self.value,
            # A block may have grown past its limit, which Letta lets it.
            limit=None if self.limit is None else max(self.limit, len(self.value), 1),
            description=self.description,
            read_only=bool(self.read_only),
            metadata=self.metadata,
        )
