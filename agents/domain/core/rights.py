"""The current rights of a key or a member, checked again when a write commits.

A write's actor was authenticated earlier. Since then its key may have been disabled, or its tag
renamed, merged, deleted or off-boarded. So the last statement of every write reads the actor's row
again with a shared lock. A change of the rights then waits for the write, or the write is refused.

This check comes last because keys and members follow tags, agents and counters in the order of locks,
and because the row is then locked only until the commit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from zlib import crc32

from django.db import connection
from django.utils import timezone

from ade.db.statements import IS_SQLITE, Loader
from ade.models import User
from agents.core.actors import (
    READ,
    ROLE_POWERS,
    SCOPE_POWERS,
    WRITE,
    Actor,
    ActorKind,
    Power,
    Source,
    narrowed_powers,
)
from agents.core.agent_rights import Right, rights_of
from agents.core.errors import NotAllowed
from agents.core.json_text import loads
from agents.core.reach import Reach, of_columns, read_reach
from agents.core.tag_text import shown
from agents.models import AccessToken, Agent, ApiKey

# Shared locks can starve an exclusive lock: writes of a busy key would overtake a change of the key for
# ever. An advisory lock (a gate) makes them queue.
_GATES = 1024
_GATE_CLASS = 7_120_002  # any number that no other advisory lock in this database uses
_GATE = "SELECT count({lock}(%s, k)) FROM unnest(%s::int[]) k"
_keys, _members = Loader(ApiKey), Loader(User)
_KEY = f"SELECT {_keys.columns('x')} FROM agents_apikey x WHERE x.key_id = %s"  # noqa: S608  # our columns
_MEMBER = f"SELECT {_members.columns('x')} FROM ade_user x WHERE x.id = %s"  # noqa: S608  # our columns
_SHARED = f"WITH gate AS MATERIALIZED ({_GATE.format(lock='pg_advisory_xact_lock_shared')})"
# What a client-side access token needs on an agent to read or change it in ADE.
TO_READ = frozenset({Right.READ_AGENT})
TO_WRITE = frozenset({Right.READ_AGENT, Right.WRITE_AGENT})


@dataclass(frozen=True, slots=True)
class Rights:
    """What an actor may do, to which agents, and which tags it may write."""

    powers: frozenset[Power]
    reach: Reach
    may_tag: tuple[str, ...] = ()
    any_label: bool = False
    narrowed_to: frozenset[Right] | None = None
    by_agent: Mapping[str, frozenset[Right]] | None = None


def key_of(key_id: str) -> ApiKey | None:
    """Return the key with this id, which may be disabled or expired."""
    return _keys.first(_KEY, [key_id])


def is_good(key: ApiKey, now: datetime | None = None) -> bool:
    """True if the key is neither disabled nor expired."""
    now = now or timezone.now()
    return key.disabled_at is None and (key.expires_at is None or key.expires_at > now)


def may_any_label(patterns: Sequence[str], any_label: bool | None) -> bool:
    """True if a key may write any label. Keys older than this choice (None) may if they have no patterns."""
    return not patterns if any_label is None else any_label


def of_key(key: ApiKey) -> Rights:
    """The rights of a valid key."""
    stored = (key.scope, key.limit_tag, key.stored_reach, key.may_tag, key.any_label, key.rights)
    return _of_columns(*stored)


@lru_cache(maxsize=1_000)  # a key is read for each request, and most of them are the same
def _of_columns(
    scope: str,
    limit_tag: str | None,
    stored_reach: str | None,
    may_tag: str,
    any_label: bool | None,
    narrowed: str | None,
) -> Rights:
    reach, patterns = of_columns(limit_tag, stored_reach), tuple(loads(may_tag))
    any_label = may_any_label(patterns, any_label)
    powers = SCOPE_POWERS[scope]
    if narrowed is None:
        return Rights(powers, reach, patterns, any_label=any_label)
    rights = rights_of(scope, loads(narrowed))
    powers = narrowed_powers(powers, rights)
    return Rights(powers, reach, patterns, any_label=any_label, narrowed_to=rights)


def of_token(row: AccessToken, key: ApiKey, needs: frozenset[Right]) -> Rights:
    """The rights of a client-side access token whose key is `key`: never more than the key has now.

    The reach is the agents on which both have `needs`.
    """
    own, policy = of_key(key), loads(row.policy)
    implied = rights_of(key.scope, None) if own.narrowed_to is None else own.narrowed_to
    known = _within(own.reach, list(policy))
    by_agent = {
        agent_id: implied.intersection(rights)
        for agent_id, rights in policy.items()
        if agent_id in known and implied.intersection(rights) >= needs
    }
    reach = Reach.of_agents(agent_id for agent_id, rights in by_agent.items() if rights)
    return Rights(WRITE if Right.WRITE_AGENT in needs else READ, reach, by_agent=by_agent)


def _within(reach: Reach, agent_ids: Sequence[str]) -> set[str]:
    """Return which of the agents exist within the reach."""
    asking = Actor(ActorKind.KEY, "", "", Source.API, reach=reach)
    rows = Agent.objects.visible_to(asking).filter(public_id__in=agent_ids)
    return set(rows.values_list("public_id", flat=True))


def of_member(user: User) -> Rights:
    """The rights of an active member. A limited member has no admin rights.

    It may write any label, and as a manager also user tags; never the tags that the settings protect,
    nor those of its own limit.
    """
    reach = read_reach(user.stored_reach)
    powers = ROLE_POWERS[user.role]
    if reach.everything:
        return Rights(powers, reach)
    patterns = ("*",) if Power.MANAGE in powers else ()
    return Rights(powers - {Power.ADMIN}, reach, patterns, any_label=True)


def current_rights(actor: Actor, *, share_lock: bool = False) -> Rights | None:
    """Read the rights of a key or a member. None if it is disabled, expired or deleted.

    With `share_lock` they cannot change until the transaction ends. Raises LookupError for an actor that
    has no account, whose rights cannot change.
    """
    prefix, _, key = actor.id.partition(":")
    if actor.kind is ActorKind.KEY and prefix == "key":
        row = _keys.first(*_locking(_KEY, key, actor, share_lock))
        return of_key(row) if row is not None and is_good(row) else None
    if actor.kind is ActorKind.KEY and prefix == "token":
        return _rights_of_token(key, actor, share_lock)
    if actor.kind is ActorKind.PERSON and prefix == "person":
        user = _members.first(*_locking(_MEMBER, int(key), actor, share_lock))
        return of_member(user) if user is not None and user.is_active else None
    raise LookupError(actor.id)


def _rights_of_token(token_id: str, actor: Actor, share_lock: bool) -> Rights | None:
    token = AccessToken.objects.select_related("key").filter(token_id=token_id).first()
    if token is None or token.expires_at <= timezone.now():
        return None
    maker = replace(actor, id=f"key:{token.key.key_id}")
    key = _keys.first(*_locking(_KEY, token.key.key_id, maker, share_lock))
    writes = Power.WRITE in actor.powers
    return of_token(token, key, TO_WRITE if writes else TO_READ) if key and is_good(key) else None


def require_unchanged_rights(actor: Actor, *, share_lock: bool = True) -> None:
    """Raise NotAllowed unless the actor still has its rights. Additional powers are fine.

    With `share_lock` the rights cannot change until the transaction ends: call it as the last statement
    of a write. Long reads call it without the lock, between their parts.
    """
    try:
        now = current_rights(actor, share_lock=share_lock)
    except LookupError:
        return
    if now is None:
        raise NotAllowed(
            f"{shown(actor.name)} was disabled or has expired since this request began. "
            "Nothing was changed."
        )
    lists = (now.may_tag, now.any_label) == (actor.may_tag, actor.any_label)
    same = now.reach == actor.reach and (lists or not (actor.limited or actor.may_tag))
    if not same or not now.powers >= actor.powers:
        raise NotAllowed(
            f"The rights of {shown(actor.name)} have changed since this request began. Nothing was "
            "changed. Send the request again."
        )


def queue_to_change(actor_ids: Collection[str]) -> None:
    """Wait until no write of these keys is committing. New writes wait for this transaction.

    Call it with actor ids (`key:...`) before locking keys to change or disable them.
    """
    if actor_ids and connection.vendor == "postgresql":
        gates = sorted({_gate(actor_id) for actor_id in actor_ids})
        with connection.cursor() as cursor:
            cursor.execute(_GATE.format(lock="pg_advisory_xact_lock"), [_GATE_CLASS, gates])


def _gate(actor_id: str) -> int:
    return crc32(actor_id.encode("utf-8", "replace")) % _GATES


def _locking(
    sql: str, key: str | int, actor: Actor, share_lock: bool
) -> tuple[str, list[str | int | list[int]]]:
    """Return the statement that reads this row, with a shared lock if wanted, and its parameters."""
    if not share_lock or IS_SQLITE:  # on SQLite the transaction is the lock
        return sql, [key]
    gated = sql.replace(" WHERE ", ", gate WHERE ")
    return f"{_SHARED} {gated} FOR SHARE OF x", [_GATE_CLASS, [_gate(actor.id)], key]
