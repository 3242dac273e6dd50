"""What the overview shows: lines that need attention, totals, and changes per day.

A provider is a function that takes the actor and the totals (None if unknown) and yields `Line`s. Each provider has a module here and is
bounded: it reads a fixed number of rows, and only rows that the actor may see. PROVIDERS is their
order on the page.
"""

from collections.abc import Callable, Iterable

from agents.core.actors import Actor
from agents.queries.overview import (
    bulk,
    came_back,
    crossings,
    door,
    keys,
    lookalikes,
    owners,
    sources,
    webhooks,
)
from agents.queries.overview.lines import Line
from agents.queries.overview.totals import Totals

Provider = Callable[[Actor, Totals | None], Iterable[Line]]

PROVIDERS: tuple[Provider, ...] = (
    owners.lines,
    crossings.lines,
    came_back.lines,
    lookalikes.lines,
    sources.lines,
    webhooks.lines,
    keys.lines,
    door.lines,
    bulk.lines,
)


def needs_attention(actor: Actor, totals: Totals | None) -> list[Line]:
    """The lines of all providers for this actor, in the order of PROVIDERS."""
    return [line for provider in PROVIDERS for line in provider(actor, totals) if line.n]
