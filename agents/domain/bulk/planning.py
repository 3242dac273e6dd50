"""Fill a bulk plan in steps: read some agents, decide for each, and store the decisions.

A large plan takes several transactions and requests, so it stores how far it got. If another worker
has planned the same step in the meantime, the step is dropped: each agent is planned once.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from agents.core.actors import Actor, ActorKind, Power, Source
from agents.core.errors import Conflict
from agents.core.filters import AgentFilter, Sort
from agents.core.json_text import dumps, loads
from agents.core.limits import BULK_BATCH, BULK_BATCH_DELETES, BULK_BATCH_PAIRS
from agents.core.reach import key_columns, of_columns
from agents.domain.bulk.decide import TagRules, Wish, decide
from agents.domain.bulk.rights import with_current_rights
from agents.domain.bulk.tally import Tally, tags_of
from agents.domain.core.transactions import write
from agents.models import FILE_OPS, Agent, BulkBatch, BulkOp, BulkPlan, BulkState, Owners
from agents.queries import agents

_SWAPS = (BulkOp.REPLACE, BulkOp.MERGE)  # only agents that carry the tag change
_STEP = 2000  # agents planned in one step


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter of agents, without some ids. `query` is the query string of the list it came from."""

    wanted: AgentFilter
    excluded: tuple[str, ...] = ()
    query: str = ""


def wish_of(plan: BulkPlan) -> Wish:
    """Return the change of a plan that changes all its agents in the same way."""
    if plan.op == BulkOp.MODEL:
        return Wish(model=loads(plan.add)[0])
    if plan.op == BulkOp.DELETE:
        return Wish(deletes=True)
    return Wish(
        tuple(loads(plan.add)),
        tuple(loads(plan.remove)),
        plan.op in _SWAPS,
        owners_of(plan),
        plan.op == BulkOp.MOVE,
    )


def owners_of(plan: BulkPlan) -> Owners | None:
    """Return what was decided about agents that get a second owner, if anything."""
    return None if plan.owners is None else Owners(plan.owners)


def plan_next(plan_id: UUID | str) -> bool:
    """Plan the next agents of a selection. False if the plan is complete or not being made.

    Reads outside a transaction, so other writers wait only while the few rows are written. Raises
    NotAllowed if the plan's actor lost its rights.
    """
    plan = BulkPlan.objects.filter(id=plan_id).first()
    if plan is None or plan.state != BulkState.PLANNING or plan.op in FILE_OPS:
        return False
    actor, place = with_current_rights(actor_of_plan(plan)), plan.planned_to
    seqs, further = _page(selection_of(plan), actor, place)
    wishes = dict.fromkeys(seqs, wish_of(plan))
    _plan_agents(plan, _tally_of(plan), wishes, actor, place, further)
    return further is not None


def plan_all(plan: BulkPlan, chunks: Iterable[Mapping[int, Wish]], actor: Actor) -> BulkPlan:
    """Plan all agents, chunk by chunk, and return the finished plan.

    Takes several transactions: one of many agents would block all other writers on SQLite. The plan
    was made with `planned_to` "". Raises Conflict if it was stopped in the meantime.
    """
    tally = Tally()
    for wishes in chunks:
        _plan_agents(plan, tally, wishes, actor, "", "")
    return _finish(plan)


@write
def _finish(plan: BulkPlan) -> BulkPlan:
    now = BulkPlan.objects.select_for_update(no_key=True).filter(id=plan.id).first()
    if now is None or now.state != BulkState.PLANNING:
        raise Conflict("Planning was stopped before it was complete. Send the file again.")
    now.state, now.planned_to = BulkState.PLANNED, None
    now.save(update_fields=["state", "planned_to"])
    return now


def _plan_agents(
    plan: BulkPlan,
    tally: Tally,
    wishes: Mapping[int, Wish],
    actor: Actor,
    place: str | None,
    further: str | None,
) -> None:
    """Decide for some agents and append them to the plan, unless another worker just did.

    `place` is how far the plan was when they were read, `further` how far it is now: None at its end.
    """
    rules = TagRules(wishes.values(), actor)
    rules.read_carried(wishes)
    rules.read()
    tally.take(decide(wishes, actor=actor, rules=rules), wishes)
    items: list[Any] = [*wishes]
    if plan.op in FILE_OPS:
        items = [[seq, wish.add or wish.remove] for seq, wish in wishes.items()]
    _append(plan, tally, items, place, further)


