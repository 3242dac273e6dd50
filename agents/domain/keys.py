"""Create, rotate and disable API keys. `agents.domain.core.key_tokens` checks their tokens."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from ade.accounts import members
from ade.accounts.members import By
from agents.core.actors import Actor, Power
from agents.core.agent_rights import SCOPE_RIGHTS, Right, in_order
from agents.core.errors import Conflict, Invalid, LimitExceeded, NotAllowed, NotFound
from agents.core.json_text import dumps, loads
from agents.core.limits import KEY_NAME_LENGTH, KEY_OVERLAP_SECONDS, KEY_PATTERNS
from agents.core.reach import EVERYTHING, NOTHING, Reach, key_columns, read_reach
from agents.core.tag_text import require_legal, shown, text_problem, unique_legal
from agents.domain.core import reaches, tag_rules
from agents.domain.core.access_spans import note_keys
from agents.domain.core.checks import checked_text
from agents.domain.core.closed_tags import require_open
from agents.domain.core.key_tokens import new_token
from agents.domain.core.record import Entry, record_and_log
from agents.domain.core.rights import is_good as is_good
from agents.domain.core.rights import queue_to_change
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.tags import tag_rows, user_mark
from agents.models import Act, ApiKey, Op, Scope, Tag


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key and its token, which is shown only once."""

    key: ApiKey
    token: str


@write
def create_key(
    *,
    name: str,
    actor: Actor,
    scope: Scope = Scope.WRITE,
    reach: Reach = EVERYTHING,
    limit_tag: str | None = None,
    may_tag: Sequence[str] = (),
    any_label: bool = False,
    names_user: bool = False,
    preset: str = "",
    rights: Sequence[str] | None = None,
    expires_at: datetime | None = None,
) -> MadeKey:
    """Create an API key. `limit_tag` is short for a `reach` of one tag.

    `preset` adds the patterns that a program needs (`tag_rules.PRESETS`). A limited key may write only tags
    that match `may_tag`. With `any_label` it may also write any tag except user tags and protected
    tags. An unlimited key takes only patterns of protected tags. With `names_user` the tags of the reach
    are marked as user tags. `rights` narrows the rights of the scope on agents; an empty list leaves none.

    An admin can create any key. A manager can create short-lived keys that are limited to a tag, for at
    most KEY_SECONDS_BY_API. Raises Invalid, NotAllowed, Conflict (a tag is being merged or deleted).
    """
    now = timezone.now()
    if limit_tag is not None:
        reach = Reach.of_tags([require_legal(limit_tag, field="limit_tag")])
    _check_maker(actor, reach, expires_at, now)
    if not checked_text(name, field="name", most=KEY_NAME_LENGTH).strip():
        raise Invalid("Enter a name for the key.", field="name")
    if expires_at is not None and expires_at <= now:
        raise Invalid("The expiry time is in the past. Choose a later one.", field="expires_at")
    _check_reach(reach, scope, any_label=any_label, names_user=names_user)
    patterns = _checked_patterns(may_tag, preset, scope, reach)
    narrowed = None if rights is None else dumps(_checked_rights(rights, scope))
    if any(tag.ends_in for tag in _share_lock_tags(reach, patterns)):
        raise Conflict(
            "One of these tags is being merged, deleted or off-boarded. Choose another one."
        )
    require_open(reach.tags, field="reach")
    for tag in reach.tags if names_user else ():
        user_mark.mark(tag, actor=actor)
    made = _make(
        name=name,
        scope=scope,
        reach=reach,
        may_tag=dumps(patterns),
        any_label=any_label,
        rights=narrowed,
        created_at=now,
        created_by=actor.name,
        expires_at=expires_at,
    )
    _record(actor, made.key, "", f"made, {_in_words(made.key)}")
    return made


def _check_reach(reach: Reach, scope: Scope, *, any_label: bool, names_user: bool) -> None:
    """Raise Invalid unless a key can have this reach with this scope and these settings."""
    if reach == NOTHING:
        raise Invalid("Choose at least one tag or agent for a limited key.", field="reach")
    unique_legal(reach.tags, field="reach")
    unique_legal(reach.agents, field="reach")
    if not reach.everything and scope == Scope.MANAGE:
        raise Invalid(
            "A limited key cannot have the scope manage. Choose read or write.", field="scope"
        )
    if any_label and reach.everything:
        raise Invalid("Only a limited key can have this setting.", field="any_label")
    if names_user and not reach.tags:
        raise Invalid("Enter the tag that the key is limited to.", field="names_user")


