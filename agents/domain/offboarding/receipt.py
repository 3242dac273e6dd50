"""Read back what an off-boarding did, and write its receipt.

The history of the change lists the agents and their memory. Each thing is then looked up again, here
and at the source where it was, and the receipt says what was seen. What is not done can be done again:
`check` begins with what is not settled.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone

from ade.models import User
from agents.core.actors import Actor, Power
from agents.core.errors import NotFound
from agents.domain.agents.write import DELETED_MEMORY, KEPT_MEMORY
from agents.domain.core import record
from agents.domain.core.closed_tags import reopen
from agents.domain.core.record import Entry
from agents.domain.core.rights import is_good
from agents.domain.core.transactions import write
from agents.domain.offboarding import there
from agents.domain.offboarding.begin import add_items
from agents.domain.offboarding.inventory import Thing
from agents.domain.users import OffboardMode
from agents.models import (
    AccessToken,
    Act,
    Agent,
    AgentTag,
    ApiKey,
    Block,
    BulkPlan,
    BulkState,
    Change,
    ChangeSet,
    Identity,
    Offboarding,
    OffboardingItem,
    Op,
    SavedView,
    Seen,
    TrashedAgent,
    Webhook,
)

_CHUNK = 500  # changes of the history, or things, that one transaction looks at


def get_offboarding(offboarding_id: UUID | str, *, actor: Actor) -> Offboarding:
    """The off-boarding with this id. Raises NotFound, NotAllowed."""
    actor.require(Power.MANAGE, "see receipts of off-boardings")
    actor.require_sign_in("see receipts of off-boardings")
    actor.require_unlimited("may not see receipts of off-boardings")
    row = Offboarding.objects.filter(id=offboarding_id).first()
    if row is None:
        raise NotFound("There is no such off-boarding.")
    return row


def is_done(row: Offboarding) -> bool:
    """True if the change that carries it out has ended, so that it can be read back."""
    if row.plan_id is None:
        return True
    return BulkPlan.objects.filter(id=row.plan_id, state=BulkState.DONE).exists()


def check(*, offboarding_id: UUID | str, actor: Actor) -> Offboarding:
    """List and read back everything that is not settled, in short transactions, and sign the receipt.

    Does nothing while the change still runs. Raises NotFound, NotAllowed.
    """
    row = get_offboarding(offboarding_id, actor=actor)
    if not is_done(row):
        return row
    for step in (_list_changes, _read_back, there.read_back):
        after: int | None = 0
        while after is not None:
            after = step(row, after, actor=actor)
    return _sign(row, actor=actor)


@write
def _list_changes(row: Offboarding, after: int, *, actor: Actor) -> int | None:
    """Add the next agents and memory blocks of the history. Returns how far it got, None at the end."""
    actor.require(Power.MANAGE, "read back an off-boarding")
    if row.how == OffboardMode.MOVE and (end := _renamed_agents(row, after)) is not None:
        return end or None
    changes = Change.objects.filter(
        change_set_id=row.change_set_id or 0, agent_id__isnull=False, id__gt=after
    )
    found = list(changes.order_by("id")[:_CHUNK])
    if not found:
        return None
    things = [thing for change in found if (thing := _thing(row, change)) is not None]
    add_items(row, things)
    # A batch keeps a block that agents of a later batch have too, and then that batch deletes it.
    gone = [thing.public_id for thing in things if thing.kind == "blocks" and thing.is_deleted]
    kept = row.items.filter(kind="blocks", place="", action="kept", public_id__in=gone)
    kept.update(action="deleted", seen=Seen.WAITING)
    return found[-1].id


def _renamed_agents(row: Offboarding, after: int) -> int | None:
    """As `_list_changes` for agents that a rename moved, which the history does not list; 0 at the end.

    None if they were not moved by a rename.
    """
    changes = Change.objects.filter(change_set_id=row.change_set_id or 0)
    if not changes.filter(op=Op.RENAME).exists():
        return None
    found = list(
        Agent.objects.filter(agenttag__tag__name=row.moved_to, seq__gt=after).order_by("seq")[
            :_CHUNK
        ]
    )
    things = [Thing("agents", agent.public_id, agent.name, action="moved") for agent in found]
    add_items(row, things)
    return found[-1].seq if found else 0


def _thing(row: Offboarding, change: Change) -> Thing | None:
    agent = Thing("agents", str(change.agent_id), str(change.agent_name or ""))
    if change.op == Op.DELETE:
        return Thing(agent.kind, agent.public_id, agent.label, action="deleted")
    if change.op == Op.SET and change.field in (DELETED_MEMORY, KEPT_MEMORY):
        kept = change.field == KEPT_MEMORY
        return Thing("blocks", str(change.new), action="kept" if kept else "deleted")
    if change.op == Op.REMOVE and change.tag == row.name:
        # The deleted ones are listed already: their deletion is recorded first.
        moved = row.how == OffboardMode.MOVE
        return Thing(
            agent.kind, agent.public_id, agent.label, action="moved" if moved else "loses the tag"
        )
    return None


@write
def _read_back(row: Offboarding, after: int, *, actor: Actor) -> int | None:
    """Look up the next unsettled things. Returns how far it got, None at the end."""
    actor.require(Power.MANAGE, "read back an off-boarding")
    waiting = (
        row.items.filter(place="")
        .exclude(seen__in=[Seen.GONE, Seen.KEPT, Seen.ENDED])
        .filter(id__gt=after)
    )
    items = list(waiting.order_by("id")[:_CHUNK])
    if not items:
        return None
    by_kind: dict[str, list[OffboardingItem]] = {}
    for item in items:
        by_kind.setdefault(item.kind, []).append(item)
    found: dict[Seen, list[int]] = {}
    for kind, some in by_kind.items():
        there = _THERE[kind]([item.public_id for item in some])
        carrying = _carrying(row.name, there) if kind == "agents" else set()
        for item in some:
            found.setdefault(_seen(item, there, carrying), []).append(item.id)
    for seen, ids in found.items():
        OffboardingItem.objects.filter(id__in=ids).update(seen=seen, seen_at=timezone.now())
    return items[-1].id


def _seen(item: OffboardingItem, there: Collection[str], carrying: Collection[str]) -> Seen:
    if item.action == "deleted":
        return Seen.STILL_THERE if item.public_id in there else Seen.GONE
    if item.action == "ends":
        return Seen.STILL_THERE if item.public_id in there else Seen.ENDED
    return Seen.STILL_THERE if item.public_id in carrying else Seen.KEPT


def _carrying(name: str, ids: Collection[str]) -> set[str]:
    """Which of these agents carry the tag of the user (again)."""
    rows = AgentTag.objects.filter(tag__name=name, agent__public_id__in=ids)
    return set(rows.values_list("agent__public_id", flat=True))


def _ids(model: Any, column: str = "public_id") -> Callable[[Sequence[str]], set[str]]:
    def there(ids: Sequence[str]) -> set[str]:
        rows = model._default_manager.filter(**{f"{column}__in": ids})
        return set(rows.values_list(column, flat=True))

    return there


def _valid_keys(ids: Sequence[str]) -> set[str]:
    return {key.key_id for key in ApiKey.objects.filter(key_id__in=ids) if is_good(key)}


def _active_members(ids: Sequence[str]) -> set[str]:
    """Members who can still sign in. Their ids are written "member <pk>"."""
    keys = [int(text.removeprefix("member ")) for text in ids]
    rows = User.objects.filter(pk__in=keys, is_active=True)
    return {f"member {pk}" for pk in rows.values_list("pk", flat=True)}


_THERE: Mapping[str, Callable[[Sequence[str]], set[str]]] = {
    "agents": _ids(Agent),
    "blocks": _ids(Block),
    "keys": _valid_keys,
    "members": _active_members,
    "tokens": _ids(AccessToken, "token_id"),
    "views": _ids(SavedView, "slug"),
    "webhooks": _ids(Webhook),
    "identities": _ids(Identity),
    "trash": _ids(TrashedAgent),
}


@write
def _sign(row: Offboarding, *, actor: Actor) -> Offboarding:
    """Note that everything was read back, and put the receipt's digest into the history."""
    actor.require(Power.MANAGE, "read back an off-boarding")
    row = Offboarding.objects.select_for_update(no_key=True).get(id=row.id)
    digest = hashlib.sha256(canonical(row)).hexdigest()
    if digest == row.digest:
        return row
    row.digest, row.checked_at = digest, timezone.now()
    row.save(update_fields=["digest", "checked_at"])
    change_set = ChangeSet.objects.filter(id=row.change_set_id or 0).first()
    if change_set is not None:
        entry = Entry(Op.SET, tag=row.name, field="receipt", new=digest)
        record.record(change_set, [entry], at=row.checked_at)
    return row


