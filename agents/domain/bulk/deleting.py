"""Batches of bulk changes that delete agents: to the trash, or for good when a user is off-boarded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.core.actors import Actor
from agents.core.errors import NotAllowed
from agents.core.json_text import loads
from agents.domain.agents import trash
from agents.domain.agents.write import bury, lock_to_bury
from agents.domain.bulk.at_sources import require_cleared
from agents.domain.bulk.decide import Outcome
from agents.domain.bulk.source_agents import left_at_sources
from agents.domain.core import permissions, record
from agents.domain.sources.deletion.restore import with_file
from agents.domain.tags.locks import LockedAgent
from agents.domain.tags.write_many import Delta, write_deltas
from agents.models import Act, Agent, BulkOp, BulkPlan, ChangeSet, Tombstone, TrashedAgent

OPS = frozenset({BulkOp.DELETE, BulkOp.OFFBOARD_AGENTS})


@dataclass(slots=True)
class Deleted:
    """How many agents a batch changed, those it left, as in a batch's `left`, and its change-set."""

    changed: int = 0
    left: list[list[Any]] = field(default_factory=list)
    change_set: ChangeSet | None = None


def delete_batch(
    plan: BulkPlan,
    seqs: Sequence[int],
    actor: Actor,
    change_set: ChangeSet | None,
    away: dict[int, str],
) -> Deleted:
    """Delete these agents. When a user is off-boarded, agents of another user too only lose the tag.

    `away` says why agents of sources were not deleted there. The caller has locked the plan. Raises
    RowsChanged.
    """
    agents = _lock(seqs, actor)
    done = Deleted(change_set=change_set)
    for_good = plan.op == BulkOp.OFFBOARD_AGENTS
    buried: set[int] = set()
    if change_set is not None and not for_good:
        mine = Tombstone.objects.filter(seq__in=seqs, change_set_id=change_set.id)
        buried = set(mine.values_list("seq", flat=True))
    done.changed = len(buried)
    for seq in seqs:
        if seq not in agents and seq not in buried:
            done.left.append([seq, Outcome.GONE, "the agent is deleted"])
    tag = loads(plan.remove)[0] if for_good else None
    leaving = []
    for seq, locked in agents.items():
        if tag is not None and _has_other_user(locked, tag):
            continue
        try:
            permissions.check_delete(actor, locked.names)
        except NotAllowed as error:
            done.left.append([seq, Outcome.REFUSED, error.message])
            continue
        if locked.agent.source_id is not None and not for_good:
            done.left += left_at_sources([seq], away)
        else:
            leaving.append(locked)
    if (not leaving and tag is None) or not agents:
        return done
    if for_good:
        require_cleared(plan, leaving)
    done.change_set = change_set or record.open_change_set(
        actor=actor, act=Act.DELETE, reason=plan.reason
    )
    bury(leaving, done.change_set, for_good=for_good)
    staying = [locked for locked in agents.values() if tag is not None and locked not in leaving]
    if tag is not None and staying:
        write_deltas([_without(locked, tag) for locked in staying], done.change_set)
    done.changed += len(leaving) + len(staying)
    return done


def _lock(seqs: Sequence[int], actor: Actor) -> dict[int, LockedAgent]:
    """Lock the agents with all their tags, by seq."""
    ids = set(Agent.objects.filter(seq__in=seqs).values_list("public_id", flat=True))
    return {locked.agent.seq: locked for locked in lock_to_bury(ids, actor).values()}


def _has_other_user(locked: LockedAgent, tag: str) -> bool:
    return any(other.names_user for name, other in locked.carried.items() if name != tag)


def _without(locked: LockedAgent, tag: str) -> Delta:
    return Delta(locked.agent, remove=[locked.locked_tags[tag]], added_at=locked.added_at)


def restore_batch(
    deleted_by: int,
    seqs: Sequence[int],
    actor: Actor,
    change_set: ChangeSet | None,
    away: dict[int, str],
) -> Deleted:
    """Restore the agents of a batch from the trash, unless they left it or their id is in use again.

    `away` says why agents of sources were not restored there.
    """
    done = Deleted(change_set=change_set)
    again = Tombstone.objects.filter(
        seq__in=seqs, change_set_id=deleted_by, restored_as__isnull=False
    )
    renewed = set(again.values_list("seq", flat=True))
    done.changed = len(renewed)
    seqs = [seq for seq in seqs if seq not in renewed]
    rows = TrashedAgent.objects.filter(seq__in=seqs, change_set_id=deleted_by)
    ids = dict(rows.values_list("public_id", "seq"))
    at_sources = with_file(ids)
    done.left += left_at_sources([ids[seq] for seq in sorted(at_sources)], away)
    used = set(Agent.objects.filter(public_id__in=ids).values_list("public_id", flat=True))
    done.left += [[ids[seq], Outcome.KEPT, "an agent with its ID exists again"] for seq in used]
    gone = [seq for seq in seqs if seq not in ids.values()]
    done.left += [[seq, Outcome.GONE, "it is no longer in the trash"] for seq in gone]
    if back := ids.keys() - used - at_sources:
        restored = trash.restore(agent_ids=back, actor=actor, into=change_set)
        done.changed += len(restored.agents)
        done.change_set = restored.change_set
    return done
