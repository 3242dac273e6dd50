"""What became of each agent of a bulk change, a batch in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.domain.bulkdecide import Outcome
from agents.jsontext import loads
from agents.models import Agent, BulkBatch, BulkPlan, Tombstone

_WORDS = {
    Outcome.CHANGE: "changed",
    Outcome.SAME: "was so already",
    Outcome.REFUSED: "skipped",
    Outcome.FULL: "skipped",
    Outcome.GONE: "skipped",
    Outcome.KEPT: "left as it is",
}


@dataclass(frozen=True, slots=True)
class Result:
    """One agent: what happened, and why not."""

    public_id: str
    name: str
    outcome: str
    why: str


def results_of(plan: BulkPlan) -> Iterator[Result]:
    """Each agent of the batches done, in the plan's order; those to come are `waiting`."""
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


def _of_batch(batch: BulkBatch, *, done: bool) -> Iterator[Result]:
    items = loads(batch.items)
    seqs = [item if isinstance(item, int) else item[0] for item in items]
    left = {seq: (_WORDS[Outcome(outcome)], why) for seq, outcome, why in loads(batch.left)}
    names = _names(seqs)
    for seq in seqs:
        outcome, why = left.get(seq, ("changed", "")) if done else ("waiting", "")
        yield Result(*names.get(seq, ("", "")), outcome, why)


def _names(seqs: list[int]) -> dict[int, tuple[str, str]]:
    """Id and name of these agents, also of those deleted since."""
    names: dict[int, tuple[str, str]] = {}
    for model in (Tombstone, Agent):
        rows = model.objects.filter(seq__in=seqs).values_list("seq", "public_id", "name")
        names |= {seq: (public_id, name) for seq, public_id, name in rows}
    return names
