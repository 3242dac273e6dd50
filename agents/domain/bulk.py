"""Bulk changes of tags, planned first and then applied by the same rule; see bulkrun for the run.

A plan holds the agents it was made for, in batches. Whoever sees a plan may manage tags; a limited
actor sees its own only. All functions raise NotAllowed for others, NotFound for an unknown plan.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from agents import listing
from agents.actors import Actor, Kind, Power, Source
from agents.domain.bulkdecide import Decision, Outcome, Rules, Wish, decide, in_words
from agents.errors import Conflict, Invalid, NotFound
from agents.filters import AgentFilter, Sort
from agents.jsontext import dumps, loads
from agents.limits import BULK_BATCH, BULK_PICKED, BULK_TAGS, REASON_LENGTH
from agents.models import Agent, BulkBatch, BulkOp, BulkPlan, BulkState
from agents.tagnames import text_problem, unique_legal

SAMPLE = 20  # rows of a plan that are shown
_STEP = 2000  # agents looked at together while planning
_FORGOTTEN = timedelta(days=7)  # after which a plan that nobody applied goes


@dataclass(frozen=True, slots=True)
class Selection:
    """Which agents: a filter, without some ids. `query` is the address of the list it is from."""

    wanted: AgentFilter
    excluded: tuple[str, ...] = ()
    query: str = ""


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What to do to each agent, and why. REPLACE has one tag to remove and one to add."""

    op: BulkOp
    add: Collection[object] = ()
    remove: Collection[object] = ()
    reason: str = ""


@dataclass(slots=True)
class Tally:
    """What a plan comes to: counts by outcome, and the first rows."""

    counts: Counter[str] = field(default_factory=Counter)
    sample: list[dict[str, Any]] = field(default_factory=list)

    def take(self, decisions: Iterable[Decision]) -> None:
        """Count decisions, and keep the first that change something."""
        for one in decisions:
            self.counts[one.outcome] += 1
            if one.delta is not None and len(self.sample) < SAMPLE:
                agent = one.delta.agent
                row = {"id": agent.public_id, "name": agent.name, "words": in_words(one.delta)}
                self.sample.append(row)


def make_plan(*, selection: Selection, change: BulkChange, actor: Actor) -> BulkPlan:
    """Plan a change of all agents of a selection; nothing but the plan is written.

    Raises Invalid (tags, reason, too many exclusions, no agent), NotAllowed.
    """
    actor.require(Power.MANAGE, "change agents in bulk")
    wish = checked(change)
    if len(selection.excluded) > BULK_PICKED:
        raise Invalid(f"At most {BULK_PICKED:,} agents can be left out of a selection.")
    if len(selection.wanted.ids or ()) > BULK_PICKED:
        raise Invalid(f"At most {BULK_PICKED:,} agents can be picked one by one.")
    plan = new_plan(
        actor,
        op=change.op,
        add=dumps(list(wish.add)),
        remove=dumps(list(wish.remove)),
        wanted=dumps(asdict(selection.wanted)),
        query=selection.query,
        excluded=dumps(list(selection.excluded)),
        reason=change.reason,
    )
    return fill(plan, (dict.fromkeys(seqs, wish) for seqs in _walk(selection, actor)), actor)


def new_plan(actor: Actor, **fields: Any) -> BulkPlan:
    """Begin a plan, without agents yet; plans that nobody applied go after a week."""
    now = timezone.now()
    unused = [BulkState.PLANNING, BulkState.PLANNED]
    BulkPlan.objects.filter(state__in=unused, created_at__lt=now - _FORGOTTEN).delete()
    about = {"actor": dumps(_kept(actor)), "actor_id": actor.id, "actor_name": actor.name}
    return BulkPlan.objects.create(created_at=now, **about, **fields)


def fill(plan: BulkPlan, parts: Iterable[Mapping[int, Wish]], actor: Actor) -> BulkPlan:
    """Decide for all agents and write them down in batches; the plan is ready then.

    Not one transaction: of many agents it would hold up all other writers on SQLite.
    """
    tally = Tally()
    uniform = plan.op != BulkOp.ROWS
    number = 0
    for wishes in parts:
        rules = Rules(wishes.values(), actor)
        rules.read()
        tally.take(decide(wishes, actor=actor, rules=rules))
        items: list[Any] = [*wishes] if uniform else [[k, wish.add] for k, wish in wishes.items()]
        batches = [
            BulkBatch(plan=plan, number=number + i, items=dumps(part))
            for i, part in enumerate(_parts(items))
        ]
        BulkBatch.objects.bulk_create(batches)
        number += len(batches)
    plan.matched = tally.counts.total()
    plan.planned, plan.sample = dumps(tally.counts), dumps(tally.sample)
    plan.state = BulkState.PLANNED
    plan.save()
    return plan


def checked(change: BulkChange) -> Wish:
    """The change as a wish, if it is one. Raises Invalid, naming the field."""
    add = unique_legal(change.add, field="add")
    remove = unique_legal(change.remove, field="remove")
    if change.op == BulkOp.ADD and remove:
        raise Invalid("Adding takes no tag off.", field="remove")
    if change.op == BulkOp.REMOVE and add:
        raise Invalid("Removing puts no tag on.", field="add")
    if change.op in (BulkOp.ADD, BulkOp.REPLACE) and not add:
        raise Invalid("Name a tag to put on.", field="add")
    if change.op in (BulkOp.REMOVE, BulkOp.REPLACE) and not remove:
        raise Invalid("Name a tag to take off.", field="remove")
    for name, tags in (("add", add), ("remove", remove)):
        if len(tags) > (1 if change.op == BulkOp.REPLACE else BULK_TAGS):
            most = "One tag" if change.op == BulkOp.REPLACE else f"At most {BULK_TAGS} tags"
            raise Invalid(f"{most} can be changed at once here.", field=name)
    if set(add) & set(remove):
        raise Invalid("A tag cannot be put on and taken off at once.", field="add")
    check_reason(change.reason)
    return Wish(tuple(add), tuple(remove), swap=change.op == BulkOp.REPLACE)


