"""What there is, read by hand: none of it asks `visible_to`."""

import json
from collections import defaultdict
from typing import Any

from django.db.models import Model

from agents.models import (
    AgentBlock,
    AgentDetail,
    AgentTag,
    ApiKey,
    BulkPlan,
    Tag,
    Tombstone,
    Webhook,
)
from tests.access.requests import TRACE


def contents() -> dict[str, str]:
    """Of each agent that is, or that was, its id and all it holds, read by hand: tags first."""
    parts: dict[str, list[object]] = defaultdict(list)
    tags = AgentTag.objects.order_by("tag__name").values_list("agent__public_id", "tag__name")
    for public_id, tag in tags:
        parts[public_id].append(tag)
    for detail in AgentDetail.objects.select_related("agent"):
        parts[detail.agent.public_id] += [_columns(detail), _columns(detail.agent)]
    for row in AgentBlock.objects.select_related("block", "agent").order_by("block_id"):
        parts[row.agent.public_id].append(_columns(row.block))
    for grave in Tombstone.objects.all():
        parts[grave.public_id] = [*json.loads(grave.tags), grave.public_id]
    return {public_id: " ".join(map(str, found)) for public_id, found in parts.items()}


def _columns(row: Model) -> str:
    return repr([getattr(row, column.attname) for column in row._meta.concrete_fields])


def rows_of_managers() -> list[Any]:
    """Every row that only managers write, read by hand: keys, bulk changes, webhooks, tags."""
    tags = Tag.objects.order_by("id").values("id", "name", "description", "protected")
    keys = ApiKey.objects.order_by("id").values("digest", "scope", "limit_tag", "disabled_at")
    plans = BulkPlan.objects.order_by("id").values(
        "op", "id", "state", "looked", "wanted", "undoes"
    )
    hooks = Webhook.objects.order_by("id").values("id", "url", "tags", "salt", "enabled")
    return [*tags, *keys, *plans, *hooks]


def held(tag: str, world: dict[str, str]) -> dict[str, str]:
    """Those of the agents that carry this tag."""
    return {key: text for key, text in world.items() if tag in text.split()}


def own_traces(tag: str, world: dict[str, str]) -> set[str]:
    """Every trace in the agents that carry this tag, and the ids of those that did."""
    return {trace for text in held(tag, world).values() for trace in TRACE.findall(text)}
