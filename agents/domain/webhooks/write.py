"""Create, edit, enable, disable, test and delete webhooks; send a delivery again."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.core.errors import Conflict, Invalid, NotFound
from agents.core.json_text import dumps
from agents.core.limits import (
    WEBHOOK_NAME_LENGTH,
    WEBHOOK_OVERLAP_SECONDS,
    WEBHOOK_PATTERNS,
    WEBHOOK_URL_LENGTH,
    WEBHOOKS,
)
from agents.core.tag_text import text_problem, unique_legal
from agents.domain.core.checks import checked_text
from agents.domain.core.record import Entry, record_and_log
from agents.domain.core.transactions import write
from agents.domain.core.unset import UNSET
from agents.domain.webhooks import log
from agents.domain.webhooks.alerts import new_id
from agents.domain.webhooks.signing import secret_of
from agents.models import Act, Delivery, DeliveryState, Event, Op, Webhook
from agents.net.addresses import checked_url

EVENTS = tuple(event for event in Event if event != Event.PING)
# A process that claimed a delivery is assumed to be sending it for this long.
LEASE = timedelta(minutes=2)
_DELETED = 500  # deliveries deleted in one transaction


@dataclass(frozen=True, slots=True)
class MadeWebhook:
    """A webhook with its new secret, which ADE shows only once."""

    webhook: Webhook
    secret: str


@write
def create_webhook(
    *,
    url: str,
    actor: Actor,
    name: str = "",
    tags: Sequence[object] | None = None,
    events: Sequence[object] | None = None,
) -> MadeWebhook:
    """Create a webhook that sends this address all events from now on.

    `tags` are patterns of the tags that events are about, `events` their kinds; None means all, and an
    empty list is refused. For managers. Raises Invalid, NotAllowed, Conflict (too many webhooks; a long write is running).
    """
    _require(actor, "create webhooks")
    if Webhook.objects.count() >= WEBHOOKS:
        raise Conflict(f"There are {WEBHOOKS} webhooks, which is the limit. Delete one first.")
    hook = Webhook(
        public_id=f"wh_{secrets.token_hex(8)}",
        salt=secrets.token_hex(16),
        created_at=timezone.now(),
        created_by=actor.name,
        cursor=log.end_for_new(),
    )
    _fill(hook, url=url, name=name, tags=tags, events=events)
    hook.save()
    _record(actor, hook, "", f"created, to {_host(hook)}")
    return MadeWebhook(hook, secret_of(hook))


@write
def edit_webhook(
    *,
    webhook_id: str,
    actor: Actor,
    url: Any = UNSET,
    name: Any = UNSET,
    tags: Any = UNSET,
    events: Any = UNSET,
) -> Webhook:
    """Change the given fields. Pending deliveries go to the new address. Raises as `create_webhook`.

    An empty list that changes nothing is accepted: programs send back what they read.
    """
    hook = _locked(webhook_id, actor)
    before = _facts(hook)
    _fill(hook, url=url, name=name, tags=tags, events=events)
    after = _facts(hook)
    changed = [what for what, value in after.items() if value != before[what]]
    if changed:
        hook.save(update_fields=["url", "name", "tags", "events"])
        to = f", to {_host(hook)}" if "address" in changed else ""
        _record(actor, hook, "", f"changed {', '.join(changed)}{to}")
    return hook


@write
def enable_webhook(*, webhook_id: str, actor: Actor, skip: bool = False) -> Webhook:
    """Enable a webhook. It continues where it stopped; with `skip`, it starts from now.

    Raises NotFound, NotAllowed, Conflict (with `skip`: a long write is running).
    """
    hook = _locked(webhook_id, actor)
    if hook.enabled:
        return hook
    if skip:
        hook.cursor = log.end_for_new()
        Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING).update(
            state=DeliveryState.FAILED, error="Skipped when the webhook was switched on again."
        )
    hook.enabled, hook.problem = True, ""
    hook.failures, hook.failing_since, hook.hold_until = 0, None, None
    hook.save()
    _record(actor, hook, "off", "on" + (", from now" if skip else ", from where it stopped"))
    return hook


@write
def disable_webhook(*, webhook_id: str, actor: Actor) -> Webhook:
    """Disable a webhook. Nothing is sent; events of this time stay in the history."""
    hook = _locked(webhook_id, actor)
    if hook.enabled:
        switch_off(hook, "", actor=actor)
    return hook


def switch_off(hook: Webhook, why: str, *, actor: Actor) -> None:
    """Disable a webhook that the caller has locked. `why` is the reason if no person asked for it."""
    hook.enabled, hook.problem = False, why
    hook.save(update_fields=["enabled", "problem"])
    _record(actor, hook, "on", f"off: {why}" if why else "off")


@write
def switch_all_off(*, why: str, actor: Actor) -> int:
    """Disable all webhooks. Returns how many were enabled.

    For a restored database: it would send again what was sent after the backup, and a copy would
    send to the receivers of the original.
    """
    hooks = list(Webhook.objects.select_for_update().filter(enabled=True))
    for hook in hooks:
        switch_off(hook, why, actor=actor)
    return len(hooks)


@write
def rotate_secret(*, webhook_id: str, actor: Actor) -> MadeWebhook:
    """Give a webhook a new secret. The old one also signs for a day, or until the next rotation."""
    hook = _locked(webhook_id, actor)
    hook.old_salt, hook.salt = hook.salt, secrets.token_hex(16)
    hook.old_until = timezone.now() + timedelta(seconds=WEBHOOK_OVERLAP_SECONDS)
    hook.save(update_fields=["salt", "old_salt", "old_until"])
    _record(actor, hook, "", f"new secret, the old one until {hook.old_until:%Y-%m-%d %H:%M} UTC")
    return MadeWebhook(hook, secret_of(hook))


def delete_webhook(*, webhook_id: str, actor: Actor) -> None:
    """Delete a webhook and its list of deliveries."""
    hook = get_webhook(webhook_id=webhook_id, actor=actor)
    # They may be very many, and other writers on SQLite wait for each transaction.
    over = Delivery.objects.filter(webhook=hook).exclude(state=DeliveryState.WAITING)
    delete_deliveries(list(over.values_list("id", flat=True)))
    _delete(webhook_id=webhook_id, actor=actor)


@write
def _delete(*, webhook_id: str, actor: Actor) -> None:
    hook = _locked(webhook_id, actor)
    _record(actor, hook, "", "deleted")
    Delivery.objects.filter(webhook=hook)._raw_delete(using="default")
    hook.delete()


def delete_deliveries(keys: Sequence[int]) -> None:
    """Delete finished deliveries, except those that are to be sent again; 500 in a transaction."""
    for start in range(0, len(keys), _DELETED):
        some = Delivery.objects.filter(id__in=keys[start : start + _DELETED])
        some.exclude(state=DeliveryState.WAITING)._raw_delete(using="default")


@write
def ping(*, webhook_id: str, actor: Actor) -> Delivery:
    """Send a test, even to a disabled webhook. Makes one attempt."""
    hook, now = _locked(webhook_id, actor), timezone.now()
    waiting = Delivery.objects.filter(
        webhook=hook, event=Event.PING, state=DeliveryState.WAITING
    ).first()
    return waiting or Delivery.objects.create(
        webhook=hook, public_id=new_id(), event=Event.PING, next_at=now, created_at=now
    )


@write
def redeliver(*, webhook_id: str, delivery_id: str, actor: Actor) -> Delivery:
    """Send a delivery again with the same id, or now if its next attempt is pending.

    Raises NotFound, NotAllowed, Conflict (it is being sent; the webhook is switched off).
    """
    hook = _locked(webhook_id, actor)
    known = Delivery.objects.select_for_update().filter(webhook=hook)
    delivery = None if text_problem(delivery_id) else known.filter(public_id=delivery_id).first()
    if delivery is None:
        raise NotFound("There is no such delivery.")
    if not hook.enabled and delivery.event != Event.PING:
        raise Conflict("The webhook is switched off. Switch it on first.")
    if is_under_way(delivery):
        raise Conflict("This delivery is being sent now. Wait for its result.")
    delivery.state, delivery.attempts, delivery.next_at = DeliveryState.WAITING, 0, timezone.now()
    delivery.save(update_fields=["state", "attempts", "next_at"])
    Webhook.objects.filter(id=hook.id).update(hold_until=None)
    return delivery


def is_under_way(delivery: Delivery) -> bool:
    """True if a process has claimed the delivery and has not stored its result yet."""
    if delivery.state != DeliveryState.WAITING or delivery.tried_at is None:
        return False
    return delivery.tried_at + LEASE == delivery.next_at > timezone.now()


def webhooks_of(actor: Actor) -> QuerySet[Webhook]:
    """Return all webhooks. Raises NotAllowed for actors that may not manage or are limited."""
    _require(actor, "see webhooks")
    return Webhook.objects.all()


def get_webhook(*, webhook_id: str, actor: Actor) -> Webhook:
    """Return a webhook by its id. Raises NotFound, NotAllowed."""
    return _among(webhooks_of(actor), webhook_id)


def _require(actor: Actor, what: str) -> None:
    actor.require(Power.MANAGE, what)
    actor.require_sign_in(what)
    actor.require_unlimited("cannot manage webhooks")


def _locked(webhook_id: str, actor: Actor) -> Webhook:
    return _among(webhooks_of(actor).select_for_update(), webhook_id)


def _among(known: QuerySet[Webhook], webhook_id: str) -> Webhook:
    found = None if text_problem(webhook_id) else known.filter(public_id=webhook_id).first()
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def _fill(hook: Webhook, *, url: Any, name: Any, tags: Any, events: Any) -> None:
    """Check and set the given fields. Raises Invalid."""
    if url is not UNSET:
        hook.url = checked_url(
            checked_text(url, field="url", most=WEBHOOK_URL_LENGTH),
            http=settings.WEBHOOK_ALLOW_HTTP,
            allowed=settings.WEBHOOK_ALLOWED_NETWORKS,
        )
    if name is not UNSET:
        hook.name = checked_text(name, field="name", most=WEBHOOK_NAME_LENGTH)
    if tags is not UNSET:
        if len(tags or ()) > WEBHOOK_PATTERNS:
            raise Invalid(f"Give at most {WEBHOOK_PATTERNS} tag patterns.", field="tags")
        _require_some(hook, "tags", tags)
        hook.tags = dumps(unique_legal(tags or (), field="tags"))
    if events is not UNSET:
        _require_some(hook, "events", events)
        if any(event not in set(EVENTS) for event in events or ()):
            raise Invalid(f"Events must be among {', '.join(EVENTS)}.", field="events")
        hook.events = dumps([event for event in EVENTS if event in (events or ())])


def _require_some(hook: Webhook, field: str, given: Sequence[object] | None) -> None:
    """Raise Invalid for an empty list that would widen the webhook: stored, it means everything."""
    is_all = not hook._state.adding and getattr(hook, field) == "[]"
    if given is not None and not given and not is_all:
        raise Invalid(f"Choose at least one of the {field}, or all {field}.", field=field)


def _facts(hook: Webhook) -> dict[str, str]:
    return {"address": hook.url, "name": hook.name, "tags": hook.tags, "events": hook.events}


def _host(hook: Webhook) -> str:
    """Return the host of the address. What follows it is often a secret."""
    return urlsplit(hook.url).netloc


def _record(actor: Actor, hook: Webhook, old: str, new: str) -> None:
    entry = Entry(Op.SET, field=f"webhook {hook.public_id}", old=old or None, new=new)
    record_and_log(
        actor=actor,
        act=Act.WEBHOOK,
        entry=entry,
        event=f"webhook: {new}",
        webhook=hook.public_id,
    )
