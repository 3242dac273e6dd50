"""Create, list and delete client-side access tokens, as Letta's client asks for them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.core.actors import Actor, ActorKind, Power
from agents.core.agent_rights import Right, in_order
from agents.core.errors import Invalid, LimitExceeded, NotAllowed, NotFound
from agents.core.json_text import dumps
from agents.core.limits import ACCESS_TOKENS
from agents.core.reach import AGENTS_MOST
from agents.domain.core import key_tokens
from agents.domain.core.access_spans import note_token, note_tokens_ended
from agents.domain.core.record import Entry, record_and_log
from agents.domain.core.transactions import write
from agents.domain.door import check
from agents.domain.door.check import Because, Question
from agents.models import AccessToken, Act, ApiKey, Op

MINUTES = 5  # that a token lasts unless another time is asked for
_HOSTNAME_LENGTH = 300
_HOST = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:]+\]")
_PORTS = {"http": ":80", "https": ":443"}
Policy = Mapping[str, Sequence[Right]]


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token, and its text, which is shown only once."""

    row: AccessToken
    token: str


@write
def create_access_token(
    *, hostname: str, policy: Policy, actor: Actor, expires_at: datetime | None = None
) -> MadeToken:
    """Create a token with these rights on these agents, for pages of `hostname`.

    The key of the actor must have every right on every agent. The token ends after MINUTES, at the
    latest after KEY_SECONDS_BY_API. Raises Invalid, NotAllowed, NotFound (an agent), LimitExceeded (too
    many tokens).
    """
    key, now = _key_of(actor), timezone.now()
    origin = _origin(hostname)
    if not policy:
        raise Invalid("Name at least one agent.", field="policy")
    if len(policy) > AGENTS_MOST:
        raise LimitExceeded(
            f"The policy names {len(policy):,} agents; the limit is {AGENTS_MOST}.", field="policy"
        )
    end = expires_at or now + timedelta(minutes=MINUTES)
    if not now < end <= now + timedelta(seconds=settings.KEY_SECONDS_BY_API):
        raise Invalid(
            "The token must expire in the future, and within"
            f" {settings.KEY_SECONDS_BY_API:,} seconds.",
            field="expires_at",
        )
    _require_rights(actor, policy)
    valid = AccessToken.objects.filter(key=key, expires_at__gt=now)
    if valid[ACCESS_TOKENS - 1 : ACCESS_TOKENS].exists():
        raise LimitExceeded(
            f"This key has {ACCESS_TOKENS:,} client-side access tokens that work, which is the limit. "
            "Delete some, or wait until some expire."
        )
    token_id, digest, token = key_tokens.new_client_side()
    rights = {agent_id: in_order(given) for agent_id, given in policy.items()}
    row = AccessToken.objects.create(
        token_id=token_id,
        digest=digest,
        key=key,
        hostname=origin,
        policy=dumps(rights),
        created_at=now,
        expires_at=end,
    )
    note_token(row)
    _record(
        actor, row, "", f"made for {origin}, {len(rights)} agents, until {end:%Y-%m-%d %H:%M} UTC"
    )
    return MadeToken(row, token)


def access_tokens_of(actor: Actor) -> QuerySet[AccessToken]:
    """Return the tokens that work and that the actor may see: its own, with manage scope all. Raises NotAllowed."""
    now, own = timezone.now(), _key_of(actor)
    lasts = Q(key__expires_at=None) | Q(key__expires_at__gt=now)
    rows = AccessToken.objects.filter(lasts, expires_at__gt=now, key__disabled_at=None)
    if actor.can(Power.MANAGE) and not actor.limited:
        return rows
    return rows.filter(key=own)


@write
def delete_access_token(*, token: str, actor: Actor) -> None:
    """End a token at once. `token` is its text, or `ade_<id>_…`. Raises NotAllowed, NotFound."""
    row = access_tokens_of(actor).filter(token_id=key_tokens.id_in(token).replace("\0", "")).first()
    if row is None:
        raise NotFound("There is no such client-side access token.")
    _record(actor, row, "good", "deleted")
    note_tokens_ended([str(row.token_id)])
    row.delete()


def _key_of(actor: Actor) -> ApiKey:
    prefix, _, key_id = actor.id.partition(":")
    if actor.kind is not ActorKind.KEY or prefix != "key":
        raise NotAllowed("Only an API key can make, see or delete client-side access tokens.")
    key = ApiKey.objects.filter(key_id=key_id).first()
    if key is None:
        raise NotAllowed("The API key of this request no longer exists.")
    return key


def _require_rights(actor: Actor, policy: Policy) -> None:
    questions = [
        Question(agent_id, right) for agent_id, rights in policy.items() for right in rights
    ]
    for question, why in zip(questions, check.answer(actor, questions), strict=True):
        if why is Because.UNKNOWN_AGENT:
            raise NotFound(f"Agent with ID {question.agent_id} not found")
        if why is not Because.ALLOWED:
            raise NotAllowed(
                f"The API key has no right {question.right.value}, so it cannot give it to a token."
            )


def _origin(hostname: str) -> str:
    """Return the hostname as browsers write it in `Origin`. Raises Invalid."""
    wrong = Invalid("The hostname must be like https://app.example.org.", field="hostname")
    if len(hostname) > _HOSTNAME_LENGTH:
        raise wrong
    try:
        parts = urlsplit(hostname.strip().lower())
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError as error:
        raise wrong from error
    rest = (parts.path.strip("/"), parts.query, parts.fragment, "@" if "@" in parts.netloc else "")
    host = parts.netloc.removesuffix(port) if port else parts.netloc
    if parts.scheme not in _PORTS or any(rest) or not _HOST.fullmatch(host):
        raise wrong
    return f"{parts.scheme}://{host}" + ("" if port == _PORTS[parts.scheme] else port)


def _record(actor: Actor, row: AccessToken, old: str, new: str) -> None:
    name = f"client-side token {row.token_id}"
    entry = Entry(
        Op.SET,
        field=f"key {row.key.key_id}",
        old=f"{name}: {old}" if old else None,
        new=f"{name}: {new}",
    )
    record_and_log(
        actor=actor,
        act=Act.KEY,
        entry=entry,
        event=f"client-side token: {new}",
        key=f"token:{row.token_id}",
    )
