"""Tokens of API keys: create them, find the key of a token, and note when a key was used.

A token is `ade_<key id>_<secret>`. Only a keyed digest of the secret is stored.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ade.ops.noted_use import NotedUse
from agents.core.actors import Actor, ActorKind, Source
from agents.core.agent_rights import NO_RIGHTS, Right
from agents.domain.core.rights import key_of, of_key, of_token
from agents.models import AccessToken, ApiKey

# Begins the id of a client-side access token. No key's id begins with it: those are hexadecimal.
CLIENT_SIDE = "ct"
# Recognisable, so that scanners for leaked secrets can find it.
PREFIX = "ade_"
_USED_EVERY = timedelta(minutes=1)


def new_token() -> tuple[str, bytes, str]:
    """Return a new key id, the digest to store, and the token to show once."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return key_id, _digest(secret), f"{PREFIX}{key_id}_{secret}"


def new_client_side() -> tuple[str, bytes, str]:
    """The same for a client-side access token."""
    token_id, digest, token = new_token()
    return CLIENT_SIDE + token_id, digest, token.replace(PREFIX, PREFIX + CLIENT_SIDE, 1)


def id_in(token: str) -> str:
    """Return the key id in a token, which may be wrong."""
    return token.removeprefix(PREFIX).partition("_")[0][:64]


def find_key(token: str) -> ApiKey | None:
    """Return the key of this token, or None. `rights.is_good` says if the key is still valid."""
    key_id, _, secret = token.removeprefix(PREFIX).partition("_")
    # A malformed token is looked up and compared too, so that the time taken does not reveal why it was
    # refused.
    key = key_of(key_id[:64].replace("\0", ""))
    expected = bytes(key.digest) if key else bytes(32)
    same = hmac.compare_digest(_digest(secret), expected)
    return key if key and same and token.startswith(PREFIX) else None


def find_access_token(token: str) -> AccessToken | None:
    """Return the client-side access token of this text, with its key, or None. It may have ended."""
    token_id, _, secret = token.removeprefix(PREFIX).partition("_")
    rows = AccessToken.objects.select_related("key").filter(
        token_id=token_id[:64].replace("\0", "")
    )
    row = rows.first()
    expected = bytes(row.digest) if row else bytes(32)
    same = hmac.compare_digest(_digest(secret), expected)
    return row if row and same and token.startswith(PREFIX) else None


def note_use(key: ApiKey) -> None:
    """Note that the key was used. It is saved some seconds later, at most once a minute."""
    if key.last_used_at is None or timezone.now() - key.last_used_at > _USED_EVERY:
        _uses.note(str(key.id))


@transaction.atomic
def _write_uses(used: Mapping[str, float]) -> None:
    at = datetime.fromtimestamp(max(used.values()), UTC)
    stale = Q(last_used_at=None) | Q(last_used_at__lt=at - _USED_EVERY)
    rows = ApiKey.objects.filter(stale, id__in=map(int, used)).order_by("id")
    # A locked row is skipped: its next use is noted again.
    free = list(rows.select_for_update(skip_locked=True).values_list("id", flat=True))
    ApiKey.objects.filter(id__in=free).update(last_used_at=at)


_uses = NotedUse(_write_uses)


def actor_of(key: ApiKey) -> Actor:
    """Return the actor for requests with this key."""
    rights = of_key(key)
    return Actor(
        kind=ActorKind.KEY,
        id=f"key:{key.key_id}",
        name=f"API key “{key.name}”",
        source=Source.API,
        powers=rights.powers,
        reach=rights.reach,
        may_tag=rights.may_tag,
        any_label=rights.any_label,
        narrowed_to=rights.narrowed_to,
        wrote_at=None if key.wrote_at is None else key.wrote_at.timestamp(),
    )


def actor_of_token(row: AccessToken, needs: frozenset[Right] = NO_RIGHTS) -> Actor:
    """Return the actor for requests with a client-side access token that has not ended.

    Its reach is the agents of its policy that its key can access, and on which both have `needs`.
    """
    rights = of_token(row, row.key, needs)
    return Actor(
        kind=ActorKind.KEY,
        id=f"token:{row.token_id}",
        name=f"client-side token of API key “{row.key.name}”",
        source=Source.API,
        powers=rights.powers,
        reach=rights.reach,
        rights_by_agent=rights.by_agent,
    )


def _digest(secret: str) -> bytes:
    # The secret has 256 random bits, so a fast keyed hash is enough.
    return hmac.new(
        settings.SECRET_KEY.encode(), secret.encode("utf-8", "replace"), hashlib.sha256
    ).digest()
