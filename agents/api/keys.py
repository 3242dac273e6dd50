"""/v1/keys/: short-lived keys for an application's users, each limited to one tag."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router

from ade.http import show_once
from agents.api.agents.bodies import KeysQuery, NewKeyBody
from agents.api.core.answers import Answer, json_answer
from agents.api.core.auth import actor_of
from agents.api.core.pages import link_next
from agents.api.core.schemas import READ, WRITE, KeyState, NewKeyState, answers
from agents.core.actors import Actor
from agents.core.agent_rights import in_order, rights_of
from agents.core.errors import BadRequest
from agents.core.json_text import loads
from agents.domain import keys
from agents.models import ApiKey, Scope

router = Router(tags=["keys"])


@router.post(
    "/", operation_id="create_key", response=answers(NewKeyState, WRITE), url_name="api-keys"
)
def create_key(request: HttpRequest, body: NewKeyBody) -> Answer:
    """Create a key for one user's browser or phone. Needs manage scope.

    The `token` is shown only in this response.
    """
    made = keys.create_key(
        name=body.name,
        scope=Scope(body.scope),
        limit_tag=body.limit_tag,
        may_tag=body.may_tag,
        any_label=body.any_label,
        names_user=body.names_user,
        preset=body.preset,
        rights=body.rights,
        expires_at=timezone.now() + timedelta(seconds=body.expires_in),
        actor=actor_of(request),
    )
    return show_once(json_answer({**_state(made.key), "token": made.token}))


@router.get("/", operation_id="list_keys", response=answers(list[KeyState], READ))
def list_keys(request: HttpRequest, query: Query[KeysQuery]) -> Answer:
    """List keys, newest first, ended ones included. For the next page, pass the last ID as `after`."""
    actor = actor_of(request)
    found = keys.keys_of(actor)
    if query.limit_tag is not None:
        found = found.filter(limit_tag=query.limit_tag)
    if query.after:
        found = found.filter(id__lt=_place(query.after, actor))
    rows = list(found.order_by("-id")[: query.size + 1])
    page, more = rows[: query.size], len(rows) > query.size
    response = json_answer([_state(key) for key in page])
    return link_next(response, request, page[-1].key_id if more else None)


@router.delete("/{key_id}", operation_id="disable_key", response=answers(KeyState, WRITE))
def disable_key(request: HttpRequest, key_id: Path[str]) -> Answer:
    """Disable a key at once, for good."""
    return json_answer(_state(keys.disable_key(key_id=key_id, actor=actor_of(request))))


def _place(key_id: str, actor: Actor) -> int:
    place = keys.keys_of(actor).filter(key_id=key_id).values_list("id", flat=True).first()
    if place is None:
        raise BadRequest(f"API key {key_id} does not exist. Pass another ID as `after`.")
    return place


def _state(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "name": key.name,
        "scope": key.scope,
        "limit_tag": key.limit_tag,
        "may_tag": loads(key.may_tag),
        "any_label": key.any_label,
        "rights": in_order(rights_of(key.scope, None if key.rights is None else loads(key.rights))),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "disabled_at": key.disabled_at,
        "last_used_at": key.last_used_at,
        "is_good": keys.is_good(key),
    }
