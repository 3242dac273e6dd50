"""API keys: made, checked, disabled. The secret is shown once and kept as a keyed digest."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from agents.actors import SCOPE_POWERS, Actor, Kind, Power, Source
from agents.domain.newagents import checked_text
from agents.domain.transactions import write
from agents.errors import Invalid
from agents.jsontext import dumps, loads
from agents.models import ApiKey, Scope
from agents.tagnames import require_legal

# Recognisable, so that scanners for leaked secrets can find it.
PREFIX = "ade_"
_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key, and the one and only sight of its token."""

    key: ApiKey
    token: str


@write
def create_key(
    *,
    name: str,
    actor: Actor,
    scope: Scope = Scope.WRITE,
    limit_tag: str | None = None,
    may_tag: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> MadeKey:
    """Make an API key. Raises Invalid, NotAllowed."""
    actor.require(Power.ADMIN, "make API keys")
    if not checked_text(name, field="name", most=128).strip():
        raise Invalid("A key needs a name.", field="name")
    if limit_tag is not None:
        require_legal(limit_tag, field="limit_tag")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        key_id=key_id,
        digest=_digest(secret),
        name=name,
        scope=scope,
        limit_tag=limit_tag,
        may_tag=dumps(list(may_tag)),
        created_at=timezone.now(),
        created_by=actor.name,
        expires_at=expires_at,
    )
    return MadeKey(key, f"{PREFIX}{key_id}_{secret}")


def find_key(token: str) -> ApiKey | None:
    """The key of this token, or None if there is none such; whether it is still good, `is_good`."""
    key_id, _, secret = token.removeprefix(PREFIX).partition("_")
    # A token of any other form is looked up too, and its digest compared, so that the time taken
    # says nothing about why it was refused.
    key = ApiKey.objects.filter(key_id=key_id[:64].replace("\0", "")).first()
    expected = bytes(key.digest) if key else bytes(32)
    same = hmac.compare_digest(_digest(secret), expected)
    return key if key and same and token.startswith(PREFIX) else None


def is_good(key: ApiKey, now: datetime | None = None) -> bool:
    """True unless the key is disabled or has expired."""
    now = now or timezone.now()
    return key.disabled_at is None and (key.expires_at is None or key.expires_at > now)


def note_use(key: ApiKey) -> None:
    """Write when the key was last used, at most once a minute."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > _USED_EVERY:
        ApiKey.objects.filter(id=key.id).update(last_used_at=now)


def actor_of(key: ApiKey) -> Actor:
    """The actor that a request with this key is."""
    return Actor(
        kind=Kind.KEY,
        id=f"key:{key.key_id}",
        name=f"API key “{key.name}”",
        source=Source.API,
        powers=SCOPE_POWERS[key.scope],
        limit=key.limit_tag,
        may_tag=tuple(loads(key.may_tag)),
    )


def _digest(secret: str) -> bytes:
    # The secret has 256 random bits: a keyed hash is enough, a slow one would only slow requests.
    return hmac.new(
        settings.SECRET_KEY.encode(), secret.encode("utf-8", "replace"), hashlib.sha256
    ).digest()
