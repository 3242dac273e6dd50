"""Plan and begin the off-boarding of a user."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import Invalid
from agents.domain import users
from agents.domain.bulk import whole_tag
from agents.domain.core.access_spans import note_tokens_ended
from agents.domain.core.transactions import write
from agents.domain.directory.plans import TagPlan
from agents.domain.offboarding.inventory import Asked, Part, Thing, parts, small_things, tokens_of
from agents.domain.users import OffboardMode, OffboardPlan
from agents.models import AccessToken, Agent, BulkPlan, Offboarding, OffboardingItem

WATCHED = timedelta(days=30)  # ADE shows agents that come back with the tag for this long


@dataclass(frozen=True, slots=True)
class Plan:
    """What an off-boarding would do. `move` is set if the agents go to another user, else `offboard`."""

    how: OffboardMode
    to: str | None
    parts: list[Part]
    tag_plan: TagPlan
    offboard: OffboardPlan | None
    # Some agents run at sources and are to be deleted there first.
    at_sources: bool = False

    @property
    def fingerprint(self) -> str:
        """Changes when the plan's effects change."""
        return self.tag_plan.fingerprint if self.offboard is None else self.offboard.fingerprint

    @property
    def is_job(self) -> bool:
        """True if the worker does it in batches."""
        if self.offboard is None:
            return self.tag_plan.is_job
        return self.offboard.is_job or self.at_sources


@dataclass(frozen=True, slots=True)
class Begun:
    """A begun off-boarding. `job` is the bulk change that the worker must run, if there is one."""

    offboarding: Offboarding
    job: BulkPlan | None


def make_plan(
    *,
    name: str,
    how: OffboardMode,
    actor: Actor,
    to: str | None = None,
    with_parts: bool = True,
) -> Plan:
    """Plan an off-boarding. The parts are for people and take the longest. Raises NotFound, NotAllowed, Invalid (whom to move the agents to)."""
    if how is not OffboardMode.MOVE:
        plan = users.plan_offboard(name=name, how=how, actor=actor)
        agents = Agent.objects.filter(agenttag__tag=plan.plan.tag, source__isnull=False)
        there = how is OffboardMode.AGENTS and agents.exists()
        listed = parts(Asked(plan.plan.tag, how)) if with_parts else []
        return Plan(how, None, listed, plan.plan, plan, there)
    actor.require_sign_in("off-board a user")
    if not to:
        raise Invalid("Enter the user who gets the agents.", field="to")
    moved = users.plan_move(name=name, to=to, actor=actor)
    listed = parts(Asked(moved.tag, how)) if with_parts else []
    return Plan(how, to, listed, moved, None)


@write
def begin(
    *,
    name: str,
    how: OffboardMode,
    actor: Actor,
    to: str | None = None,
    fingerprint: str | None = None,
    reason: str = "",
) -> Begun:
    """Begin an off-boarding: end keys and limits, and let the agents go, at once or by a bulk change.

    `receipt` then lists what happened and reads it back. Raises as `make_plan`, OffboardChanged,
    PlanChanged.
    """
    plan = make_plan(name=name, how=how, actor=actor, to=to, with_parts=False)
    now = timezone.now()
    row = Offboarding.objects.create(
        name=name,
        how=how,
        moved_to=to,
        actor_id=actor.id,
        actor_name=actor.name,
        reason=reason,
        created_at=now,
        watched_until=now + WATCHED,
    )
    add_items(row, list(small_things(Asked(plan.tag_plan.tag, how))))
    tokens = tokens_of(plan.tag_plan.tag)
    note_tokens_ended([str(token.token_id) for token in tokens])
    AccessToken.objects.filter(pk__in=[token.pk for token in tokens]).delete()
    job = None
    if plan.offboard is None:
        job = _move(row, plan, actor, fingerprint, reason)
    elif plan.is_job:
        job = whole_tag.begin_offboard(
            name=name, how=how, actor=actor, fingerprint=fingerprint, reason=reason
        )
    else:
        done = users.offboard(
            name=name, how=how, actor=actor, fingerprint=fingerprint, reason=reason
        )
        row.change_set_id = done.change_set.id
    if job is not None:
        row.plan_id, row.change_set_id = job.id, job.change_set_id
    row.save(update_fields=["plan_id", "change_set_id"])
    return Begun(row, job)


def _move(
    row: Offboarding, plan: Plan, actor: Actor, fingerprint: str | None, reason: str
) -> BulkPlan | None:
    to = str(plan.to)
    if plan.is_job:
        return whole_tag.begin_merge(
            source=row.name, target=to, actor=actor, fingerprint=fingerprint, reason=reason
        )
    done = users.move(name=row.name, to=to, actor=actor, fingerprint=fingerprint, reason=reason)
    row.change_set_id = None if done.change_set is None else done.change_set.id
    return None


def add_items(row: Offboarding, things: list[Thing]) -> None:
    """Add things to an off-boarding that it does not have yet."""
    OffboardingItem.objects.bulk_create(
        (
            OffboardingItem(
                offboarding=row,
                kind=thing.kind,
                public_id=thing.public_id,
                label=thing.label,
                place=thing.place,
                action=thing.action,
            )
            for thing in things
        ),
        ignore_conflicts=True,
    )
