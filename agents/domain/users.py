"""What is done for a user of the application as a whole: agents assigned, and the end of it."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agents.actors import Actor, Power
from agents.domain import history, keys, merge, plans, tagrows, wide
from agents.domain.agents import bury
from agents.domain.bulkwrite import Delta, write_deltas
from agents.domain.directory import TagResult, rename_tag
from agents.domain.holds import Held, hold_all
from agents.domain.plans import Kind, TagPlan
from agents.domain.transactions import Moved, write
from agents.errors import Invalid
from agents.limits import ASSIGNED_AT_ONCE, OFFBOARD_DELETES
from agents.models import Act, Agent, AgentTag, ChangeSet, Op, Tag
from agents.tagnames import require_legal, shown, text_problem


class How(StrEnum):
    """What an off-boarding does with the user's agents."""

    TAG = "tag"  # the tag is taken off
    AGENTS = "agents"  # those that are nobody else's are deleted


@dataclass(frozen=True, slots=True)
class OffboardPlan:
    """The impact: of the agents, `deleted` go and `shared` have another user and only lose the tag."""

    how: How
    plan: TagPlan
    deleted: int
    shared: int

    @property
    def fingerprint(self) -> str:
        return f"{self.how}:{self.deleted}:{self.shared}:{self.plan.fingerprint}"


@dataclass(frozen=True, slots=True)
class Offboarded:
    """What an off-boarding came to; its receipt are the changes of the change-set."""

    change_set: ChangeSet
    plan: OffboardPlan


class OffboardChanged(plans.PlanChanged):
    """What the plan said is no longer so; `offboard` is the new one."""

    def __init__(self, offboard: OffboardPlan) -> None:
        super().__init__(offboard.plan)
        self.offboard = offboard


def plan_offboard(*, name: str, how: How, actor: Actor) -> OffboardPlan:
    """What off-boarding a user would come to. Raises NotFound, NotAllowed, Invalid (too many to
    delete at once)."""
    plan = plans.plan_delete(name=name, actor=actor)
    return _plan(plan, how)


def _plan(plan: TagPlan, how: How) -> OffboardPlan:
    if how is How.TAG:
        return OffboardPlan(how, plan, 0, plan.agents)
    if plan.agents > OFFBOARD_DELETES:
        raise Invalid(
            f"{plan.agents:,} agents carry {shown(plan.tag.name)}, and {OFFBOARD_DELETES:,} can be "
            "deleted in one go: take the tag off instead.",
            field="how",
        )
    users = int(plan.tag.names_user)
    shared = AgentTag.objects.filter(tag=plan.tag, agent__user_tag_count__gt=users).count()
    return OffboardPlan(how, plan, plan.agents - shared, shared)


@write
def offboard(
    *, name: str, how: How, actor: Actor, fingerprint: str | None = None, reason: str = ""
) -> Offboarded:
    """End a user: no agent carries the tag afterwards, and no key limited to it works.

    One change-set, which tells what happened to each agent. Deleting is final. Raises NotFound,
    NotAllowed, Invalid, OffboardChanged.
    """
    plan = plan_offboard(name=name, how=how, actor=actor)
    if how is How.TAG:
        _require_same(plan, fingerprint)
        done = merge.delete_tag(name=name, actor=actor, reason=reason, act=Act.OFFBOARD)
        return Offboarded(_recorded(done), _plan(done.plan, how))
    held, tag = _hold_agents(plan.plan.tag, actor)
    plan = _plan(plans.delete_of(tag), how)
    _require_same(plan, fingerprint)
    change_set = history.open_change_set(actor=actor, act=Act.OFFBOARD, reason=reason)
    history.record(change_set, [merge.end_entry(Op.DELETE, tag, None)])
    keys.disable_limited_to(tag=name, actor=actor)
    for one in held:
        if not any(other.names_user for other in one.carried.values() if other.id != tag.id):
            bury(one, change_set)
    merge.empty(tag, None, change_set)
    change_set.agent_count = len(held)
    change_set.save(update_fields=["agent_count"])
    return Offboarded(change_set, plan)


