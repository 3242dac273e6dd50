"""/v1/keys/: short-lived keys for the users of an application, each limited to one tag."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router

from agents.actors import Actor
from agents.api.answers import Answer, json_answer
from agents.api.auth import actor_of
from agents.api.bodies import KeysQuery, NewKeyBody
from agents.api.schemas import READ, WRITE, KeyState, NewKeyState, answers
from agents.domain import keys
from agents.errors import BadRequest
from agents.jsontext import loads
from agents.models import ApiKey, Scope

router = Router(tags=["keys"])


@router.post("/", response=answers(NewKeyState, WRITE), url_name="api-keys")
def create_key(request: HttpRequest, body: NewKeyBody) -> Answer:
    """Make a key for one user's browser or phone; its `token` is in this answer and nowhere else.

    For keys with manage scope.
    """
    made = keys.create_key(
        name=body.name,
        scope=Scope(body.scope),
        limit_tag=body.limit_tag,
        may_tag=body.may_tag,
        expires_at=timezone.now() + timedelta(seconds=body.expires_in),
        actor=actor_of(request),
    )
    return json_answer({**_state(made.key), "token": made.token})


@router.get("/", response=answers(list[KeyState], READ))
def list_keys(request: HttpRequest, query: Query[KeysQuery]) -> Answer:
    """Such keys, newest first, also those that have ended. To go on, give the last one's id."""
    actor = actor_of(request)
    found = keys.keys_of(actor)
    if query.limit_tag is not None:
        found = found.filter(limit_tag=query.limit_tag)
    if query.after:
        found = found.filter(id__lt=_place(query.after, actor))
    return json_answer([_state(key) for key in found.order_by("-id")[: query.size]])


@router.delete("/{key_id}", response=answers(KeyState, WRITE))
def disable_key(request: HttpRequest, key_id: Path[str]) -> Answer:
    """End such a key at once, for good."""
    return json_answer(_state(keys.disable_key(key_id=key_id, actor=actor_of(request))))


def _place(key_id: str, actor: Actor) -> int:
    place = keys.keys_of(actor).filter(key_id=key_id).values_list("id", flat=True).first()
    if place is None:
        raise BadRequest(f"There is no API key {key_id}, so no page starts from it.")
    return place


def _state(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "name": key.name,
        "scope": key.scope,
        "limit_tag": key.limit_tag,
        "may_tag": loads(key.may_tag),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "disabled_at": key.disabled_at,
        "last_used_at": key.last_used_at,
        "is_good": keys.is_good(key),
    }
