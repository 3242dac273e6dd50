"""The making of a bulk plan: agents are looked at in steps, each decided and written down.

A large plan is made over several transactions and requests: it knows where it goes on. A step whose
place another has taken meanwhile is thrown away, so that whoever works on it, each agent is planned
once.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any
from uuid import UUID

from django.utils import timezone

from agents import listing
from agents.actors import Actor, Kind, Power, Source
from agents.domain.bulkdecide import Decision, Rules, Wish, decide, in_words
from agents.domain.standing import standing
from agents.domain.transactions import write
from agents.filters import AgentFilter, Sort
from agents.jsontext import dumps, loads
from agents.limits import BULK_BATCH
from agents.models import Agent, BulkBatch, BulkOp, BulkPlan, BulkState

SAMPLE = 20  # rows of a plan that are shown
_STEP = 2000  # agents looked at together while planning


@dataclass(frozen=True, slots=True)
class Selection:
    """Which agents: a filter, without some ids. `query` is the address of the list it is from."""

    wanted: AgentFilter
    excluded: tuple[str, ...] = ()
    query: str = ""


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


def wish_of(plan: BulkPlan) -> Wish:
    """What a plan wants of each of its agents, where it wants the same of all."""
    return Wish(tuple(loads(plan.add)), tuple(loads(plan.remove)), plan.op == BulkOp.REPLACE)


def plan_on(plan_id: UUID | str) -> bool:
    """Plan the next agents of a selection. False once the plan is whole, or is not being made.

    Reads outside a transaction: other writers wait for the few rows that are written. Raises
    NotAllowed where who asked for the plan no longer may have it.
    """
    plan = BulkPlan.objects.filter(id=plan_id).first()
    if plan is None or plan.state != BulkState.PLANNING:
        return False
    actor, place = standing(actor_of_plan(plan)), plan.planned_to
    seqs, further = _page(selection_of(plan), actor, place)
    _look(plan, _tally_of(plan), dict.fromkeys(seqs, wish_of(plan)), actor, place, further)
    return further is not None


def fill(plan: BulkPlan, parts: Iterable[Mapping[int, Wish]], actor: Actor) -> BulkPlan:
    """Decide for all agents and write them down in batches; the plan is ready then.

    Not one transaction: of many agents it would hold up all other writers on SQLite.
    """
    tally = Tally()
    for wishes in parts:
        _look(plan, tally, wishes, actor, None, "")
    plan.state = BulkState.PLANNED
    plan.save()
    return plan


def _look(
    plan: BulkPlan,
    tally: Tally,
    wishes: Mapping[int, Wish],
    actor: Actor,
    place: str | None,
    further: str | None,
) -> None:
    """Decide for some agents and write them down behind the others, unless another just did.

    `place` is where the plan stood when they were read, `further` where it goes on: None at its end.
    """
    rules = Rules(wishes.values(), actor)
    rules.read()
    tally.take(decide(wishes, actor=actor, rules=rules))
    uniform = plan.op != BulkOp.ROWS
    items: list[Any] = [*wishes] if uniform else [[k, wish.add] for k, wish in wishes.items()]
    _keep(plan, tally, items, place, further)


@write
def _keep(
    plan: BulkPlan, tally: Tally, items: Sequence[Any], place: str | None, further: str | None
) -> None:
    now = BulkPlan.objects.select_for_update(no_key=True).filter(id=plan.id).first()
    if now is None or now.state != BulkState.PLANNING or now.planned_to != place:
        return
    last = plan.batches.order_by("-number").values_list("number", flat=True).first()
    first = 0 if last is None else last + 1
    batches = [
        BulkBatch(plan=plan, number=first + i, items=dumps(part))
        for i, part in enumerate(_parts(items))
    ]
    BulkBatch.objects.bulk_create(batches)
    plan.matched = tally.counts.total()
    plan.planned, plan.sample = dumps(tally.counts), dumps(tally.sample)
    plan.beat_at = timezone.now()
    if place is not None:
        plan.planned_to = further
        plan.state = BulkState.PLANNED if further is None else BulkState.PLANNING
    fields = ["matched", "planned", "sample", "beat_at", "planned_to", "state"]
    plan.save(update_fields=fields)


def _tally_of(plan: BulkPlan) -> Tally:
    return Tally(Counter(loads(plan.planned)), loads(plan.sample))


def selection_of(plan: BulkPlan) -> Selection:
    """What a plan was made for."""
    wanted: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in loads(plan.wanted).items()
    }
    return Selection(AgentFilter(**wanted), tuple(loads(plan.excluded)), plan.query)


def actor_of_plan(plan: BulkPlan) -> Actor:
    """Who applies it, with the rights of the moment in which they began it; see `standing`."""
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


def walk(selection: Selection, actor: Actor) -> Iterator[list[int]]:
    """The keys of a selection's agents, newest first, some at a time."""
    place: str | None = ""
    while place is not None:
        seqs, place = _page(selection, actor, place)
        yield seqs


def _page(selection: Selection, actor: Actor, place: str | None) -> tuple[list[int], str | None]:
    """Some keys from a place of the list on, and the place after them; None at its end."""
    after = listing.decode(place, Sort.NEWEST) if place else None
    page = listing.page(selection.wanted, actor=actor, size=_STEP, after=after, until_one=True)
    excluded: set[int] = set()
    if selection.excluded:
        left_out = Agent.objects.filter(public_id__in=selection.excluded)
        excluded = set(left_out.values_list("seq", flat=True))
    return [seq for seq in page.seqs if seq not in excluded], page.older
