"""When agents, users and keys were last used, and what was refused: noted in memory, written later.

No answer waits for such a write, and it may be lost (ade/ops/noted_use.py). It has no part in access.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ade.ops import metrics
from ade.ops.noted_use import NotedCount, NotedUse
from agents.domain.core import key_tokens
from agents.domain.door.callers import Caller
from agents.domain.door.errors import Reason
from agents.models import Agent, AgentUse, ApiKey, KeyRefusal, Tag, TagUse


def note_allowed(caller: Caller, agent_id: str | None) -> None:
    """Note that a request of the caller passed: the use of its key, of the agent and of its user."""
    metrics.DOOR.labels("allowed").inc()
    key_tokens.note_use(caller.key)
    if agent_id is None:
        return
    _agents.note(agent_id)
    for name in caller.key.reach.tags:
        _tags.note(name)


def note_refused(caller: Caller, reason: Reason) -> None:
    """Count a refusal."""
    metrics.DOOR.labels(reason.value).inc()
    _refusals.count(f"{caller.key.id}:{reason.value}")


@transaction.atomic
def _write_agents(used: Mapping[str, float]) -> None:
    at = _moment(used)
    seqs = Agent.objects.filter(public_id__in=used).values_list("seq", flat=True)
    rows = [AgentUse(agent_id=seq, used_at=at) for seq in sorted(seqs)]
    AgentUse.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["agent_id"], update_fields=["used_at"]
    )


@transaction.atomic
def _write_tags(used: Mapping[str, float]) -> None:
    at = _moment(used)
    ids = Tag.objects.filter(name__in=used).values_list("id", flat=True)
    rows = [TagUse(tag_id=tag_id, used_at=at) for tag_id in sorted(ids)]
    TagUse.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["tag_id"], update_fields=["used_at"]
    )


@transaction.atomic
def _write_refusals(counts: Mapping[str, int]) -> None:
    at = timezone.now()
    pairs = {tuple(row.split(":", 1)): number for row, number in sorted(counts.items())}
    known = set(
        ApiKey.objects.filter(id__in=[int(key) for key, _ in pairs]).values_list("id", flat=True)
    )
    for (key, reason), number in pairs.items():
        if int(key) in known:
            rows = KeyRefusal.objects.filter(key_id=int(key), reason=reason)
            if not rows.update(count=F("count") + number, last_at=at):
                KeyRefusal.objects.create(key_id=int(key), reason=reason, count=number, last_at=at)


def _moment(used: Mapping[str, float]) -> datetime:
    return datetime.fromtimestamp(max(used.values()), UTC)


_agents = NotedUse(_write_agents)
_tags = NotedUse(_write_tags)
_refusals = NotedCount(_write_refusals)