def _recorded(done: TagResult) -> ChangeSet:
    assert done.change_set is not None  # noqa: S101  # a deletion is always recorded
    return done.change_set


def _require_same(plan: OffboardPlan, fingerprint: str | None) -> None:
    if fingerprint is not None and fingerprint != plan.fingerprint:
        raise OffboardChanged(plan)


def _hold_agents(tag: Tag, actor: Actor) -> tuple[list[Held], Tag]:
    """Lock the tag, all other tags of its agents, and these agents."""
    carriers = AgentTag.objects.filter(tag=tag)
    ids = set(Agent.objects.filter(agenttag__tag=tag).values_list("public_id", flat=True))
    others = AgentTag.objects.filter(agent_id__in=carriers.values("agent_id"))
    names = set(others.values_list("tag__name", flat=True).distinct()) | {tag.name}
    held = hold_all(ids, actor=actor, also=names)
    locked = next((one.known for one in held.values()), None)
    if locked is None:  # no agent carried it when they were looked up
        locked = tagrows.lock([tag.name])
    if any(not one.known.keys() >= one.carried.keys() for one in held.values()):
        raise Moved
    if tag.name not in locked or locked[tag.name].n != len(held):
        raise Moved
    return list(held.values()), locked[tag.name]


def plan_move(*, name: str, to: str, actor: Actor) -> TagPlan:
    """What giving all agents of a user to another would come to: a merge of the two tags, or a
    rename where there is no such tag yet. Raises NotFound, NotAllowed, Invalid."""
    plans.require_manager(actor, "move agents to another user")
    require_legal(to, field="to")
    if name == to:
        raise Invalid("They are that user's already.", field="to")
    if Tag.objects.filter(name=to).exists():
        return plans.plan_merge(source=name, target=to, actor=actor)
    return plans.plan_rename(old=name, new=to, actor=actor)


@write
def move(
    *, name: str, to: str, actor: Actor, fingerprint: str | None = None, reason: str = ""
) -> TagResult:
    """Give all agents of a user to another, keys and saved views with them: one change-set.

    Raises NotFound, NotAllowed (API keys would see more: for an admin), Invalid, PlanChanged.
    """
    how: dict[str, Any] = {"actor": actor, "fingerprint": fingerprint, "reason": reason}
    if plan_move(name=name, to=to, actor=actor).kind is Kind.MERGE:
        return merge.merge_tags(source=name, target=to, **how)
    return rename_tag(old=name, new=to, **how)


@write
def assign(
    *, name: str, agent_ids: Collection[str], actor: Actor, reason: str = ""
) -> ChangeSet | None:
    """Put a tag on agents that there are: all or none. None where all carry it already.

    Raises Invalid (an illegal tag, too many, an id that is no agent's), NotAllowed.
    """
    actor.require(Power.WRITE, "change tags")
    require_legal(name, field="name")
    if len(agent_ids) > ASSIGNED_AT_ONCE:
        raise Invalid(
            f"{len(agent_ids):,} agents at once; the limit is {ASSIGNED_AT_ONCE:,}.", field="agents"
        )
    legal = [one for one in agent_ids if not text_problem(one)]
    held = hold_all(legal, actor=actor, make=[name])
    unknown = [one for one in agent_ids if one not in held]
    if unknown:
        first = ", ".join(shown(one) for one in unknown[:3])
        rest = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise Invalid(f"There is no agent with ID {first}{rest}.", field="agents")
    deltas = []
    for one in held.values():
        add, _ = one.delta([name], [])
        if add:
            deltas.append(Delta(one.agent, add=add))
    if not deltas:
        return None
    change_set = history.open_change_set(actor=actor, act=Act.TAGS, reason=reason)
    write_deltas(deltas, change_set)
    return change_set


def count_together(tag: Tag) -> int:
    """How many of its agents carry a second tag that names a user."""
    return wide.one(
        "SELECT count(*) FROM agents_agenttag r JOIN agents_agent a ON a.seq = r.agent_id"
        " WHERE r.tag_id = %s AND a.user_tag_count > 1",
        [tag.id],
    )
