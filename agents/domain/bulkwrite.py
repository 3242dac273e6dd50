"""Tag changes of many agents in a handful of statements: what bulk changes and their undo share."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F
from django.utils import timezone

from agents.domain import history, tagrows
from agents.domain.history import Entry
from agents.domain.tags import entries_of
from agents.domain.touching import moved_on
from agents.models import Agent, AgentTag, ChangeSet, Tag


@dataclass(slots=True)
class Delta:
    """The tags to put on and to take off one agent, all of them real changes."""

    agent: Agent
    add: list[Tag] = field(default_factory=list)
    remove: list[Tag] = field(default_factory=list)

    @property
    def entries(self) -> list[Entry]:
        """What history says of it."""
        return entries_of(self.agent, self.add, self.remove)


def write_deltas(deltas: Sequence[Delta], change_set: ChangeSet) -> None:
    """Write rows, counters and history. The caller holds the tags and agents and has checked all.

    About ten statements, however many agents: other writers wait no longer than these take.
    """
    _take_off(deltas)
    _put_on(deltas, change_set)
    _move(deltas, timezone.now())
    history.record(change_set, (entry for delta in deltas for entry in delta.entries))


def _take_off(deltas: Iterable[Delta]) -> None:
    seqs: dict[int, list[int]] = defaultdict(list)
    for delta in deltas:
        for tag in delta.remove:
            seqs[tag.id].append(delta.agent.seq)
    for tag_id in sorted(seqs):
        # Not delete(): Django would read the rows first.
        rows = AgentTag.objects.filter(tag_id=tag_id, agent_id__in=seqs[tag_id])
        rows._raw_delete(using=rows.db)
        Tag.objects.filter(id=tag_id).update(n=F("n") - len(seqs[tag_id]))


def _put_on(deltas: Iterable[Delta], change_set: ChangeSet) -> None:
    rows = [
        AgentTag(
            tag_id=tag.id,
            agent_id=delta.agent.seq,
            added_at=change_set.created_at,
            change_set_id=change_set.id,
        )
        for delta in deltas
        for tag in delta.add
    ]
    if rows:
        AgentTag.objects.bulk_create(rows)
        tagrows.raise_counts(Counter(row.tag_id for row in rows), change_set)


def _move(deltas: Iterable[Delta], now: datetime) -> None:
    """Move the agents' counters, versions and times: one statement for all that move alike."""
    alike: dict[tuple[int, int, datetime], list[int]] = defaultdict(list)
    for delta in deltas:
        tags = len(delta.add) - len(delta.remove)
        users = _users(delta.add) - _users(delta.remove)
        at = moved_on(delta.agent.updated_at, now)
        alike[tags, users, at].append(delta.agent.seq)
    for (tags, users, at), seqs in alike.items():
        Agent.objects.filter(seq__in=seqs).update(
            tag_count=F("tag_count") + tags,
            user_tag_count=F("user_tag_count") + users,
            version=F("version") + 1,
            updated_at=at,
        )


def _users(tags: Iterable[Tag]) -> int:
    return sum(tag.names_user for tag in tags)