def canonical(row: Offboarding) -> bytes:
    """The receipt as canonical JSON: sorted names, no spaces. The digest is of these bytes."""
    return msgspec.json.encode(receipt(row), order="deterministic")


def receipt(row: Offboarding) -> dict[str, Any]:
    """The receipt: every thing, where it was, what was to happen, what was seen, and when."""
    # Without objects of models: there may be many thousands.
    columns = ("kind", "public_id", "label", "place", "action", "seen", "seen_at")
    items = row.items.order_by("kind", "public_id", "place").values_list(*columns)
    return {
        "user": row.name,
        "how": row.how,
        "moved_to": row.moved_to,
        "by": row.actor_name,
        "reason": row.reason,
        "begun_at": row.created_at.isoformat(),
        "watched_until": row.watched_until.isoformat(),
        "change_set": row.change_set_id,
        "items": [
            {
                "kind": kind,
                "id": public_id,
                "name": label,
                "place": place or "ADE",
                "action": action,
                "seen": seen,
                "seen_at": None if at is None else at.isoformat(),
            }
            for kind, public_id, label, place, action, seen, at in items.iterator(chunk_size=2000)
        ],
    }


@write
def open_tag(*, offboarding_id: UUID | str, actor: Actor) -> Offboarding:
    """Open the tag again: keys and members can be limited to it, and agents with it are no news.

    Raises NotFound, NotAllowed.
    """
    row = get_offboarding(offboarding_id, actor=actor)
    reopen([row.name])
    change_set = record.open_change_set(actor=actor, act=Act.DESCRIBE)
    entry = Entry(Op.SET, tag=row.name, field="closed after off-boarding", old="yes", new="no")
    record.record(change_set, [entry])
    return get_offboarding(offboarding_id, actor=actor)
