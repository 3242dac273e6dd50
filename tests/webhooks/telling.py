"""Short ways to make webhooks and to let them be told."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agents.domain.webhooks import create_webhook
from agents.models import Webhook
from agents.webhook_tasks import deliver_some
from tests.helpers import ROOT
from tests.webhooks.receiver import Receiver


def make_hook(there: Receiver, **fields: Any) -> Webhook:
    """A webhook to the receiver; `fields` as in create_webhook."""
    return create_webhook(url=there.url, actor=ROOT, **fields).webhook


def deliver() -> None:
    """All that is new and due, at once."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        while deliver_some(pool):
            pass


def told(there: Receiver) -> list[tuple[str, dict[str, Any]]]:
    """The events in the order of what happened, without who did it."""
    general = ("change_set", "by", "source", "reason", "undoes")
    return [
        (one["type"], {k: v for k, v in one["data"].items() if k not in general})
        for one in sorted(there.told(), key=lambda one: one["sequence"])
    ]
