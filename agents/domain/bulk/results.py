"""The result of a bulk change for each agent, with one batch in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.core.actors import Actor
from agents.core.json_text import loads
from agents.domain.bulk.decide import Outcome
from agents.models import Agent, BulkBatch, BulkPlan, Tombstone
from agents.queries.tags.closed import watched

_WORDS = {
    None: "waiting",
    Outcome.CHANGE: "changed",
    Outcome.SAME: "already done",
    Outcome.REFUSED: "skipped",
    Outcome.FULL: "skipped",
    Outcome.GONE: "skipped",
    Outcome.KEPT: "not undone",
    Outcome.OWNED: "skipped",
    Outcome.AWAY: "not done at its source",
}


# A position in the results is the batch's number times this, plus the agent's index in the batch.
_STRIDE = 10_000
_MOST_BATCHES = 100  # batches read for one page


@dataclass(frozen=True, slots=True)
class Result:
    """The result for one agent, with the reason if it was not changed. No outcome means pending."""

    public_id: str
    name: str
    outcome: Outcome | None
    why: str

    @property
    def words(self) -> str:
        return _WORDS[self.outcome]


def results_of(plan: BulkPlan, actor: Actor) -> Iterator[Result]:
    """Yield the result of each agent in the plan's order."""
    for batch in plan.batches.order_by("number").iterator(chunk_size=10):
        yield from _of_batch(batch, actor, done=batch.number < plan.next_batch)


def skipped_of(plan: BulkPlan, most: int, actor: Actor) -> list[Result]:
    """Return the first agents that a run skipped, with the reasons."""
    found: list[Result] = []
    done = plan.batches.filter(number__lt=plan.next_batch).exclude(left="[]")
    for batch in done.order_by("number").iterator(chunk_size=10):
        found += [result for result in _of_batch(batch, actor, done=True) if result.why]
        if len(found) >= most:
            break
    return found[:most]


def skipped_count(plan: BulkPlan) -> int:
    """Count the agents that a run skipped."""
    done = plan.batches.filter(number__lt=plan.next_batch).exclude(left="[]").order_by("number")
    lefts = done.values_list("left", flat=True).iterator(chunk_size=50)
    return sum(bool(why) for left in lefts for _, _, why in loads(left))


def results_page(
    plan: BulkPlan, *, actor: Actor, after: int = 0, size: int, skipped: bool = False
) -> tuple[list[Result], int | None]:
    """Return up to `size` results from a position on, and the next position; None at the end.

    `skipped` returns only the agents that a run skipped. Such a page may be short or empty before
    the end, because it reads at most 100 batches.
    """
    number, offset = divmod(after, _STRIDE)
    batches = plan.batches.filter(number__gte=number).order_by("number")
    if skipped:
        batches = batches.filter(number__lt=plan.next_batch).exclude(left="[]")
    found: list[Result] = []
    for looked, batch in enumerate(batches.iterator(chunk_size=10)):
        if looked == _MOST_BATCHES:
            return found, batch.number * _STRIDE
        first = offset if batch.number == number else 0
        results = _of_batch(batch, actor, done=batch.number < plan.next_batch)
        for index, result in enumerate(results):
            if index < first or (skipped and not result.why):
                continue
            if len(found) == size:
                return found, batch.number * _STRIDE + index
            found.append(result)
    return found, None


def _of_batch(batch: BulkBatch, actor: Actor, *, done: bool) -> Iterator[Result]:
    items = loads(batch.items)
    seqs = [item if isinstance(item, int) else item[0] for item in items]
    left = {seq: (Outcome(outcome), why) for seq, outcome, why in loads(batch.left)}
    names = _names(seqs, actor)
    for seq in seqs:
        outcome, why = left.get(seq, (Outcome.CHANGE, "")) if done else (None, "")
        yield Result(*names.get(seq, ("", "")), outcome, why)


def _names(seqs: list[int], actor: Actor) -> dict[int, tuple[str, str]]:
    """Return id and name of these agents, including agents deleted since, as far as the actor may see them."""
    stones = {stone: set(loads(stone.tags)) for stone in Tombstone.objects.filter(seq__in=seqs)}
    shut = watched({name for tags in stones.values() for name in tags}) if actor.limited else {}
    names = {
        stone.seq: (stone.public_id, stone.name)
        for stone, tags in stones.items()
        if actor.reach.covers(stone.public_id, tags, closed=not tags.isdisjoint(shut))
    }
    rows = Agent.objects.visible_to(actor).filter(seq__in=seqs)
    found = rows.values_list("seq", "public_id", "name")
    return names | {seq: (public_id, name) for seq, public_id, name in found}
