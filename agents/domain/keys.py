"""API keys: made, checked, disabled. The secret is shown once and kept as a keyed digest."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from ade import logs, outage
from agents.actors import SCOPE_POWERS, Actor, Kind, Power, Source
from agents.domain import history, tagrows
from agents.domain.history import Entry
from agents.domain.newagents import checked_text
from agents.domain.transactions import Moved, write
from agents.errors import Conflict, Invalid, NotAllowed, NotFound
from agents.jsontext import dumps, loads
from agents.limits import KEY_NAME_LENGTH, KEY_OVERLAP_SECONDS, KEY_PATTERNS
from agents.models import Act, ApiKey, Op, Scope
from agents.tagnames import require_legal, text_problem, unique_legal

# Recognisable, so that scanners for leaked secrets can find it.
PREFIX = "ade_"
_USED_EVERY = timedelta(minutes=1)
# Every call asks it, and the ORM takes three times as long to build it as all else of it does.
_BY_ID = "SELECT * FROM agents_apikey WHERE key_id = %s"


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
    """Make an API key.

    An admin makes any. Who may manage makes short-lived keys that are limited to a tag, for the
    application's users: at most KEY_SECONDS_BY_API from now. Raises Invalid, NotAllowed.
    """
    now = timezone.now()
    _check_maker(actor, limit_tag, expires_at, now)
    if not checked_text(name, field="name", most=KEY_NAME_LENGTH).strip():
        raise Invalid("A key needs a name.", field="name")
    if expires_at is not None and expires_at <= now:
        raise Invalid("The expiry lies in the past.", field="expires_at")
    if limit_tag is not None:
        require_legal(limit_tag, field="limit_tag")
        if scope == Scope.MANAGE:
            raise Invalid("A key that is limited to a tag reads or writes.", field="scope")
    elif may_tag:
        raise Invalid("Only a key that is limited to a tag has such a list.", field="may_tag")
    if len(may_tag) > KEY_PATTERNS:
        raise Invalid(f"A key's list has at most {KEY_PATTERNS} patterns.", field="may_tag")
    patterns = unique_legal(may_tag, field="may_tag")
    _keep_names(limit_tag, patterns)
    made = _make(
        name=name,
        scope=scope,
        limit_tag=limit_tag,
        may_tag=dumps(patterns),
        created_at=now,
        created_by=actor.name,
        expires_at=expires_at,
    )
    _record(actor, made.key, "", f"made, {_told(made.key)}")
    return made


@write
def disable_key(*, key_id: str, actor: Actor) -> ApiKey:
    """End a key at once, for good. One that is disabled stays so.

    Raises NotAllowed; NotFound for a key that is not among `keys_of` the actor.
    """
    return _disable(_held(key_id, actor), actor)


@write
def rotate_key(*, key_id: str, actor: Actor, overlap: timedelta) -> MadeKey:
    """Make a key that may do the same, and let the old one end after `overlap`.

    For admins. Raises NotFound, NotAllowed, Conflict (the old one is disabled or has expired),
    Invalid (a negative overlap, or one over KEY_OVERLAP_SECONDS).
    """
    actor.require(Power.ADMIN, "rotate API keys")
    seen = get_key(key_id=key_id, actor=actor)
    _keep_names(seen.limit_tag, loads(seen.may_tag))
    key, now = _held(key_id, actor), timezone.now()
    if (key.limit_tag, key.may_tag) != (seen.limit_tag, seen.may_tag):
        raise Moved
    if not timedelta(0) <= overlap <= timedelta(seconds=KEY_OVERLAP_SECONDS):
        days = KEY_OVERLAP_SECONDS // 86400
        raise Invalid(f"The old key works on for 0 seconds to {days} days.", field="overlap")
    if not is_good(key, now):
        raise Conflict("This key is disabled or has expired: make a new one instead.")
    lifetime = None if key.expires_at is None else key.expires_at - key.created_at
    made = _make(
        name=key.name,
        scope=key.scope,
        limit_tag=key.limit_tag,
        may_tag=key.may_tag,
        created_at=now,
        created_by=actor.name,
        expires_at=None if lifetime is None else now + lifetime,
    )
    end = now + overlap
    key.expires_at = end if key.expires_at is None else min(end, key.expires_at)
    key.save(update_fields=["expires_at"])
    _record(
        actor,
        key,
        "good",
        f"rotated to {made.key.key_id}, ends {key.expires_at:%Y-%m-%d %H:%M} UTC",
    )
    return made


def disable_limited_to(*, tag: str, actor: Actor) -> int:
    """Disable the keys limited to a tag that is deleted. Call it with the deletion. How many.

    Who may delete the tag may do this: the keys are left without an agent anyway.
    """
    keys = list(ApiKey.objects.select_for_update().filter(limit_tag=tag, disabled_at=None))
    for key in keys:
        _disable(key, actor)
    return len(keys)


def keys_of(actor: Actor) -> QuerySet[ApiKey]:
    """The keys that the actor may see and disable: an admin all, a manager such as it may make.

    Raises NotAllowed.
    """
    if actor.can(Power.ADMIN):
        return ApiKey.objects.all()
    actor.require(Power.MANAGE, "see API keys")
    _require_unlimited(actor)
    # By what they are and not by who made them, so that it outlives the maker's own key.
    longest = timedelta(seconds=settings.KEY_SECONDS_BY_API)
    return ApiKey.objects.filter(limit_tag__isnull=False, expires_at__lte=F("created_at") + longest)


def _check_maker(
    actor: Actor, limit_tag: str | None, expires_at: datetime | None, now: datetime
) -> None:
    if actor.can(Power.ADMIN):
        return
    actor.require(Power.MANAGE, "make API keys")
    _require_unlimited(actor)
    most = timedelta(seconds=settings.KEY_SECONDS_BY_API)
    if limit_tag is None:
        raise NotAllowed("Without admin rights only keys that are limited to a tag can be made.")
    if expires_at is None or expires_at > now + most:
        raise NotAllowed(
            f"Without admin rights a key ends within {settings.KEY_SECONDS_BY_API:,} seconds."
        )


def get_key(*, key_id: str, actor: Actor) -> ApiKey:
    """One of `keys_of` the actor. Raises NotFound, NotAllowed."""
    return _among(keys_of(actor), key_id)


def _require_unlimited(actor: Actor) -> None:
    if actor.limit is not None:
        raise NotAllowed("A key that is limited to a tag has no say over API keys.")


def _held(key_id: str, actor: Actor) -> ApiKey:
    return _among(keys_of(actor).select_for_update(), key_id)


def _among(known: QuerySet[ApiKey], key_id: str) -> ApiKey:
    key = None if text_problem(key_id) else known.filter(key_id=key_id).first()
    if key is None:
        raise NotFound("There is no such API key.")
    return key


def _disable(key: ApiKey, actor: Actor) -> ApiKey:
    if key.disabled_at is None:
        key.disabled_at = timezone.now()
        key.save(update_fields=["disabled_at"])
        _record(actor, key, "good", "disabled")
    return key


def _keep_names(limit_tag: str | None, may_tag: Sequence[str]) -> None:
    """Keep the tags that a new key names: a rename moves the keys that it sees, and waits for it."""
    tagrows.keep([*may_tag, *([] if limit_tag is None else [limit_tag])])


def _make(**columns: Any) -> MadeKey:
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(key_id=key_id, digest=_digest(secret), **columns)
    return MadeKey(key, f"{PREFIX}{key_id}_{secret}")


def _told(key: ApiKey) -> str:
    """What history says a key may do."""
    limit = "" if key.limit_tag is None else f", limited to {key.limit_tag}"
    end = "" if key.expires_at is None else f", until {key.expires_at:%Y-%m-%d %H:%M} UTC"
    return f"{key.scope}{limit}{end}"


def _record(actor: Actor, key: ApiKey, old: str, new: str) -> None:
    change_set = history.open_change_set(actor=actor, act=Act.KEY)
    field = f"key {key.key_id}"
    entry = Entry(
        Op.SET,
        tag=key.limit_tag,
        field=field,
        old=f"{key.name}: {old}" if old else None,
        new=f"{key.name}: {new}",
    )
    history.record(change_set, [entry])
    transaction.on_commit(
        lambda: logs.security(
            f"API key: {new}", who=actor.id, name=actor.name, key=f"key:{key.key_id}"
        )
    )


def id_in(token: str) -> str:
    """The id of the key that a token says it is of, true or not."""
    return token.removeprefix(PREFIX).partition("_")[0][:64]


def find_key(token: str) -> ApiKey | None:
    """The key of this token, or None if there is none such; whether it is still good, `is_good`."""
    key_id, _, secret = token.removeprefix(PREFIX).partition("_")
    # A token of any other form is looked up too, and its digest compared, so that the time taken
    # says nothing about why it was refused.
    found = ApiKey.objects.raw(_BY_ID, [key_id[:64].replace("\0", "")])
    key = next(iter(found), None)
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
    if key.last_used_at is not None and now - key.last_used_at <= _USED_EVERY:
        return
    if not outage.resting():
        with outage.forgiven():
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
        wrote_at=None if key.wrote_at is None else key.wrote_at.timestamp(),
    )


def _digest(secret: str) -> bytes:
    # The secret has 256 random bits: a keyed hash is enough, a slow one would only slow requests.
    return hmac.new(
        settings.SECRET_KEY.encode(), secret.encode("utf-8", "replace"), hashlib.sha256
    ).digest()
