"""Assign, move and off-board the agents of a user of the application."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agents.core.actors import Actor, Power
from agents.core.errors import Invalid, LimitExceeded
from agents.core.limits import ASSIGNED_AT_ONCE, OFFBOARD_DELETES
from agents.core.tag_text import require_legal, shown, text_problem
from agents.domain.agents import trash
from agents.domain.agents.write import bury
from agents.domain.core import permissions, record
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.directory import merge, plans
from agents.domain.directory.plans import TagOperation, TagPlan
from agents.domain.directory.rename import TagResult, rename_tag
from agents.domain.tags import tag_rows, write_all
from agents.domain.tags.locks import LockedAgent, lock_agents
from agents.domain.tags.write_many import Delta, write_deltas
from agents.models import Act, Agent, AgentTag, ChangeSet, Op, Tag


class OffboardMode(StrEnum):
    """What off-boarding does with the user's agents."""

    TAG = "tag"  # remove the tag
    AGENTS = "agents"  # delete the agents that have no other user
    MOVE = "move"  # give the agents to another user


@dataclass(frozen=True, slots=True)
class OffboardPlan:
    """The effects: `deleted` agents are deleted; `shared` agents have another user and lose only the tag."""

    how: OffboardMode
    plan: TagPlan
    deleted: int
    shared: int

    @property
    def is_job(self) -> bool:
        """True if the worker does it in batches."""
        if self.how is OffboardMode.AGENTS:
            return self.plan.agents > OFFBOARD_DELETES
        return self.plan.is_job

    @property
    def fingerprint(self) -> str:
        return f"{self.how}:{self.deleted}:{self.shared}:{self.plan.fingerprint}"


@dataclass(frozen=True, slots=True)
class Offboarded:
    """The result of an off-boarding. The change-set lists what happened to each agent."""

    change_set: ChangeSet
    plan: OffboardPlan


class OffboardChanged(plans.PlanChanged):
    """The plan is out of date. `offboard` is the new one."""

    def __init__(self, offboard: OffboardPlan) -> None:
        super().__init__(offboard.plan)
        self.offboard = offboard


def plan_offboard(*, name: str, how: OffboardMode, actor: Actor) -> OffboardPlan:
    """Plan the off-boarding of a user whose agents stay or go. Raises NotFound, NotAllowed."""
    actor.require_sign_in("off-board a user")
    plan = plans.plan_delete(name=name, actor=actor)
    return offboard_plan_of(plan, how)


def offboard_plan_of(plan: TagPlan, how: OffboardMode) -> OffboardPlan:
    """The effects of ending a tag on its agents. The tag is locked, or the plan is only shown."""
    if how is OffboardMode.TAG:
        return OffboardPlan(how, plan, 0, plan.agents)
    users = int(plan.tag.names_user)
    shared = AgentTag.objects.filter(tag=plan.tag, agent__user_tag_count__gt=users).count()
    return OffboardPlan(how, plan, plan.agents - shared, shared)


@write
def offboard(
    *, name: str, how: OffboardMode, actor: Actor, fingerprint: str | None = None, reason: str = ""
) -> Offboarded:
    """Off-board a user: remove the tag from all agents, and disable the keys limited to it.

    This is one change-set with what happened to each agent. Deleted agents cannot be restored. Raises
    NotFound, NotAllowed, Invalid, OffboardChanged.
    """
    plan = plan_offboard(name=name, how=how, actor=actor)
    if how is OffboardMode.TAG:
        _require_same(plan, fingerprint)
        done = merge.delete_tag(name=name, actor=actor, reason=reason, act=Act.OFFBOARD)
        return Offboarded(_recorded(done), offboard_plan_of(done.plan, how))
    agents, tag = _lock_agents(plan.plan.tag, actor)
    plan = offboard_plan_of(plans.delete_of(tag), how)
    _require_same(plan, fingerprint)
    change_set = record.open_change_set(actor=actor, act=Act.OFFBOARD, reason=reason)
    record.record(change_set, [merge.end_entry(Op.DELETE, tag, None)])
    leaving = [
        locked
        for locked in agents
        if not any(other.names_user for other in locked.carried.values() if other.id != tag.id)
    ]
    bury(leaving, change_set, for_good=True)
    trash.purge_user(tag.name)
    merge.empty(tag, None, change_set)
    merge.lose(tag, change_set, actor)
    change_set.agent_count = len(agents)
    change_set.save(update_fields=["agent_count"])
    return Offboarded(change_set, plan)


