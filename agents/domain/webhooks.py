"""Webhooks: made, changed, switched on and off, tested; what was sent is sent again."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ade import logs
from agents.actors import Actor, Power
from agents.domain import history, webhook_log
from agents.domain.edits import UNSET
from agents.domain.history import Entry
from agents.domain.newagents import checked_text
from agents.domain.transactions import write
from agents.domain.webhook_secrets import secret_of
from agents.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.jsontext import dumps
from agents.limits import (
    WEBHOOK_NAME_LENGTH,
    WEBHOOK_OVERLAP_SECONDS,
    WEBHOOK_PATTERNS,
    WEBHOOK_URL_LENGTH,
    WEBHOOKS,
)
from agents.models import Act, Delivery, DeliveryState, Event, Op, Webhook
from agents.outgoing import checked_url
from agents.tagnames import text_problem, unique_legal

EVENTS = tuple(event for event in Event if event != Event.PING)
# Until then whoever took a delivery to send it is believed to be at it.
LEASE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class MadeWebhook:
    """A webhook with a new secret, and the one and only sight of that."""

    webhook: Webhook
    secret: str


@write
def create_webhook(
    *,
    url: str,
    actor: Actor,
    name: str = "",
    tags: Sequence[object] = (),
    events: Sequence[object] = (),
) -> MadeWebhook:
    """Tell this address of what happens from now on.

    `tags` are patterns of the tags that events are about, `events` their kinds; empty ones mean
    all. For managers. Raises Invalid, NotAllowed, Conflict (too many; a long write goes on).
    """
    _require(actor, "make webhooks")
    if Webhook.objects.count() >= WEBHOOKS:
        raise Conflict(f"There are {WEBHOOKS} webhooks already: delete one first.")
    hook = Webhook(
        public_id=f"wh_{secrets.token_hex(8)}",
        salt=secrets.token_hex(16),
        created_at=timezone.now(),
        created_by=actor.name,
        cursor=webhook_log.end_for_new(),
    )
    _fill(hook, url=url, name=name, tags=tags, events=events)
    hook.save()
    _record(actor, hook, "", f"made, to {_host(hook)}")
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
    """Change what is given; what waits is sent to the new address. Raises as `create_webhook`."""
    hook = _held(webhook_id, actor)
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
    """Switch it on: it goes on where it ended; with `skip`, from now. One that is on stays so.

    Raises NotFound, NotAllowed, Conflict (a long write goes on, with `skip`).
    """
    hook = _held(webhook_id, actor)
    if hook.enabled:
        return hook
    if skip:
        hook.cursor = webhook_log.end_for_new()
        Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING).update(
            state=DeliveryState.FAILED, error="Left out when the webhook was switched on again."
        )
    hook.enabled, hook.problem = True, ""
    hook.failures, hook.failing_since, hook.hold_until = 0, None, None
    hook.save()
    _record(actor, hook, "off", "on" + (", from now" if skip else ", from where it ended"))
    return hook


@write
def disable_webhook(*, webhook_id: str, actor: Actor) -> Webhook:
    """Switch it off: nothing is sent; history keeps what happens meanwhile."""
    hook = _held(webhook_id, actor)
    if hook.enabled:
        switch_off(hook, "", actor=actor)
    return hook


def switch_off(hook: Webhook, why: str, *, actor: Actor) -> None:
    """Switch off a webhook that the caller has locked; `why` says it where nobody asked for it."""
    hook.enabled, hook.problem = False, why
    hook.save(update_fields=["enabled", "problem"])
    _record(actor, hook, "on", f"off: {why}" if why else "off")


@write
def switch_all_off(*, why: str, actor: Actor) -> int:
    """Switch off every webhook that is on. How many.

    For a database that was restored: it would send again what it sent after its backup, and to the
    receivers of the one it is a copy of.
    """
    hooks = list(Webhook.objects.select_for_update().filter(enabled=True))
    for hook in hooks:
        switch_off(hook, why, actor=actor)
    return len(hooks)


@write
def rotate_secret(*, webhook_id: str, actor: Actor) -> MadeWebhook:
    """Give it a new secret; for a day both sign. Of three within a day the first is over."""
    hook = _held(webhook_id, actor)
    hook.old_salt, hook.salt = hook.salt, secrets.token_hex(16)
    hook.old_until = timezone.now() + timedelta(seconds=WEBHOOK_OVERLAP_SECONDS)
    hook.save(update_fields=["salt", "old_salt", "old_until"])
    _record(actor, hook, "", f"new secret, the old one until {hook.old_until:%Y-%m-%d %H:%M} UTC")
    return MadeWebhook(hook, secret_of(hook))


@write
def delete_webhook(*, webhook_id: str, actor: Actor) -> None:
    """End it, with its list of deliveries."""
    hook = _held(webhook_id, actor)
    _record(actor, hook, "", "deleted")
    Delivery.objects.filter(webhook=hook)._raw_delete(using="default")
    hook.delete()


@write
def ping(*, webhook_id: str, actor: Actor) -> Delivery:
    """Send it a test, also where it is switched off. One attempt."""
    hook, now = _held(webhook_id, actor), timezone.now()
    waiting = Delivery.objects.filter(
        webhook=hook, event=Event.PING, state=DeliveryState.WAITING
    ).first()
    return waiting or Delivery.objects.create(
        webhook=hook, public_id=new_id(), event=Event.PING, next_at=now, created_at=now
    )


@write
def redeliver(*, webhook_id: str, delivery_id: str, actor: Actor) -> Delivery:
    """Send a delivery again, with the same id, or now if it waits for its next attempt.

    Raises NotFound, NotAllowed, Conflict (it is being sent; the webhook is switched off).
    """
    hook = _held(webhook_id, actor)
    known = Delivery.objects.select_for_update().filter(webhook=hook)
    one = None if text_problem(delivery_id) else known.filter(public_id=delivery_id).first()
    if one is None:
        raise NotFound("There is no such delivery.")
    if not hook.enabled and one.event != Event.PING:
        raise Conflict("The webhook is switched off: switch it on first.")
    if is_under_way(one):
        raise Conflict("It is being sent right now.")
    one.state, one.attempts, one.next_at = DeliveryState.WAITING, 0, timezone.now()
    one.save(update_fields=["state", "attempts", "next_at"])
    Webhook.objects.filter(id=hook.id).update(hold_until=None)
    return one


def is_under_way(one: Delivery) -> bool:
    """True if someone has taken it to send it, and not settled it yet."""
    if one.state != DeliveryState.WAITING or one.tried_at is None:
        return False
    return one.tried_at + LEASE == one.next_at > timezone.now()


def webhooks_of(actor: Actor) -> QuerySet[Webhook]:
    """All webhooks, for who may manage and is not limited to a tag. Raises NotAllowed."""
    _require(actor, "see webhooks")
    return Webhook.objects.all()


def get_webhook(*, webhook_id: str, actor: Actor) -> Webhook:
    """One of `webhooks_of` the actor. Raises NotFound, NotAllowed."""
    return _among(webhooks_of(actor), webhook_id)


def new_id() -> str:
    """The id of a delivery, which each attempt of it carries."""
    return f"msg_{secrets.token_hex(16)}"


def _require(actor: Actor, what: str) -> None:
    actor.require(Power.MANAGE, what)
    if actor.limit is not None:
        raise NotAllowed("A key that is limited to a tag has no say over webhooks.")


def _held(webhook_id: str, actor: Actor) -> Webhook:
    return _among(webhooks_of(actor).select_for_update(), webhook_id)


def _among(known: QuerySet[Webhook], webhook_id: str) -> Webhook:
    found = None if text_problem(webhook_id) else known.filter(public_id=webhook_id).first()
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def _fill(hook: Webhook, *, url: Any, name: Any, tags: Any, events: Any) -> None:
    """Set what is given, checked. Raises Invalid."""
    if url is not UNSET:
        hook.url = checked_url(
            checked_text(url, field="url", most=WEBHOOK_URL_LENGTH),
            http=settings.WEBHOOK_ALLOW_HTTP,
            allowed=settings.WEBHOOK_ALLOWED_NETWORKS,
        )
    if name is not UNSET:
        hook.name = checked_text(name, field="name", most=WEBHOOK_NAME_LENGTH)
    if tags is not UNSET:
        if len(tags) > WEBHOOK_PATTERNS:
            raise Invalid(f"At most {WEBHOOK_PATTERNS} patterns of tags.", field="tags")
        hook.tags = dumps(unique_legal(tags, field="tags"))
    if events is not UNSET:
        unknown = [one for one in events if one not in set(EVENTS)]
        if unknown:
            raise Invalid(f"An event is one of {', '.join(EVENTS)}.", field="events")
        hook.events = dumps([event for event in EVENTS if event in events])


def _facts(hook: Webhook) -> dict[str, str]:
    return {"address": hook.url, "name": hook.name, "tags": hook.tags, "events": hook.events}


def _host(hook: Webhook) -> str:
    """The part of the address that is no secret: what follows it often is one."""
    return urlsplit(hook.url).netloc


def _record(actor: Actor, hook: Webhook, old: str, new: str) -> None:
    change_set = history.open_change_set(actor=actor, act=Act.WEBHOOK)
    entry = Entry(Op.SET, field=f"webhook {hook.public_id}", old=old or None, new=new)
    history.record(change_set, [entry])
    transaction.on_commit(
        lambda: logs.security(
            f"webhook: {new}", who=actor.id, name=actor.name, webhook=hook.public_id
        )
    )
