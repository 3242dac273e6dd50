"""Change the tags of many agents in about ten statements, for bulk changes and their undo."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F
from django.utils import timezone

from agents.domain.core import record
from agents.domain.core.record import Entry
from agents.domain.core.versions import next_updated_at
from agents.domain.tags import behind, tag_rows
from agents.domain.tags.edit import tag_entries
from agents.models import Agent, AgentTag, ChangeSet, Tag


@dataclass(slots=True)
class Delta:
    """The tags to add to and remove from one agent. All of them are real changes."""

    agent: Agent
    add: list[Tag] = field(default_factory=list)
    remove: list[Tag] = field(default_factory=list)
    # When each tag to remove was added, by its id.
    added_at: Mapping[int, datetime] = field(default_factory=dict)

    @property
    def entries(self) -> list[Entry]:
        """The history of this change."""
        return tag_entries(self.agent, self.add, self.remove, self.added_at)


def write_deltas(deltas: Sequence[Delta], change_set: ChangeSet) -> None:
    """Write rows, counters and history. The caller has locked tags and agents and checked the changes.

    It takes about ten statements, however many agents, so other writers wait only briefly.
    """
    at = (
        timezone.now()
    )  # not the time of the change-set: a bulk change may have started an hour ago
    _remove(deltas)
    _add(deltas, change_set, at)
    _update_agents(deltas, at)
    behind.mark_many([delta.agent for delta in deltas], change_set)
    record.record(change_set, (entry for delta in deltas for entry in delta.entries), at=at)


def _remove(deltas: Iterable[Delta]) -> None:
    seqs: dict[int, list[int]] = defaultdict(list)
    for delta in deltas:
        for tag in delta.remove:
            seqs[tag.id].append(delta.agent.seq)
    for tag_id in sorted(seqs):
        # Not delete(): Django would first read the rows.
        rows = AgentTag.objects.filter(tag_id=tag_id, agent_id__in=seqs[tag_id])
        rows._raw_delete(using=rows.db)
        Tag.objects.filter(id=tag_id).update(n=F("n") - len(seqs[tag_id]))


def _add(deltas: Iterable[Delta], change_set: ChangeSet, at: datetime) -> None:
    pairs = [(tag.id, delta.agent.seq) for delta in deltas for tag in delta.add]
    if pairs:
        tag_rows.put_on(pairs, change_set, at)
        tag_rows.raise_counts(Counter(tag_id for tag_id, _ in pairs), change_set, at)


def _update_agents(deltas: Iterable[Delta], now: datetime) -> None:
    """Update the agents' counters, versions and times, one statement for all with the same change."""
    alike: dict[tuple[int, int, datetime], list[int]] = defaultdict(list)
    for delta in deltas:
        tags = len(delta.add) - len(delta.remove)
        users = _users(delta.add) - _users(delta.remove)
        at = next_updated_at(delta.agent.updated_at, now)
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