def _checked_patterns(may_tag: Sequence[str], preset: str, scope: Scope, reach: Reach) -> list[str]:
    """Return the patterns of the tags that a key may write. Raises Invalid."""
    patterns = [*may_tag, *_preset(preset, scope)] if preset else may_tag
    if reach.everything and not all(map(tag_rules.names_protected, patterns)):
        raise Invalid(
            "Without a limit, only patterns of protected tags can be given, such as view:*.",
            field="may_tag",
        )
    if len(patterns) > KEY_PATTERNS:
        raise LimitExceeded(
            f"The list has {len(patterns):,} patterns; the limit is {KEY_PATTERNS}.",
            field="may_tag",
        )
    return unique_legal(patterns, field="may_tag")


def _checked_rights(rights: Sequence[str], scope: Scope) -> list[str]:
    """Return the rights to which a key is narrowed, sorted. Raises Invalid."""
    if scope == Scope.MANAGE:
        raise Invalid(
            "A key with manage scope has all rights. Choose read or write.", field="rights"
        )
    implied = SCOPE_RIGHTS[scope]
    for right in rights:
        if right not in implied:
            raise Invalid(
                f"A key with {scope} scope has the rights {', '.join(in_order(implied))}. It cannot"
                f" have {shown(right)}.",
                field="rights",
            )
    return in_order(map(Right, rights))


def _preset(name: str, scope: Scope) -> tuple[str, ...]:
    """Return the patterns of a preset. Raises Invalid."""
    if name not in tag_rules.PRESETS:
        raise Invalid(f"A preset is one of {', '.join(tag_rules.PRESETS)}.", field="preset")
    if scope == Scope.READ:
        raise Invalid("A key with a preset needs write scope.", field="scope")
    return tag_rules.PRESETS[name]


@write
def disable_key(*, key_id: str, actor: Actor) -> ApiKey:
    """Disable a key at once and for good. A disabled key is no change.

    Raises NotAllowed, or NotFound for a key that is not in `keys_of` the actor.
    """
    queue_to_change([f"key:{key_id}"])
    return _disable(_lock(key_id, actor), actor)


@write
def rotate_key(*, key_id: str, actor: Actor, overlap: timedelta) -> MadeKey:
    """Create a key with the same rights, and let the old key expire after `overlap`.

    Only for admins. Raises NotFound, NotAllowed, Conflict (the old key is disabled or has expired),
    Invalid (a negative overlap, or one above KEY_OVERLAP_SECONDS).
    """
    actor.require(Power.ADMIN, "rotate API keys")
    seen = get_key(key_id=key_id, actor=actor)
    _share_lock_tags(seen.reach, loads(seen.may_tag))
    queue_to_change([f"key:{key_id}"])
    key, now = _lock(key_id, actor), timezone.now()
    if (key.reach, key.may_tag) != (seen.reach, seen.may_tag):
        raise RowsChanged
    if not timedelta(0) <= overlap <= timedelta(seconds=KEY_OVERLAP_SECONDS):
        days = KEY_OVERLAP_SECONDS // 86400
        raise Invalid(f"The old key can work for 0 seconds to {days} more days.", field="overlap")
    if not is_good(key, now):
        raise Conflict("This key is disabled or has expired. Create a new key instead.")
    lifetime = None if key.expires_at is None else key.expires_at - key.created_at
    made = _make(
        name=key.name,
        scope=key.scope,
        reach=key.reach,
        may_tag=key.may_tag,
        any_label=key.any_label,
        rights=key.rights,
        created_at=now,
        created_by=actor.name,
        expires_at=None if lifetime is None else now + lifetime,
    )
    end = now + overlap
    key.expires_at = end if key.expires_at is None else min(end, key.expires_at)
    key.save(update_fields=["expires_at"])
    note_keys([key])
    _record(
        actor,
        key,
        "good",
        f"rotated to {made.key.key_id}, ends {key.expires_at:%Y-%m-%d %H:%M} UTC",
    )
    return made


