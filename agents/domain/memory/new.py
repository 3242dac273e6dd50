"""A new memory block and its checks."""

from dataclasses import dataclass, field
from typing import Any

from agents.core.errors import Invalid, LimitExceeded
from agents.core.json_text import checked_json
from agents.core.limits import (
    BLOCK_LABEL_LENGTH,
    BLOCK_LIMIT_DEFAULT,
    BLOCK_VALUE_LENGTH,
    BLOCKS_PER_AGENT,
)
from agents.domain.core.checks import checked_description, checked_extra, checked_text

# Letta fields that ADE stores and returns without using them. A default value is not stored.
BLOCK_EXTRA_DEFAULTS: dict[str, Any] = {
    "project_id": None,
    "template_name": None,
    "is_template": False,
    "template_id": None,
    "base_template_id": None,
    "deployment_id": None,
    "entity_id": None,
    "preserve_on_migration": False,
    "hidden": None,
    "tags": [],
}


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A memory block to create."""

    label: str
    value: str = ""
    limit: int | None = None  # characters
    description: str | None = None
    read_only: bool = False
    metadata: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    # Agents created together share one block if its key is the same.
    key: str | None = None
    # The value may be longer than the limit: it came from elsewhere like that, or does not change.
    over_limit: bool = False


def checked_block(block: NewBlock) -> dict[str, Any]:
    """Check a new memory block and return its columns. Raises Invalid."""
    label = checked_text(block.label, field="label", most=BLOCK_LABEL_LENGTH)
    if not label:
        raise Invalid("A memory block needs a label.", field="label")
    limit = BLOCK_LIMIT_DEFAULT if block.limit is None else block.limit
    return {
        "label": label,
        "limit": checked_block_limit(limit),
        "value": checked_block_value(
            block.value, limit=BLOCK_VALUE_LENGTH if block.over_limit else limit
        ),
        "description": checked_description(block.description),
        "read_only": block.read_only,
        "metadata": checked_json(block.metadata or {}, field="metadata"),
        "extra": checked_extra(block.extra, BLOCK_EXTRA_DEFAULTS),
    }


def checked_block_limit(limit: object) -> int:
    """Return the limit of a block in characters if it is legal. Raises Invalid."""
    if (
        not isinstance(limit, int)
        or isinstance(limit, bool)
        or not 1 <= limit <= BLOCK_VALUE_LENGTH
    ):
        raise Invalid(
            f"The limit must be a whole number of characters from 1 to {BLOCK_VALUE_LENGTH:,}.",
            field="limit",
        )
    return limit


def checked_block_value(value: object, *, limit: int) -> str:
    """Return the value of a block if it is within the block's limit. Raises Invalid."""
    return checked_text(value, field="value", most=limit)


def checked_blocks(blocks: list[NewBlock]) -> list[dict[str, Any]]:
    """Check the new blocks of an agent and return their columns. Raises Invalid, also for equal labels."""
    if len(blocks) > BLOCKS_PER_AGENT:
        raise LimitExceeded(
            f"An agent has at most {BLOCKS_PER_AGENT} memory blocks.", field="memory_blocks"
        )
    columns = [checked_block(block) for block in blocks]
    labels = [column["label"] for column in columns]
    if len(set(labels)) < len(labels):
        raise Invalid("Two memory blocks have the same label.", field="memory_blocks")
    return columns
