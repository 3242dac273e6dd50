"""What became of each agent of a bulk change, a batch in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.domain.bulkdecide import Outcome
from agents.jsontext import loads
from agents.models import Agent, BulkBatch, BulkPlan, Tombstone

_WORDS = {
    None: "waiting",
    Outcome.CHANGE: "changed",
    Outcome.SAME: "was so already",
    Outcome.REFUSED: "skipped",
    Outcome.FULL: "skipped",
    Outcome.GONE: "skipped",
    Outcome.KEPT: "left as it is",
}


# A place in the results is a batch's number times this and the agent's in the batch.
_STRIDE = 10_000
_LOOKED = 100  # batches looked at for one page


@dataclass(frozen=True, slots=True)
class Result:
    """One agent: what happened, and why not. Without an outcome its turn is still to come."""

    public_id: str
    name: str
    outcome: Outcome | None
    why: str

    @property
    def words(self) -> str:
        return _WORDS[self.outcome]


def results_of(plan: BulkPlan) -> Iterator[Result]:
    """Each agent in the plan's order."""
    for batch in plan.batches.order_by("number").iterator(chunk_size=10):
        yield from _of_batch(batch, done=batch.number < plan.next_batch)


def skipped_of(plan: BulkPlan, most: int) -> list[Result]:
    """The first agents that a run left for a reason."""
    found: list[Result] = []
    done = plan.batches.filter(number__lt=plan.next_batch).exclude(left="[]")
    for batch in done.order_by("number").iterator(chunk_size=10):
        found += [one for one in _of_batch(batch, done=True) if one.why]
        if len(found) >= most:
            break
    return found[:most]


def skipped_count(plan: BulkPlan) -> int:
    """How many agents a run left for a reason."""
    done = plan.batches.filter(number__lt=plan.next_batch).exclude(left="[]").order_by("number")
    lefts = done.values_list("left", flat=True).iterator(chunk_size=50)
    return sum(bool(why) for left in lefts for _, _, why in loads(left))


def results_page(
    plan: BulkPlan, *, after: int = 0, size: int, skipped: bool = False
) -> tuple[list[Result], int | None]:
    """Up to `size` agents from a place on, and the place to go on from; None at the end.

    With `skipped` those that a run left for a reason. The page may then be short, or empty, before
    the end: it looks at so many batches and no more.
    """
    number, offset = divmod(after, _STRIDE)
    batches = plan.batches.filter(number__gte=number).order_by("number")
    if skipped:
        batches = batches.filter(number__lt=plan.next_batch).exclude(left="[]")
    found: list[Result] = []
    for looked, batch in enumerate(batches.iterator(chunk_size=10)):
        if looked == _LOOKED:
            return found, batch.number * _STRIDE
        first = offset if batch.number == number else 0
        for place, one in enumerate(_of_batch(batch, done=batch.number < plan.next_batch)):
            if place < first or (skipped and not one.why):
                continue
            if len(found) == size:
                return found, batch.number * _STRIDE + place
            found.append(one)
    return found, None


def _of_batch(batch: BulkBatch, *, done: bool) -> Iterator[Result]:
    items = loads(batch.items)
    seqs = [item if isinstance(item, int) else item[0] for item in items]
    left = {seq: (Outcome(outcome), why) for seq, outcome, why in loads(batch.left)}
    names = _names(seqs)
    for seq in seqs:
        outcome, why = left.get(seq, (Outcome.CHANGE, "")) if done else (None, "")
        yield Result(*names.get(seq, ("", "")), outcome, why)


def _names(seqs: list[int]) -> dict[int, tuple[str, str]]:
    """Id and name of these agents, also of those deleted since."""
    names: dict[int, tuple[str, str]] = {}
    for model in (Tombstone, Agent):
        rows = model.objects.filter(seq__in=seqs).values_list("seq", "public_id", "name")
        names |= {seq: (public_id, name) for seq, public_id, name in rows}
    return names
