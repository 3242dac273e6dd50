"""Activity at the front door: when something was last used, and how often keys were refused."""

from datetime import datetime

from agents.models import Agent, AgentUse, ApiKey, KeyRefusal, Tag, TagUse


def last_use_of_agent(agent: Agent) -> datetime | None:
    """When an application last used the agent; None if ADE does not know."""
    return AgentUse.objects.filter(agent_id=agent.seq).values_list("used_at", flat=True).first()


def last_use_of_tag(tag: Tag) -> datetime | None:
    """When a key limited to this tag last used an agent; None if ADE does not know."""
    return TagUse.objects.filter(tag_id=tag.id).values_list("used_at", flat=True).first()


def refusals_of(key: ApiKey) -> list[KeyRefusal]:
    """Return the refusals of a key by reason, the most frequent first. There are few reasons."""
    return list(KeyRefusal.objects.filter(key=key).order_by("-count", "reason"))
