"""Webhooks: which there are, a new one, and all about one. For managers who just proved it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from ade.accounts.access import managers_only, reauthenticated
from ade.http import render_page, see_other, show_once
from agents.core.errors import Conflict, Invalid
from agents.core.json_text import loads
from agents.domain.webhooks import write as domain
from agents.domain.webhooks.write import MadeWebhook, is_under_way
from agents.forms import WebhookForm, text_of
from agents.models import Delivery, DeliveryState, Event, Webhook
from agents.tasks.webhooks import delivering
from agents.views.core.actors import actor_of

# Deliveries that the page of a webhook shows.
_SHOWN = 50
# From then on a worker that is running would have sent a test.
_PATIENCE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class HookRow:
    """A webhook as the pages show it."""

    hook: Webhook
    now: datetime

    @property
    def title(self) -> str:
        return self.hook.name or urlsplit(self.hook.url).netloc

    @property
    def state(self) -> str:
        if not self.hook.enabled:
            return "Switched itself off" if self.hook.problem else "Off"
        return "Failing" if self.hook.failing_since else "On"

    @property
    def tags(self) -> list[str]:
        patterns: list[str] = loads(self.hook.tags)
        return patterns

    @property
    def events(self) -> list[str]:
        return [Event(event).label for event in loads(self.hook.events)]

    @property
    def old_until(self) -> datetime | None:
        until = self.hook.old_until
        return until if until is not None and until > self.now else None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as the page shows it."""

    one: Delivery

    @property
    def state(self) -> str:
        if is_under_way(self.one):
            return "Being sent"
        if self.one.state == DeliveryState.WAITING:
            return "To be tried again" if self.one.attempts else "Waiting"
        return str(self.one.get_state_display()).capitalize()

    @property
    def may_redeliver(self) -> bool:
        over = self.one.state != DeliveryState.WAITING
        return (over or self.one.attempts > 0) and not is_under_way(self.one)


@require_http_methods(["GET", "HEAD", "POST"])
@managers_only
@reauthenticated
def webhooks(request: HttpRequest) -> HttpResponse:
    """All webhooks, and a form; a post makes one and shows its secret, once."""
    actor = actor_of(request)
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            with delivering():
                made = domain.create_webhook(**form.wanted(), actor=actor)
        except (Conflict, Invalid) as error:
            form.refuse(error)
        else:
            return _show_secret(request, made)
    now = timezone.now()
    rows = [HookRow(hook, now) for hook in domain.webhooks_of(actor).order_by("id")]
    context = {"form": form, "rows": rows, "nav": "webhooks"}
    return render(request, "webhooks/list.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@managers_only
@reauthenticated
def webhook(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """One webhook: what it is told, its deliveries; a post changes it."""
    actor = actor_of(request)
    hook = domain.get_webhook(webhook_id=webhook_id, actor=actor)
    posted = request.POST if request.method == "POST" else None
    form = WebhookForm(posted, initial=WebhookForm.initial_of(hook))
    if form.is_bound and form.is_valid():
        try:
            domain.edit_webhook(webhook_id=webhook_id, actor=actor, **form.edit())
        except Invalid as error:
            form.refuse(error)
        else:
            messages.success(request, "Saved.")
            return see_other(hook.get_absolute_url())
    return _page(request, hook, form, status=(409 if form.stale else 422) if form.errors else 200)


@require_POST
@managers_only
@reauthenticated
def rotate(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Create a new secret for the webhook and show it once."""
    made = domain.rotate_secret(webhook_id=webhook_id, actor=actor_of(request))
    return _show_secret(request, made)


@require_POST
@managers_only
@reauthenticated
def ping(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Send a test event to the webhook."""
    with delivering():
        domain.ping(webhook_id=webhook_id, actor=actor_of(request))
    messages.success(request, "A test is queued. It is the first delivery below.")
    return see_other(reverse("webhook", args=[webhook_id]))


@require_POST
@managers_only
@reauthenticated
def switch(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Switch the webhook off, or on with or without the missed events."""
    to, actor = text_of(request.POST, "to"), actor_of(request)
    if to == "off":
        domain.disable_webhook(webhook_id=webhook_id, actor=actor)
    else:
        with delivering():
            domain.enable_webhook(webhook_id=webhook_id, actor=actor, skip=to == "skip")
    messages.success(request, f"The webhook is switched {'off' if to == 'off' else 'on'}.")
    return see_other(reverse("webhook", args=[webhook_id]))


@require_POST
@managers_only
@reauthenticated
def redeliver(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Queue a delivery again."""
    delivery_id = text_of(request.POST, "delivery") or ""
    try:
        with delivering():
            domain.redeliver(
                webhook_id=webhook_id, delivery_id=delivery_id, actor=actor_of(request)
            )
    except Conflict as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The delivery is queued again.")
    return see_other(reverse("webhook", args=[webhook_id]))


@require_POST
@managers_only
@reauthenticated
def delete(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Delete the webhook."""
    domain.delete_webhook(webhook_id=webhook_id, actor=actor_of(request))
    messages.success(request, "The webhook is deleted.")
    return see_other(reverse("webhooks"))


def _page(
    request: HttpRequest, hook: Webhook, form: WebhookForm, *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    latest = list(Delivery.objects.filter(webhook=hook).order_by("-id")[:_SHOWN])
    context = {
        "row": HookRow(hook, now),
        "hook": hook,
        "form": form,
        "deliveries": [DeliveryRow(delivery) for delivery in latest],
        "stuck": any(_waits_long(delivery, now) for delivery in latest),
        "waiting": any(delivery.state == DeliveryState.WAITING for delivery in latest),
        "most": _SHOWN,
        "nav": "webhooks",
    }
    return render_page(
        request, "webhooks/webhook.html", context, fragment="deliveries", status=status
    )


def _waits_long(one: Delivery, now: datetime) -> bool:
    """True for a test that no worker has sent after a while."""
    waits = one.state == DeliveryState.WAITING and one.attempts == 0
    return waits and one.event == Event.PING and one.next_at < now - _PATIENCE


def _show_secret(request: HttpRequest, made: MadeWebhook) -> HttpResponse:
    # No redirect: the secret would have to be stored until the next request.
    row = HookRow(made.webhook, timezone.now())
    context = {"row": row, "hook": made.webhook, "secret": made.secret, "nav": "webhooks"}
    return show_once(render(request, "webhooks/made.html", context))
