"""Questions about sources that a person decides: ask, answer, and reopen them."""

from collections.abc import Collection, Mapping
from typing import Any

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import Conflict, NotFound
from agents.core.json_text import dumps, loads
from agents.core.tag_text import shown
from agents.domain.agents import trash
from agents.domain.core.record import Entry, open_change_set, record
from agents.domain.core.transactions import write
from agents.domain.sources.rights import locked_item
from agents.domain.tags.edit import change_tags
from agents.models import Act, Agent, InboxItem, InboxKind, Op, SourcedAgent, Tag

ACCEPT, PUT_BACK = "accept", "put-back"
# What can be put back as it was in ADE.
CAN_PUT_BACK = frozenset(
    {InboxKind.OWNER, InboxKind.OFFBOARDED, InboxKind.OLD_NAME, InboxKind.GONE}
)
# Asked again after a decision, because each change there is another one.
_ASKED_AGAIN = frozenset(
    {InboxKind.OWNER, InboxKind.OFFBOARDED, InboxKind.GONE, InboxKind.TWO_OWNERS}
)


def ask(
    source_id: int,
    kind: InboxKind,
    *,
    agent_id: str = "",
    tag: str = "",
    change_set_id: int | None = None,
    details: Mapping[str, Any],
) -> None:
    """Put a question into the inbox, or update it if it is open. Call it in a transaction.

    A question of most kinds is asked once, whatever was decided.
    """
    same = InboxItem.objects.filter(source_id=source_id, kind=kind, agent_id=agent_id, tag=tag)
    if kind not in _ASKED_AGAIN and same.filter(decided_at__isnull=False).exists():
        return
    InboxItem.objects.update_or_create(
        source_id=source_id,
        kind=kind,
        agent_id=agent_id,
        tag=tag,
        decided_at=None,
        defaults={"details": dumps(dict(details)), "change_set_id": change_set_id},
        create_defaults={
            "details": dumps(dict(details)),
            "change_set_id": change_set_id,
            "created_at": timezone.now(),
        },
    )


@write
def accept(*, item_id: int, actor: Actor) -> InboxItem:
    """Leave it as it is at the source. Raises NotFound, NotAllowed, Conflict (decided already).

    Where owner tags are given in ADE only, this gives the agent the tags that it has there.
    """
    item = _open(item_id, actor)
    details = loads(item.details)
    if item.kind == InboxKind.OWNER and details.get("held"):
        _retag(item, add=details["add"], remove=details["remove"], actor=actor)
    return _decide(item, ACCEPT, actor)


@write
def put_back(*, item_id: int, actor: Actor) -> InboxItem:
    """Set the tags at the source back as they were. Raises NotFound, NotAllowed, Conflict.

    An agent that is gone there comes back from the trash, as an agent that is kept here.
    Conflict: it is decided already, or there is nothing that could be put back.
    """
    item = _open(item_id, actor)
    if item.kind not in CAN_PUT_BACK:
        raise Conflict("This cannot be put back. Accept it.")
    details = loads(item.details)
    if item.kind == InboxKind.GONE:
        trash.restore(agent_ids=[item.agent_id], actor=actor)
    elif details.get("held"):
        # ADE has its own tags already; the source gets them again.
        SourcedAgent.objects.filter(source=item.source, public_id=item.agent_id).update(
            behind_since=timezone.now(), behind_rank=0, behind_by=None, push_after=None,
            put_back_count=0, put_back_since=None,
        )  # fmt: skip
    else:
        _retag(item, add=details["remove"], remove=details["add"], actor=actor)
    return _decide(item, PUT_BACK, actor)


@write
def reopen(*, item_id: int, actor: Actor) -> InboxItem:
    """Take a decision back: the question is open again, and tags are as before the decision.

    Raises NotFound, NotAllowed, Conflict (it is open, or the same question was asked again).
    """
    item = locked_item(item_id, actor)
    if item.decided_at is None:
        raise Conflict("This question is open.")
    same = InboxItem.objects.filter(
        source=item.source, kind=item.kind, agent_id=item.agent_id, tag=item.tag, decided_at=None
    )
    if same.exists():
        raise Conflict("The same question has been asked again. Decide that one.")
    details = loads(item.details)
    moved = item.decision == (ACCEPT if details.get("held") else PUT_BACK)
    if moved and "add" in details:
        add, remove = details["add"], details["remove"]
        if item.decision == ACCEPT:
            add, remove = remove, add
        _retag(item, add=add, remove=remove, actor=actor)
    item.decided_at, item.decided_by, item.decision = None, "", ""
    item.save(update_fields=["decided_at", "decided_by", "decision"])
    _record(item, "opened again", actor)
    return item


def _open(item_id: int, actor: Actor) -> InboxItem:
    item = locked_item(item_id, actor)
    if item.decided_at is not None:
        raise Conflict(f"{shown(item.decided_by)} has decided this already.")
    return item


def _retag(item: InboxItem, *, add: Collection[str], remove: Collection[str], actor: Actor) -> None:
    """Change the tags of the agents of a question; agents and tags that are gone are left out."""
    details = loads(item.details)
    known = set(Tag.objects.filter(name__in=remove).values_list("name", flat=True))
    ids = [item.agent_id] if item.agent_id else details.get("agents", [])
    here = Agent.objects.filter(public_id__in=ids).values_list("public_id", flat=True)
    for agent_id in sorted(here):
        try:
            change_tags(
                agent_id=agent_id,
                add=list(add),
                remove=[name for name in remove if name in known],
                actor=actor,
                reason=f"inbox of {item.source.name}",
            )
        except NotFound:
            continue


def _decide(item: InboxItem, decision: str, actor: Actor) -> InboxItem:
    item.decided_at, item.decided_by, item.decision = timezone.now(), actor.name, decision
    item.save(update_fields=["decided_at", "decided_by", "decision"])
    _record(item, "accepted" if decision == ACCEPT else "put back", actor)
    return item


def _record(item: InboxItem, what: str, actor: Actor) -> None:
    about = item.get_kind_display() + (f" ({shown(item.tag)})" if item.tag else "")
    entry = Entry(
        Op.SET, item.agent_id or None, field=f"source {item.source_id}",
        new=f"{item.source.name}: {about}: {what}",
    )  # fmt: skip
    record(open_change_set(actor=actor, act=Act.SOURCE), [entry])
