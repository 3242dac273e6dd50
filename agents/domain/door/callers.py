"""The caller that a token stands for."""

from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from agents.core.actors import Actor
from agents.domain.core import key_tokens
from agents.domain.core.rights import is_good
from agents.models import AccessToken, ApiKey


@dataclass(frozen=True, slots=True)
class Caller:
    """An actor, its key, and the only origin whose pages may use the token; None leaves it to the setting."""

    actor: Actor
    key: ApiKey
    hostname: str | None = None

    def may_come_from(self, origin: str) -> bool:
        """Return True if a request with this `Origin` header ("" for none) may use the token."""
        if self.hostname is not None:
            return origin == self.hostname
        return not origin or origin in settings.CORS_ALLOWED_ORIGINS


def caller_of(token: str) -> Caller | None:
    """Return the caller of a token; None if its key is unknown, disabled or expired."""
    if is_client_side(token):
        row = find_good_token(token)
        if row is None:
            return None
        return Caller(key_tokens.actor_of_token(row), row.key, row.hostname)
    key = key_tokens.find_key(token)
    if key is None or not is_good(key):
        return None
    return Caller(key_tokens.actor_of(key), key)


def is_client_side(token: str) -> bool:
    """Return True if the text has the form of a client-side access token."""
    return token.startswith(key_tokens.PREFIX + key_tokens.CLIENT_SIDE)


def find_good_token(token: str) -> AccessToken | None:
    """Return a client-side access token that works: it and its key have not ended."""
    row = key_tokens.find_access_token(token)
    now = timezone.now()
    return row if row is not None and row.expires_at > now and is_good(row.key, now) else None


def is_origin_of_a_token(origin: str, token: str | None) -> bool:
    """Return True if pages of this origin may read an answer because of a client-side access token.

    `token` None is for a preflight, which shows no token: then any token of that origin counts.
    """
    if token is not None:
        row = find_good_token(token) if is_client_side(token) else None
        return row is not None and row.hostname == origin
    rows = AccessToken.objects.filter(hostname=origin, expires_at__gt=timezone.now())
    return rows.exists()