def lose_tag(*, tag: str, actor: Actor) -> list[Entry]:
    """Remove a deleted tag from all reaches, and disable keys and members with no tag left.

    Returns the history of those that keep other tags. Call it at the end of the deletion: keys and
    members are locked last. The right to delete the tag is enough.
    """
    entries: list[Entry] = []
    keys, people = reaches.lock_keys_reaching(tag), reaches.lock_members_reaching(tag)
    if keys or people:
        actor.require_sign_in("disable the API keys and members that are limited to this tag")
    for key in keys:
        left = key.reach.with_tag(tag, None)
        if left == NOTHING:
            _disable(key, actor)  # its reach is kept: it shows what the key was for
            continue
        reaches.set_key_reach(key, left)
        entries.append(Entry(Op.SET, tag=tag, field=f"key {key.key_id}", old=tag))
    for member in people:
        left = read_reach(member.stored_reach).with_tag(tag, None)
        if left == NOTHING:
            why = f"the tag {tag}, to which the member was limited, was deleted"
            by = By(actor.id, actor.name)
            members.end_reach(member, stored=str(left.stored()), why=why, by=by)
            continue
        reaches.set_member_reach(member, left)
        entries.append(Entry(Op.SET, tag=tag, field=f"member {member.pk}", old=tag))
    return entries


def keys_of(actor: Actor) -> QuerySet[ApiKey]:
    """Return the keys that the actor may see and disable. Raises NotAllowed.

    An admin may see all keys, a manager those that a manager can create.
    """
    actor.require(Power.MANAGE, "see API keys")
    actor.require_sign_in("see or disable API keys")
    _require_unlimited(actor)
    if actor.can(Power.ADMIN):
        return ApiKey.objects.all()
    # Not by creator: a manager must be able to disable them after the creating key is gone.
    longest = timedelta(seconds=settings.KEY_SECONDS_BY_API)
    return ApiKey.objects.filter(limit_tag__isnull=False, expires_at__lte=F("created_at") + longest)


def _check_maker(actor: Actor, reach: Reach, expires_at: datetime | None, now: datetime) -> None:
    actor.require(Power.MANAGE, "make API keys")
    actor.require_sign_in("make API keys")
    _require_unlimited(actor)
    if actor.can(Power.ADMIN):
        return
    most = timedelta(seconds=settings.KEY_SECONDS_BY_API)
    if reach.everything:
        raise NotAllowed("Without admin rights you can create only keys that are limited to a tag.")
    if expires_at is None or expires_at > now + most:
        raise NotAllowed(
            f"Without admin rights a key must expire within {settings.KEY_SECONDS_BY_API:,} seconds."
        )


def get_key(*, key_id: str, actor: Actor) -> ApiKey:
    """Return a key that the actor may see. Raises NotFound, NotAllowed."""
    return _among(keys_of(actor), key_id)


def _require_unlimited(actor: Actor) -> None:
    actor.require_unlimited("may not manage API keys")


def _lock(key_id: str, actor: Actor) -> ApiKey:
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
        note_keys([key])
        _record(actor, key, "good", "disabled")
    return key


def _share_lock_tags(reach: Reach, may_tag: Sequence[str]) -> Collection[Tag]:
    """Share-lock the tags of a new key, so that a rename waits and then updates the key too."""
    return tag_rows.share_lock([*may_tag, *reach.tags]).values()


def _make(*, reach: Reach, **columns: Any) -> MadeKey:
    key_id, digest, token = new_token()
    columns |= key_columns(reach)
    key = ApiKey.objects.create(key_id=key_id, digest=digest, **columns)
    note_keys([key])
    return MadeKey(key, token)


def _in_words(key: ApiKey) -> str:
    """The rights of a key, for history."""
    reach = key.reach
    limit = "" if reach.everything else f", limited to {reach.only_tag or reach.in_words()}"
    end = "" if key.expires_at is None else f", until {key.expires_at:%Y-%m-%d %H:%M} UTC"
    rights = "" if key.rights is None else f", rights {', '.join(loads(key.rights)) or 'none'}"
    return f"{key.scope}{limit}{rights}{end}"


def _record(actor: Actor, key: ApiKey, old: str, new: str) -> None:
    entry = Entry(
        Op.SET,
        tag=key.reach.only_tag,
        field=f"key {key.key_id}",
        old=f"{key.name}: {old}" if old else None,
        new=f"{key.name}: {new}",
    )
    record_and_log(
        actor=actor, act=Act.KEY, entry=entry, event=f"API key: {new}", key=f"key:{key.key_id}"
    )