@write
def _append(
    plan: BulkPlan, tally: Tally, items: Sequence[Any], place: str | None, further: str | None
) -> None:
    now = BulkPlan.objects.select_for_update(no_key=True).filter(id=plan.id).first()
    if now is None or now.state != BulkState.PLANNING or now.planned_to != place:
        return
    last = plan.batches.order_by("-number").values_list("number", flat=True).first()
    first = 0 if last is None else last + 1
    batches = [
        BulkBatch(plan=plan, number=first + i, items=dumps(part))
        for i, part in enumerate(parts(items, most=_most(plan)))
    ]
    BulkBatch.objects.bulk_create(batches)
    plan.matched = tally.counts.total()
    plan.planned, plan.sample = dumps(tally.counts), dumps(tally.sample)
    plan.tally = dumps([[name, counts] for name, counts in tally.tags.items()])
    plan.second_owners = tally.second_owners
    plan.beat_at = timezone.now()
    plan.failures, plan.retry_at, plan.problem = None, None, ""
    if place is not None:
        plan.planned_to = further
        plan.state = BulkState.PLANNED if further is None else BulkState.PLANNING
    planned = ["matched", "planned", "sample", "tally", "second_owners", "planned_to", "state"]
    plan.save(update_fields=[*planned, "beat_at", "failures", "retry_at", "problem"])


def _tally_of(plan: BulkPlan) -> Tally:
    counts = Counter(loads(plan.planned))
    return Tally(counts, loads(plan.sample), tags_of(plan), plan.second_owners or 0)


def selection_of(plan: BulkPlan) -> Selection:
    """Return the selection that a plan was made for."""
    wanted: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in loads(plan.wanted).items()
    }
    return Selection(AgentFilter(**wanted), tuple(loads(plan.excluded)), plan.query)


def actor_of_plan(plan: BulkPlan) -> Actor:
    """Return the actor that applies a plan, with its rights when it began; see `with_current_rights`."""
    stored = loads(plan.actor)
    powers = frozenset(Power(power) for power in stored["powers"])
    reach = stored.get("reach")  # JSON inside the JSON, so that a tag in it can be erased
    return Actor(
        ActorKind(stored["kind"]),
        stored["id"],
        stored["name"],
        Source.BULK,
        powers,
        of_columns(stored["limit"], None if reach is None else dumps(reach)),
        tuple(stored["may_tag"]),
        # Plans of earlier versions do not store it.
        stored.get("any_label", not stored["may_tag"]),
    )


# In the stored actor if it could access all agents. Quotes within a name have a backslash before them.
UNLIMITED = '"limit":null'


def store_actor(plan: BulkPlan, actor: Actor) -> None:
    """Set the actor that applies the plan; the caller saves it."""
    plan.actor, plan.actor_id, plan.actor_name = dumps(_stored(actor)), actor.id, actor.name


def _stored(actor: Actor) -> dict[str, Any]:
    columns = key_columns(actor.reach)
    stored = columns["stored_reach"]
    return {
        "kind": actor.kind,
        "id": actor.id,
        "name": actor.name,
        "powers": sorted(actor.powers),
        "limit": columns["limit_tag"],
        "reach": None if stored is None else loads(stored),
        "may_tag": list(actor.may_tag),
        "any_label": actor.any_label,
    }


def _most(plan: BulkPlan) -> int:
    """How many agents a batch of the plan has: deleting one takes as long as changing twenty."""
    return BULK_BATCH_DELETES if plan.op == BulkOp.DELETE else BULK_BATCH


def parts(items: Sequence[Any], *, most: int, pairs: int = BULK_BATCH_PAIRS) -> Iterator[list[Any]]:
    """Split planned items into batches of at most `most` agents and `pairs` agent-tag pairs.

    An item is the key of an agent, or [key, tags to add]. An item with more tags is a batch of its own.
    """
    part: list[Any] = []
    count = 0
    for item in items:
        weight = len(item[1]) if isinstance(item, list) else 1
        if part and (len(part) == most or count + weight > pairs):
            yield part
            part, count = [], 0
        part.append(item)
        count += weight
    if part:
        yield part


def walk(selection: Selection, actor: Actor) -> Iterator[list[int]]:
    """Yield the keys of a selection's agents, newest first, one chunk at a time."""
    place: str | None = ""
    while place is not None:
        seqs, place = _page(selection, actor, place)
        yield seqs


def _page(selection: Selection, actor: Actor, place: str | None) -> tuple[list[int], str | None]:
    """Return the keys after a place of the list, and the place after them: None at its end."""
    after = agents.decode(place, Sort.NEWEST) if place else None
    page = agents.page(selection.wanted, actor=actor, size=_STEP, after=after, until_one=True)
    excluded: set[int] = set()
    if selection.excluded:
        left_out = Agent.objects.filter(public_id__in=selection.excluded)
        excluded = set(left_out.values_list("seq", flat=True))
    return [seq for seq in page.seqs if seq not in excluded], page.older
