"""Short ways to make webhooks and to let them be told."""

from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from agents.domain.tags.edit import change_tags
from agents.domain.webhooks import log, queue
from agents.domain.webhooks import owner as owners
from agents.domain.webhooks.order import order_of
from agents.domain.webhooks.write import create_webhook
from agents.models import Delivery, Webhook
from agents.tasks.webhooks import send_all
from tests.helpers import ROOT
from tests.webhooks.receiver import Receiver


def make_hook(there: Receiver, **fields: Any) -> Webhook:
    """A webhook to the receiver; `fields` as in create_webhook."""
    return create_webhook(url=there.url, actor=ROOT, **fields).webhook


def deliver() -> None:
    """All that is new and due, at once."""
    send_all(seconds=120)


def take_up() -> bool:
    """Create the deliveries of new events for each webhook. True if there are more events."""
    hooks = list(Webhook.objects.filter(enabled=True).order_by("id").values_list("id", flat=True))
    end = log.safe_end()
    more = [queue.take_up_for(hook, end) for hook in hooks]
    return any(more)


def claim() -> list[Delivery]:
    """What a worker claims that ends before it sends anything, of each webhook."""
    claimed: list[Delivery] = []
    for hook_id in owners.with_work():
        hook = owners.take(hook_id, owners.new_owner())
        now = timezone.now()
        picked = order_of(hook, now=now).pick(64, now=now, taken=())
        claimed += queue.claim(hook, picked)
    return claimed


def silence() -> None:
    """Let the owners of all webhooks have been silent for so long that others take over."""
    Webhook.objects.exclude(owner=None).update(beat_at=Now() - 2 * owners.TAKEOVER)


def told(there: Receiver) -> list[tuple[str, dict[str, Any]]]:
    """The events in the order of what happened, without who did it."""
    general = ("change_set", "by", "source", "reason", "undoes")
    return [
        (one["type"], {k: v for k, v in one["data"].items() if k not in general})
        for one in sorted(there.told(), key=lambda one: one["sequence"])
    ]


def change(agent_id: str, *tags: str) -> None:
    """One change for each tag."""
    for tag in tags:
        change_tags(agent_id=agent_id, add=[tag], actor=ROOT)


def added(there: Receiver, agent_id: str) -> list[str]:
    """The tags that the receiver was told were added to the agent, in the order of arrival."""
    bodies = [one["data"] for one in there.told() if one["type"] == "agent.tags.changed"]
    return [one["added"][0] for one in bodies if one["agent_id"] == agent_id]


def about(agent_id: str) -> bytes:
    """What the bodies about this agent contain."""
    return agent_id.encode()


def states() -> list[str]:
    """The states of all deliveries, oldest first."""
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))
