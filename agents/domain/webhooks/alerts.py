"""Tell webhooks what happened to ADE's own work: bulk changes and other webhooks."""

import secrets

from django.utils import timezone

from agents.core.json_text import loads
from agents.models import BulkPlan, Delivery, Event, Webhook


def new_id() -> str:
    """Return an id for a delivery. All its attempts carry it."""
    return f"msg_{secrets.token_hex(16)}"


def tell_of_bulk(event: Event, plan: BulkPlan) -> None:
    """Queue an event about a bulk change. Call it in the transaction that finished or stopped it."""
    _tell(event, str(plan.id), change_set_id=plan.change_set_id)


def tell_of_failing(hook: Webhook) -> None:
    """Queue an event about a failing webhook, for the others. Call it in the transaction that noted it."""
    _tell(Event.WEBHOOK_FAILING, str(hook.public_id), but=hook.id)


def _tell(event: Event, subject: str, *, change_set_id: int | None = None, but: int = 0) -> None:
    """Queue an event for all enabled webhooks that want it, except for those limited to tags.

    What it says is about agents with any tag.
    """
    now = timezone.now()
    hooks = Webhook.objects.filter(enabled=True).exclude(id=but).order_by("id")
    Delivery.objects.bulk_create(
        Delivery(
            webhook=hook,
            public_id=new_id(),
            event=event,
            change_set_id=change_set_id,
            subject=subject,
            next_at=now,
            created_at=now,
        )
        for hook in hooks
        if not loads(hook.tags) and event in (loads(hook.events) or (event,))
    )