def _recorded(done: TagResult) -> ChangeSet:
    assert done.change_set is not None  # noqa: S101  # a deletion is always recorded
    return done.change_set


def _require_same(plan: OffboardPlan, fingerprint: str | None) -> None:
    if fingerprint is not None and fingerprint != plan.fingerprint:
        raise OffboardChanged(plan)


def _lock_agents(tag: Tag, actor: Actor) -> tuple[list[LockedAgent], Tag]:
    """Lock the tag, the other tags of its agents, and the agents."""
    carriers = AgentTag.objects.filter(tag=tag)
    ids = set(Agent.objects.filter(agenttag__tag=tag).values_list("public_id", flat=True))
    others = AgentTag.objects.filter(agent_id__in=carriers.values("agent_id"))
    names = set(others.values_list("tag__name", flat=True).distinct()) | {tag.name}
    agents = list(lock_agents(ids, actor=actor, existing=names).values())
    # Without agents, no tag was locked with them.
    tags = agents[0].locked_tags if agents else tag_rows.lock([tag.name])
    if any(not agent.locked_tags.keys() >= agent.carried.keys() for agent in agents):
        raise RowsChanged
    if tag.name not in tags or tags[tag.name].n != len(agents):
        raise RowsChanged
    return agents, tags[tag.name]


def plan_move(*, name: str, to: str, actor: Actor) -> TagPlan:
    """Plan moving all agents of a user to another user: a merge, or a rename if the tag is new.

    Raises NotFound, NotAllowed, Invalid.
    """
    plans.require_manager(actor, "move agents to another user")
    require_legal(to, field="to")
    if name == to:
        raise Invalid("The agents already belong to this user. Enter another one.", field="to")
    if Tag.objects.filter(name=to).exists():
        return plans.plan_merge(source=name, target=to, actor=actor)
    return plans.plan_rename(old=name, new=to, actor=actor)


@write
def move(
    *, name: str, to: str, actor: Actor, fingerprint: str | None = None, reason: str = ""
) -> TagResult:
    """Move all agents, keys and saved views of a user to another user, as one change-set.

    Raises NotFound, NotAllowed (API keys would gain access, so an admin must do it), Invalid,
    PlanChanged.
    """
    how: dict[str, Any] = {"actor": actor, "fingerprint": fingerprint, "reason": reason}
    if plan_move(name=name, to=to, actor=actor).kind is TagOperation.MERGE:
        return merge.merge_tags(source=name, target=to, **how)
    return rename_tag(old=name, new=to, **how)


@write
def assign(
    *, name: str, agent_ids: Collection[str], actor: Actor, reason: str = ""
) -> ChangeSet | None:
    """Add a tag to existing agents: all or none. Return None if all of them already carry it.

    Raises Invalid (an illegal tag, too many agents, an unknown id), NotAllowed.
    """
    actor.require(Power.WRITE, "change tags")
    require_legal(name, field="name")
    if len(agent_ids) > ASSIGNED_AT_ONCE:
        raise LimitExceeded(
            f"The request names {len(agent_ids):,} agents; the limit is {ASSIGNED_AT_ONCE:,}.",
            field="agents",
        )
    permissions.check_new_limited(actor, [name])
    legal = [agent_id for agent_id in agent_ids if not text_problem(agent_id)]
    agents = lock_agents(legal, actor=actor, create=[name])
    unknown = [agent_id for agent_id in agent_ids if agent_id not in agents]
    if unknown:
        first = ", ".join(shown(agent_id) for agent_id in unknown[:3])
        rest = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise Invalid(f"There is no agent with ID {first}{rest}.", field="agents")
    deltas = []
    for locked in agents.values():
        add, _ = locked.delta([name], [])
        if add:
            deltas.append(Delta(locked.agent, add=add))
    if not deltas:
        return None
    change_set = record.open_change_set(actor=actor, act=Act.TAGS, reason=reason)
    write_deltas(deltas, change_set)
    return change_set


def count_with_other_user(tag: Tag) -> int:
    """Count the tag's agents that carry another user tag too."""
    return write_all.count(
        "SELECT count(*) FROM agents_agenttag r JOIN agents_agent a ON a.seq = r.agent_id"
        " WHERE r.tag_id = %s AND a.user_tag_count > 1",
        [tag.id],
    )
