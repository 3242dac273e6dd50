"""The counts of a bulk plan: agents by outcome, tags by what happens to them, and the first agents."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.core.json_text import loads
from agents.domain.bulk.decide import Decision, Outcome, Wish, in_words
from agents.domain.tags import second_owner
from agents.domain.tags.write_many import Delta
from agents.models import BulkPlan

SAMPLE = 20  # agents that a plan shows as examples
_TAGS = 1000  # tags whose numbers a plan stores; a file may name more
# What the numbers of a tag count: agents that gain it, lose it, need no change, are skipped, and get
# it as a second owner, and lose it as their last owner.
ADD, REMOVE, SAME, SKIP, SECOND = "add", "remove", "same", "skip", "second"
OWNERLESS = "ownerless"


@dataclass(slots=True)
class Tally:
    """Counts of a plan's agents by outcome and by tag, and the first agents that change.

    Agents that get a second owner come first in the sample.
    """

    counts: Counter[str] = field(default_factory=Counter)
    sample: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, Counter[str]] = field(default_factory=dict)
    second_owners: int = 0

    def take(self, decisions: Iterable[Decision], wishes: Mapping[int, Wish]) -> None:
        """Count decisions, and store the first that change an agent."""
        second = [row for row in self.sample if "second" in row]
        plain = [row for row in self.sample if "second" not in row]
        for decision in decisions:
            self.counts[decision.outcome] += 1
            self._count(decision, wishes[decision.seq])
            into = second if decision.second_owner else plain
            if decision.delta is not None and len(into) < SAMPLE:
                into.append(_sampled(decision, decision.delta))
        self.sample = [*second, *plain][:SAMPLE]

    def _count(self, decision: Decision, wish: Wish) -> None:
        if (delta := decision.delta) is None:
            what = SAME if decision.outcome is Outcome.SAME else SKIP
            for name in (*wish.add, *wish.remove):
                self._raise(name, what)
            return
        added, removed = {tag.name for tag in delta.add}, {tag.name for tag in delta.remove}
        for name in added:
            self._raise(name, ADD)
        for name in removed:
            self._raise(name, REMOVE)
        for name in {*wish.add, *wish.remove} - added - removed:
            self._raise(name, SAME)
        if decision.last_owner:
            self._raise(decision.last_owner, OWNERLESS)
        if decision.second_owner:
            for tag in delta.add:
                if tag.names_user:
                    self._raise(tag.name, SECOND)
            self.second_owners += 1
            second_owner.note(delta.agent)

    def _raise(self, name: str, what: str) -> None:
        if name in self.tags or len(self.tags) < _TAGS:
            self.tags.setdefault(name, Counter())[what] += 1


def _sampled(decision: Decision, delta: Delta) -> dict[str, Any]:
    row = {"id": delta.agent.public_id, "name": delta.agent.name, "words": in_words(delta)}
    marks = {"second": decision.second_owner, "ownerless": bool(decision.last_owner)}
    return row | {mark: True for mark, on in marks.items() if on}


def tags_of(plan: BulkPlan) -> dict[str, Counter[str]]:
    """Return the stored numbers of a plan's tags."""
    return {name: Counter(numbers) for name, numbers in loads(plan.tally)}
