"""Find crossings by following the history, so that no write and no page has to look for them.

A change of an agent's user tags, memory or identities may begin a crossing of a thing that the agent
shares. Whether a stored crossing still is one is seen when it is read.
"""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from agents.core.actors import Actor, Power
from agents.domain.core.tag_rules import names_a_user
from agents.domain.core.transactions import write
from agents.domain.crossings.separate import MOVED_BLOCK
from agents.domain.tags import user_mark
from agents.models import (
    Agent,
    AgentBlock,
    AgentIdentity,
    Block,
    Change,
    Crossing,
    CrossingHead,
    CrossingKind,
    Identity,
    Op,
    SourcedBlock,
    Tag,
)
from agents.queries.crossings import now, shared_by, shared_there, users_of

_STEP = 200  # changes, or older things, that one transaction looks at
_CAN_BEGIN = (
    Q(op__in=[Op.ADD, Op.CREATE])
    | Q(op=Op.SET, field__startswith="block ")
    | Q(op=Op.SET, field__in=["identities", MOVED_BLOCK])
)


def is_complete() -> bool:
    """True if the whole history was followed, but for what is being written now, and all memory of sources."""
    if SourcedBlock.objects.filter(looked=False).exists():
        return False
    cursor = CrossingHead.objects.filter(id=1).values_list("cursor", flat=True).first()
    return cursor is not None and not Change.objects.filter(id__gt=cursor).exists()


@write
def follow(*, upto: int, actor: Actor) -> bool:
    """Look at up to 200 changes that were not looked at, none after `upto`. True if more are left.

    Things from before this version are looked at first.
    """
    actor.require(Power.WRITE, "look for crossings")
    CrossingHead.objects.bulk_create([CrossingHead(id=1)], ignore_conflicts=True)
    head = CrossingHead.objects.select_for_update().get(id=1)
    more = _look_at_links()
    if not head.cursor:
        return _look_at_older(head, upto) or more
    changes = list(Change.objects.filter(id__gt=head.cursor, id__lte=upto).order_by("id")[:_STEP])
    if not changes:
        return more
    ids = {change.id for change in changes}
    begins = Change.objects.filter(_CAN_BEGIN, id__in=ids, agent_id__isnull=False)
    by_agent = {str(change.agent_id): change for change in begins.select_related("change_set")}
    agents = dict(Agent.objects.filter(public_id__in=by_agent).values_list("seq", "public_id"))
    for seq, public_id in agents.items():
        for kind, thing, source_id in shared_by([seq]):
            _note(kind, thing, source_id=source_id, change=by_agent[public_id])
    head.cursor = changes[-1].id
    if _names_new_users(changes):
        head.cursor = head.blocks_to = head.identities_to = (
            0  # all that is shared is looked at again
        )
        more = True
    head.save(update_fields=["cursor", "blocks_to", "identities_to"])
    return more or len(changes) == _STEP


def _names_new_users(changes: Sequence[Change]) -> bool:
    """True if a tag became a user tag: no change of an agent says so."""
    names = {
        str(change.new)
        for change in changes
        if change.op == Op.RENAME and not names_a_user(str(change.old))
    }
    names |= {str(change.tag) for change in changes if change.field == user_mark.FIELD}
    tags = Tag.objects.filter(name__in=names, names_user=True)
    SourcedBlock.objects.filter(agent__agenttag__tag__in=tags).update(looked=False)
    return tags.exists()


def _look_at_links() -> bool:
    """Look at memory blocks that sources said since. True if more are left."""
    new = SourcedBlock.objects.filter(looked=False).order_by("id")
    ids = list(new.values_list("id", flat=True)[:_STEP])
    links = SourcedBlock.objects.filter(id__in=ids)
    for kind, thing, source_id in shared_there(links):
        _note(kind, thing, source_id=source_id)
    links.update(looked=True)
    return len(ids) == _STEP


@write
def forget_ended(*, actor: Actor) -> int:
    """Remove stored crossings that no longer are any. Looks at up to 200, the oldest first."""
    actor.require(Power.WRITE, "look for crossings")
    rows = Crossing.objects.filter(meant_reason__isnull=True).order_by("id")[:_STEP]
    ended = [row.pk for row in rows if now(row) is None]
    return Crossing.objects.filter(pk__in=ended).delete()[0]


def _look_at_older(head: CrossingHead, upto: int) -> bool:
    """Look at the next shared blocks and identities of before; then the history is followed from `upto`."""
    others = AgentBlock.objects.filter(block_id=OuterRef("id"))
    blocks = Block.objects.filter(Exists(others), id__gt=head.blocks_to).order_by("id")[:_STEP]
    found = list(blocks.values_list("id", "public_id"))
    for _, public_id in found:
        _note(CrossingKind.BLOCK, public_id)
    head.blocks_to = found[-1][0] if found else head.blocks_to
    linked = AgentIdentity.objects.filter(identity_id=OuterRef("id"))
    rows = Identity.objects.filter(Exists(linked), id__gt=head.identities_to).order_by("id")[:_STEP]
    named = list(rows.values_list("id", "public_id"))
    for _, public_id in named:
        _note(CrossingKind.IDENTITY, public_id)
    head.identities_to = named[-1][0] if named else head.identities_to
    if not found and not named:
        head.cursor = max(upto, 1)
    head.save(update_fields=["blocks_to", "identities_to", "cursor"])
    return bool(found or named)


def _note(
    kind: CrossingKind, public_id: str, *, source_id: int = 0, change: Change | None = None
) -> None:
    """Store a crossing if the thing is one. What is stored already stays as it is."""
    users, agents, _ = users_of(kind, public_id, source_id)
    if len(users) < 2 or agents < 2:
        return
    Crossing.objects.get_or_create(
        kind=kind,
        public_id=public_id,
        source_id=source_id,
        defaults={
            "since": change.moment if change else timezone.now(),
            "change_set_id": change.change_set_id if change else None,
        },
    )
