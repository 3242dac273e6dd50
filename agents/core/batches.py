"""Split agents into batches that one transaction can write."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar


class _Tagged(Protocol):
    @property
    def tags(self) -> Sequence[str]: ...


T = TypeVar("T", bound=_Tagged)


def batches(agents: Sequence[T], *, most: int, most_tags: int) -> Iterator[list[T]]:
    """Yield batches of at most this many agents and tags. An agent with more tags is alone in its batch."""
    batch: list[T] = []
    tags = 0
    for agent in agents:
        if batch and (len(batch) >= most or tags + len(agent.tags) > most_tags):
            yield batch
            batch, tags = [], 0
        batch.append(agent)
        tags += len(agent.tags)
    if batch:
        yield batch
