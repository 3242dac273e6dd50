"""Keep what the directories of users and tags are sorted by. No row of the history changes."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.utils import timezone

from agents.core.natural_order import natural_key
from agents.domain.core.transactions import write
from agents.models import Agent, AgentTag, Tag, TallyHead, UserChange
from agents.queries.core import keyset
from agents.queries.core.keyset import Place

_AGENTS = 2_000  # agents whose changes are noted in one transaction
_TAGS = 500  # tags written in one transaction
_SETTLED = timedelta(seconds=20)  # what changed longer ago than this is saved
_ORDER = ("updated_at", "seq")
_Place = tuple[datetime | None, int | None]


def all_changes_noted() -> bool:
    """True if `note_changed` has nothing to do. Reads one row."""
    head = TallyHead.objects.filter(id=1).first()
    return not _changed_since(head, timezone.now() - _SETTLED, 1)


def note_changed() -> bool:
    """Note the last change of the users of 2,000 agents that changed. True if more are left.

    An agent whose change is saved more than 20 seconds after the time that it bears may be noted at
    its next change only.
    """
    # Read outside of the transaction that writes, for which other writers on SQLite wait.
    head = TallyHead.objects.filter(id=1).first()
    agents = _changed_since(head, timezone.now() - _SETTLED, _AGENTS)
    if not agents:
        return False
    at = {agent.seq: agent.updated_at for agent in agents}
    carried = AgentTag.objects.filter(agent_id__in=at, tag__names_user=True)
    changed: dict[int, datetime] = {}
    for tag_id, seq in carried.values_list("tag_id", "agent_id"):
        changed[tag_id] = max(at[seq], changed.get(tag_id, at[seq]))
    _note(changed, after=_place(head), upto=agents[-1])
    return len(agents) == _AGENTS


@write
def _note(changed: Mapping[int, datetime], *, after: _Place, upto: Agent) -> None:
    """Store the last changes of users, unless another worker has stored them meanwhile."""
    TallyHead.objects.bulk_create([TallyHead(id=1)], ignore_conflicts=True)
    if _place(TallyHead.objects.select_for_update().get(id=1)) != after:
        return
    rows = [UserChange(tag_id=tag_id, changed_at=changed[tag_id]) for tag_id in sorted(changed)]
    UserChange.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["tag_id"], update_fields=["changed_at"]
    )
    TallyHead.objects.filter(id=1).update(changed_at=upto.updated_at, changed_seq=upto.seq)


def _place(head: TallyHead | None) -> _Place:
    """How far the changes of agents are noted."""
    return (None, None) if head is None else (head.changed_at, head.changed_seq)


def _changed_since(head: TallyHead | None, upto: datetime, most: int) -> list[Agent]:
    known = head is not None and head.changed_at is not None
    place = Place((head.changed_at, head.changed_seq)) if head and known else Place()
    edge = {"updated_at__lte": upto}
    agents = Agent.objects.only(*_ORDER)
    return keyset.walk(agents if known else agents.filter(**edge), _ORDER, place, most, edge=edge)


@write
def give_sort_keys() -> bool:
    """Compute the place in natural order of 500 tags that lack it. True if more are left.

    The version before this order does not write it.
    """
    # The values are listed because an index begins with this column.
    rows = list(Tag.objects.filter(names_user__in=[False, True], sort_key="")[:_TAGS])
    for tag in rows:
        Tag.objects.filter(id=tag.id, name=tag.name).update(sort_key=natural_key(tag.name))
    return len(rows) == _TAGS