def check_reason(reason: str) -> None:
    """Raise Invalid unless history can keep this reason."""
    if len(reason) > REASON_LENGTH:
        raise Invalid(f"A reason has at most {REASON_LENGTH:,} characters.", field="reason")
    if bad := text_problem(reason):
        raise Invalid(f"The reason {bad}.", field="reason")


def get_plan(plan_id: UUID | str, *, actor: Actor, lock: bool = False) -> BulkPlan:
    """The plan, if it exists for this actor."""
    plans = plans_of(actor).filter(id=plan_id)
    plan = (plans.select_for_update(no_key=True) if lock else plans).first()
    if plan is None:
        raise NotFound("There is no such bulk change.")
    return plan


def plans_of(actor: Actor) -> QuerySet[BulkPlan]:
    """The plans that exist for this actor."""
    actor.require(Power.MANAGE, "change agents in bulk")
    plans = BulkPlan.objects.exclude(state=BulkState.PLANNING)
    return plans if actor.limit is None else plans.filter(actor_id=actor.id)


def plan_of(change_set_id: int) -> BulkPlan | None:
    """The bulk change that made this change-set, if one did: it is undone there, in batches."""
    return BulkPlan.objects.filter(change_set_id=change_set_id).first()


def undos_of(plans: Collection[BulkPlan]) -> dict[int | None, BulkPlan]:
    """By their change-sets, the bulk changes that undo these."""
    sets = [plan.change_set_id for plan in plans if plan.change_set_id is not None]
    return {undo.undoes: undo for undo in BulkPlan.objects.filter(undoes__in=sets)} if sets else {}


def renewed(plan: BulkPlan, *, actor: Actor) -> BulkPlan | None:
    """The plan made anew where other agents match now, with the difference; None if all is the same.

    Raises Conflict where no agent is left.
    """
    if plan.state != BulkState.PLANNED or plan.wanted == "null":
        return None
    selection = selection_of(plan)
    found = (seq for seqs in _walk(selection, actor) for seq in seqs)
    difference = _difference(planned_seqs(plan), found)
    if difference is None:
        return None
    change = BulkChange(BulkOp(plan.op), loads(plan.add), loads(plan.remove), plan.reason)
    new = make_plan(selection=selection, change=change, actor=actor)
    new.difference = dumps(difference)
    new.save(update_fields=["difference"])
    return new


def selection_of(plan: BulkPlan) -> Selection:
    """What a plan was made for."""
    wanted: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in loads(plan.wanted).items()
    }
    return Selection(AgentFilter(**wanted), tuple(loads(plan.excluded)), plan.query)


def planned_seqs(plan: BulkPlan) -> Iterator[int]:
    """The keys of a plan's agents, in its order, a few batches in memory at a time."""
    batches = plan.batches.order_by("number").values_list("items", flat=True)
    for items in batches.iterator(chunk_size=20):
        for item in loads(items):
            yield item if isinstance(item, int) else item[0]


def actor_of_plan(plan: BulkPlan) -> Actor:
    """Who applies it, with the rights of the moment in which they began it."""
    kept = loads(plan.actor)
    powers = frozenset(Power(power) for power in kept["powers"])
    return Actor(
        Kind(kept["kind"]),
        kept["id"],
        kept["name"],
        Source.BULK,
        powers,
        kept["limit"],
        tuple(kept["may_tag"]),
    )


def keep_actor(plan: BulkPlan, actor: Actor) -> None:
    """Note who applies the plan; the caller saves it."""
    plan.actor, plan.actor_id, plan.actor_name = dumps(_kept(actor)), actor.id, actor.name


def _kept(actor: Actor) -> dict[str, Any]:
    kept = asdict(replace(actor, source=Source.BULK, wrote_at=None))
    return kept | {"powers": sorted(actor.powers), "may_tag": list(actor.may_tag)}


def _parts(items: Sequence[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(islice(rest, BULK_BATCH)):
        yield part


def _walk(selection: Selection, actor: Actor) -> Iterator[list[int]]:
    """The keys of a selection's agents, newest first, some at a time."""
    left_out = Agent.objects.filter(public_id__in=selection.excluded)
    excluded = set(left_out.values_list("seq", flat=True)) if selection.excluded else set()
    after = None
    while True:
        page = listing.page(selection.wanted, actor=actor, size=_STEP, after=after, until_one=True)
        if seqs := [seq for seq in page.seqs if seq not in excluded]:
            yield seqs
        if page.older is None:
            return
        after = listing.decode(page.older, Sort.NEWEST)


def _difference(before: Iterator[int], now: Iterator[int]) -> dict[str, int] | None:
    """How many keys came and went; both in falling order, walked side by side."""
    came = went = 0
    old, new = next(before, None), next(now, None)
    while old is not None or new is not None:
        if old == new:
            old, new = next(before, None), next(now, None)
        elif new is None or (old is not None and old > new):
            went, old = went + 1, next(before, None)
        else:
            came, new = came + 1, next(now, None)
    return {"came": came, "went": went} if came or went else None


def require_agents(plan: BulkPlan) -> None:
    """Raise Conflict where a plan has nothing to do."""
    if not loads(plan.planned).get(Outcome.CHANGE):
        raise Conflict("This plan changes no agent.")
