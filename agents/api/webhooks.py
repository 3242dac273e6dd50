"""/v1/webhooks/: send events about changes to a URL. Needs manage scope. Not part of Letta's API."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from ade.http import show_once
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.common import Body
from agents.api.core.field_names import FilterQuery
from agents.api.core.pages import link_next
from agents.api.core.schemas import READ, READ_ONE, WRITE, Done, answers
from agents.core.errors import BadRequest
from agents.core.json_text import loads
from agents.domain.webhooks import write
from agents.models import Delivery, Webhook
from agents.tasks.webhooks import delivering

router = Router(tags=["webhooks"])

WebhookId = Annotated[str, Path(example="wh_0123456789abcdef")]
EventName = Literal[
    "agent.created",
    "agent.deleted",
    "agent.tags.changed",
    "tag.renamed",
    "tag.merged",
    "tag.deleted",
]


class NewWebhookBody(Body):
    """A webhook to create."""

    url: str = Field(description="An https:// URL. ADE sends signed POST requests to it.")
    name: str = ""
    tags: list[str] | None = Field(
        None,
        description="Tag patterns; * matches any text. Without it, all tags. An empty list is refused.",
    )
    events: list[EventName] | None = Field(
        None, description="Events to send. Without it, all events. An empty list is refused."
    )


class WebhookEditBody(Body):
    """Changes to a webhook. Absent or null fields stay as they are."""

    url: str | None = None
    name: str | None = None
    tags: list[str] | None = Field(
        None, description="An empty list is refused if the webhook has tags. See `all_tags`."
    )
    events: list[EventName] | None = Field(
        None, description="An empty list is refused if the webhook has events. See `all_events`."
    )
    all_tags: bool = Field(False, description="Send events about all tags.")
    all_events: bool = Field(False, description="Send all events.")
    enabled: bool | None = None
    skip: bool = Field(
        False, description="When switching on: skip events that happened while the webhook was off."
    )


class DeliveriesQuery(FilterQuery):
    """Which page of deliveries."""

    limit: int = Field(50, ge=1, le=200)
    after: str | None = Field(None, description="ID of the last delivery on the previous page.")
    state: Literal["waiting", "done", "failed"] | None = None


class WebhookState(BaseModel):
    """A webhook, without its secret."""

    id: str
    name: str
    url: str
    tags: list[str]
    events: list[EventName]
    enabled: bool
    problem: str = Field(description="Why ADE switched the webhook off.")
    failing_since: datetime | None
    delivered_at: datetime | None = Field(description="Time of the last successful delivery.")
    created_at: datetime
    created_by: str


class NewWebhookState(WebhookState):
    """A webhook with its new secret. The secret is shown only in this response."""

    secret: str


class DeliveryInfo(BaseModel):
    """The delivery of one event to one webhook."""

    id: str = Field(description="Sent as the webhook-id header of each attempt.")
    event: str
    state: Literal["waiting", "done", "failed"]
    change_set: int | None
    agent_id: str | None
    attempts: int
    created_at: datetime
    tried_at: datetime | None
    next_at: datetime | None
    status: int | None
    milliseconds: int | None
    error: str


@router.get("/", operation_id="list_webhooks", response=answers(list[WebhookState], READ))
def list_webhooks(request: HttpRequest) -> Answer:
    """List all webhooks, oldest first."""
    known = write.webhooks_of(actor_of(request)).order_by("id")
    return json_answer([_state(hook) for hook in known])


@router.post(
    "/",
    operation_id="create_webhook",
    response=answers(NewWebhookState, WRITE),
    url_name="api-webhooks",
)
def create_webhook(request: HttpRequest, body: NewWebhookBody) -> Answer:
    """Create a webhook. ADE sends it events that happen from now on."""
    with delivering():
        made = write.create_webhook(**body.model_dump(), actor=actor_of(request))
    return show_once(json_answer({**_state(made.webhook), "secret": made.secret}))


@router.get("/{webhook_id}", operation_id="get_webhook", response=answers(WebhookState, READ_ONE))
def get_webhook(request: HttpRequest, webhook_id: WebhookId) -> Answer:
    """Get a webhook."""
    return json_answer(_state(_found(request, webhook_id)))


@router.patch("/{webhook_id}", operation_id="update_webhook", response=answers(WebhookState, WRITE))
def edit_webhook(request: HttpRequest, webhook_id: WebhookId, body: WebhookEditBody) -> Answer:
    """Update a webhook, or switch it on or off. Switched on, it resumes where it stopped."""
    actor = actor_of(request)
    given = body.model_dump(include={"url", "name", "tags", "events"}, exclude_none=True)
    given |= {"tags": None} if body.all_tags else {}
    given |= {"events": None} if body.all_events else {}
    with delivering():
        hook = write.edit_webhook(webhook_id=webhook_id, actor=actor, **given)
        if body.enabled is True:
            hook = write.enable_webhook(webhook_id=webhook_id, actor=actor, skip=body.skip)
        if body.enabled is False:
            hook = write.disable_webhook(webhook_id=webhook_id, actor=actor)
    return json_answer(_state(hook))


@router.delete("/{webhook_id}", operation_id="delete_webhook", response=answers(Done, WRITE))
def delete_webhook(request: HttpRequest, webhook_id: WebhookId) -> Answer:
    """Delete a webhook and its deliveries."""
    write.delete_webhook(webhook_id=webhook_id, actor=actor_of(request))
    return json_answer({"message": f"Webhook {webhook_id} is deleted"})


@router.post(
    "/{webhook_id}/rotate",
    operation_id="rotate_webhook_secret",
    response=answers(NewWebhookState, WRITE),
)
def rotate_secret(request: HttpRequest, webhook_id: WebhookId) -> Answer:
    """Create a new secret for a webhook. For one day, the old secret also signs each delivery."""
    made = write.rotate_secret(webhook_id=webhook_id, actor=actor_of(request))
    return show_once(json_answer({**_state(made.webhook), "secret": made.secret}))


@router.post(
    "/{webhook_id}/ping", operation_id="ping_webhook", response=answers(DeliveryInfo, WRITE)
)
def ping(request: HttpRequest, webhook_id: WebhookId) -> Answer:
    """Queue a test delivery."""
    with delivering():
        sent = write.ping(webhook_id=webhook_id, actor=actor_of(request))
    return json_answer(_info(sent))


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="list_webhook_deliveries",
    response=answers(list[DeliveryInfo], READ_ONE),
)
def list_deliveries(
    request: HttpRequest, webhook_id: WebhookId, query: Query[DeliveriesQuery]
) -> Answer:
    """List a webhook's deliveries, pending ones included, newest first."""
    found = Delivery.objects.filter(webhook=_found(request, webhook_id)).order_by("-id")
    if query.state is not None:
        found = found.filter(state=query.state)
    if query.after:
        place = Delivery.objects.filter(public_id=query.after).values_list("id", flat=True).first()
        if place is None:
            raise BadRequest(f"Delivery {query.after} does not exist. Pass another ID as `after`.")
        found = found.filter(id__lt=place)
    rows = list(found[: query.limit + 1])
    page, more = rows[: query.limit], len(rows) > query.limit
    response = json_answer([_info(one) for one in page])
    return link_next(response, request, page[-1].public_id if more else None)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    operation_id="redeliver_webhook_event",
    response=answers(DeliveryInfo, WRITE),
)
def redeliver(request: HttpRequest, webhook_id: WebhookId, delivery_id: Path[str]) -> Answer:
    """Send an event again with the same ID. A pending delivery is sent now."""
    with delivering():
        one = write.redeliver(
            webhook_id=webhook_id, delivery_id=delivery_id, actor=actor_of(request)
        )
    return json_answer(_info(one))


def _found(request: HttpRequest, webhook_id: str) -> Webhook:
    return write.get_webhook(webhook_id=webhook_id, actor=actor_of(request))


def _state(hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.public_id,
        "name": hook.name,
        "url": hook.url,
        "tags": loads(hook.tags),
        "events": loads(hook.events),
        "enabled": hook.enabled,
        "problem": hook.problem,
        "failing_since": hook.failing_since,
        "delivered_at": hook.delivered_at,
        "created_at": hook.created_at,
        "created_by": hook.created_by,
    }


def _info(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.public_id,
        "event": one.event,
        "state": one.state,
        "change_set": one.change_set_id,
        "agent_id": one.agent_id,
        "attempts": one.attempts,
        "created_at": one.created_at,
        "tried_at": one.tried_at,
        "next_at": one.next_at if one.state == "waiting" else None,
        "status": one.status,
        "milliseconds": one.milliseconds,
        "error": one.error,
    }
