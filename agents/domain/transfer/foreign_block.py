"""Memory blocks as agent files and Letta servers describe them."""

from typing import Any

import msgspec

from agents.core.limits import BLOCK_VALUE_LENGTH
from agents.domain.memory.new import NewBlock


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
        """Return the block to create."""
        return NewBlock(
            label=self.label,
            value=self.value,
            limit=self.stored_limit(),
            # Letta lets a block grow past its limit.
            over_limit=True,
            description=self.description,
            read_only=bool(self.read_only),
            metadata=self.metadata,
        )

    def stored_limit(self) -> int | None:
        """Return the block's limit, or the nearest one that ADE stores."""
        return None if self.limit is None else min(max(self.limit, 1), BLOCK_VALUE_LENGTH)
