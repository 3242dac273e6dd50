"""Mark agents of a source as behind: their tags changed here and the source has not got them yet.

The mark is set in the transaction of the change. What is to be sent is computed when it is sent, so a mark
says only that there is something to look at. Agents that are kept here cost no statement.
"""

from collections import Counter
from collections.abc import Collection

from django.db import connection
from django.db.models import Case, F, PositiveSmallIntegerField, Value, When
from django.db.models.functions import Coalesce

from agents.core.actors import Source
from agents.models import Agent, AgentSource, ChangeSet, SourcedAgent, SourceMarking, Tag

ONE, MANY = 0, 1  # ranks: edits of one agent are sent before changes of many

_MARK_DELTA = (
    "UPDATE agents_sourcedagent SET behind_since = COALESCE(behind_since, %s), behind_by = %s,"
    " behind_rank = CASE WHEN behind_since IS NULL THEN 1 ELSE behind_rank END"
    " WHERE agent_id IN (SELECT agent_id FROM tag_delta)"
)
_COUNT_DELTA = (
    "SELECT source_id, count(*) FROM agents_sourcedagent"
    " WHERE agent_id IN (SELECT agent_id FROM tag_delta) GROUP BY source_id"
)


def mark_one(agent: Agent, change_set: ChangeSet) -> None:
    """Mark a locked agent whose tags this change-set has changed."""
    if agent.source_id is None or _is_seen(change_set):
        return
    SourcedAgent.objects.filter(agent_id=agent.seq).update(
        behind_since=Coalesce(F("behind_since"), Value(change_set.created_at)),
        behind_rank=ONE,
        behind_by=None,
    )


def mark_many(agents: Collection[Agent], change_set: ChangeSet) -> None:
    """Mark locked agents whose tags this change-set has changed, as part of a larger change."""
    sourced = [agent for agent in agents if agent.source_id is not None]
    if not sourced or _is_seen(change_set):
        return
    if len(agents) == 1:
        mark_one(sourced[0], change_set)
        return
    SourcedAgent.objects.filter(agent_id__in=[agent.seq for agent in sourced]).update(
        behind_rank=Case(
            When(behind_since=None, then=Value(MANY)),
            default=F("behind_rank"),
            output_field=PositiveSmallIntegerField(),
        ),
        behind_since=Coalesce(F("behind_since"), Value(change_set.created_at)),
        behind_by=change_set.id,
    )
    _note(Counter(agent.source_id for agent in sourced if agent.source_id), change_set)


def mark_delta(change_set: ChangeSet) -> None:
    """Mark the agents of the temporary table of `write_all`."""
    if not AgentSource.objects.exists():
        return
    moment = connection.ops.adapt_datetimefield_value(change_set.created_at)
    with connection.cursor() as cursor:
        cursor.execute(_MARK_DELTA, [moment, change_set.id])
        cursor.execute(_COUNT_DELTA)
        counts = Counter(dict(cursor.fetchall()))
    _note(counts, change_set)


def mark_renamed(tag: Tag, change_set: ChangeSet) -> None:
    """Have the worker mark all agents that carry a renamed tag."""
    for source_id in AgentSource.objects.values_list("id", flat=True):
        SourceMarking.objects.create(
            source_id=source_id,
            change_set_id=change_set.id,
            tag_id=tag.id,
            created_at=change_set.created_at,
        )


def _is_seen(change_set: ChangeSet) -> bool:
    """True for what ADE saw at the source: the sync itself says what is still to be sent."""
    return change_set.source == Source.SEEN


def _note(agents: Counter[int], change_set: ChangeSet) -> None:
    """Count agents that a change of many has marked, for its progress."""
    for source_id, number in agents.items():
        marking, _ = SourceMarking.objects.get_or_create(
            source_id=source_id,
            change_set_id=change_set.id,
            defaults={"created_at": change_set.created_at},
        )
        SourceMarking.objects.filter(id=marking.id).update(agents=F("agents") + number)
