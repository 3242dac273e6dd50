"""/v1/webhooks/: who is told of changes. For keys with manage scope. Not Letta's."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.common import Body
from agents.api.schemas import READ, READ_ONE, WRITE, Done, answers
from agents.domain import webhooks
from agents.errors import BadRequest
from agents.jsontext import loads
from agents.models import Delivery, Webhook
from agents.webhook_tasks import delivering

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
    """A webhook to be made."""

    url: str = Field(description="https://…; signed POSTs are sent there.")
    name: str = ""
    tags: list[str] = Field(
        [], description="Patterns of the tags to be told of, * for any text. Empty: all."
    )
    events: list[EventName] = Field([], description="What to be told. Empty: everything.")


class WebhookEditBody(Body):
    """What of a webhook to change: what is absent or null stays."""

    url: str | None = None
    name: str | None = None
    tags: list[str] | None = None
    events: list[EventName] | None = None
    enabled: bool | None = None
    skip: bool = Field(
        False, description="When switched on: leave out what happened while it was off."
    )


class DeliveriesQuery(BaseModel):
    """A page of deliveries."""

    limit: int = Field(50, ge=1, le=200)
    after: str | None = Field(None, description="Go on after this one.")
    state: Literal["waiting", "done", "failed"] | None = None


class WebhookState(BaseModel):
    """A webhook, without its secret."""

    id: str
    name: str
    url: str
    tags: list[str]
    events: list[EventName]
    enabled: bool
    problem: str = Field(description="Why it switched itself off.")
    failing_since: datetime | None
    delivered_at: datetime | None = Field(description="When something last arrived.")
    created_at: datetime
    created_by: str


class NewWebhookState(WebhookState):
    """A webhook with a new secret, which is in this answer and nowhere else."""

    secret: str


class DeliveryInfo(BaseModel):
    """One event for one webhook."""

    id: str = Field(description="The webhook-id header of each attempt.")
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


@router.get("/", response=answers(list[WebhookState], READ))
def list_webhooks(request: HttpRequest) -> Answer:
    """All webhooks, oldest first."""
    known = webhooks.webhooks_of(actor_of(request)).order_by("id")
    return json_answer([_state(hook) for hook in known])


@router.post("/", response=answers(NewWebhookState, WRITE), url_name="api-webhooks")
def create_webhook(request: HttpRequest, body: NewWebhookBody) -> Answer:
    """Have an address told of what happens from now on."""
    with delivering():
        made = webhooks.create_webhook(**body.model_dump(), actor=actor_of(request))
    return json_answer({**_state(made.webhook), "secret": made.secret})


@router.get("/{webhook_id}", response=answers(WebhookState, READ_ONE))
def get_webhook(request: HttpRequest, webhook_id: WebhookId) -> Answer:
    """One webhook."""
    return json_answer(_state(_found(request, webhook_id)))


@router.patch("/{webhook_id}", response=answers(WebhookState, WRITE))
def edit_webhook(request: HttpRequest, webhook_id: WebhookId, body: WebhookEditBody) -> Answer:
    """Change it, switch it on or off. Switched on, it goes on where it ended."""
    actor = actor_of(request)
    given = body.model_dump(exclude={"enabled", "skip"}, exclude_none=True)
    with delivering():
        hook = webhooks.edit_webhook(webhook_id=webhook_id, actor=actor, **given)
        if body.enabled is True:
            hook = webhooks.enable_webhook(webhook_id=webhook_id, actor=actor, skip=body.skip)
        if body.enabled is False:
            hook = webhooks.disable_webhook(webhook_id=webhook_id, actor=actor)
    return json_answer(_state(hook))


@router.delete("/{webhook_id}", response=answers(Done, WRITE))
def delete_webhook(request: HttpRequest, webhook_id: WebhookId) -> Answer:
    """End it, with its list of deliveries."""
    webhooks.delete_webhook(webhook_id=webhook_id, actor=actor_of(request))
    return json_answer({"message": f"Webhook {webhook_id} is deleted"})


@router.post("/{webhook_id}/rotate", response=answers(NewWebhookState, WRITE))
def rotate_secret(request: HttpRequest, webhook_id: WebhookId) -> Answer:
    """Give it a new secret. For a day the old one signs too."""
    made = webhooks.rotate_secret(webhook_id=webhook_id, actor=actor_of(request))
    return json_answer({**_state(made.webhook), "secret": made.secret})


@router.post("/{webhook_id}/ping", response=answers(DeliveryInfo, WRITE))
def ping(request: HttpRequest, webhook_id: WebhookId) -> Answer:
    """Send a test, soon."""
    with delivering():
        sent = webhooks.ping(webhook_id=webhook_id, actor=actor_of(request))
    return json_answer(_info(sent))


@router.get("/{webhook_id}/deliveries", response=answers(list[DeliveryInfo], READ_ONE))
def list_deliveries(
    request: HttpRequest, webhook_id: WebhookId, query: Query[DeliveriesQuery]
) -> Answer:
    """What was sent, is being sent and waits, newest first."""
    found = Delivery.objects.filter(webhook=_found(request, webhook_id)).order_by("-id")
    if query.state is not None:
        found = found.filter(state=query.state)
    if query.after:
        place = Delivery.objects.filter(public_id=query.after).values_list("id", flat=True).first()
        if place is None:
            raise BadRequest(f"There is no delivery {query.after}, so no page starts from it.")
        found = found.filter(id__lt=place)
    return json_answer([_info(one) for one in found[: query.limit]])


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver", response=answers(DeliveryInfo, WRITE)
)
def redeliver(request: HttpRequest, webhook_id: WebhookId, delivery_id: Path[str]) -> Answer:
    """Send it again with the same id, or now if it waits for its next attempt."""
    with delivering():
        one = webhooks.redeliver(
            webhook_id=webhook_id, delivery_id=delivery_id, actor=actor_of(request)
        )
    return json_answer(_info(one))


def _found(request: HttpRequest, webhook_id: str) -> Webhook:
    return webhooks.get_webhook(webhook_id=webhook_id, actor=actor_of(request))


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
