"""Reference data in two shapes: the load test's, and one that is as uneven as real data.

Both give agents in the order of their creation, which is the order of their keys, one at a time:
memory does not grow with their number.
"""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from agents.domain.agents.new import AgentColumns, NewAgent, columns_of
from agents.samples.bulk_load import BulkAgent

_T = TypeVar("_T")

# --- The load test's data: every row follows from its number ----------------------------------

_LOADTEST_START = datetime(2026, 1, 1, tzinfo=UTC)
_STRIDE, _PERIOD = 7919, 1_000_003  # seconds; the period is prime
_TIERS = ("free", "silver", "gold", "platinum", "trial")
_ENVS = ("dev", "staging", "prod")


def loadtest(count: int, seed: int, system: str = "") -> Iterator[BulkAgent]:
    """Yield agents 0 to count-1 as the load test expects them: ten per user, three tags each.

    `system` is the system prompt of each, so that answers can be as long as those of another server.
    """
    columns = columns_of(
        NewAgent(
            model="letta/letta-free", embedding="letta/letta-free", name="as loaded", system=system
        )
    )
    back = pow(_STRIDE, -1, _PERIOD)
    for second in range(_PERIOD):
        created_at = _LOADTEST_START + timedelta(seconds=second)
        # The agents of this second: i * stride % period == second.
        for i in range(second * back % _PERIOD, count, _PERIOD):
            yield BulkAgent(
                public_id=f"agent-{i:08x}-0000-4000-8000-{i:012x}",
                name=f"Load agent {i}",
                columns=columns,
                tags=(f"user_{i // 10}", f"tier:{_TIERS[i % 5]}", f"env:{_ENVS[i % 3]}"),
                created_at=created_at,
                updated_at=created_at,
            )


# --- The reference data: 4.7 tags on an agent, 102,000 tags at a million agents ---------------

_START = datetime(2024, 1, 1, tzinfo=UTC)
_SPAN = timedelta(days=900)
_MODELS = (
    "openai/gpt-4o-mini",
    "anthropic/claude-sonnet-4-5-20250929",
    "openai/gpt-4o",
    "anthropic/claude-3-5-sonnet-20241022",
    "google_ai/gemini-2.5-pro",
    "letta/letta-free",
    "openai/gpt-4.1",
    "groq/llama-3.3-70b-versatile",
)
_WORK = (
    "Support agent", "Research assistant", "Onboarding guide", "Billing helper", "Sales scout",
    "Release notes writer", "Code reviewer", "Travel planner", "Language tutor", "Data analyst",
    "Meeting scribe", "Inventory watcher",
)  # fmt: skip
_PLACES = (
    "Amsterdam", "Bogotá", "Cairo", "Delhi", "Edinburgh", "Florence", "Gdańsk", "Hanoi", "İzmir",
    "Jakarta", "Kraków", "Lisbon", "Malmö", "Nairobi", "Oslo", "Porto", "Québec", "Rīga",
    "São Paulo", "Tallinn", "Utrecht", "Vienna", "Warsaw", "Zürich",
)  # fmt: skip
# Common models occur several times, because each entry is drawn with the same probability.
_LANGUAGES = (
    "en", "en", "en", "en", "de", "de", "fr", "es", "es", "pt", "it", "nl", "pl", "sv", "da", "fi",
    "cs", "el", "tr", "ja", "ko", "zh", "ar", "hi", "uk",
)  # fmt: skip
_PROMPT = (
    "You are a {work} at a company that serves customers in many countries. Answer in the "
    "customer's language, say what you are not sure of, and keep what you learn about them in "
    "your memory blocks. Never promise a refund; hand such cases to a colleague."
)


def reference(count: int, seed: int) -> Iterator[BulkAgent]:
    """Yield agents with tags as uneven as in real use. Count and seed determine everything."""
    rng = random.Random(seed)  # noqa: S311 no secret
    profiles = [_profile(model, work) for model in _MODELS for work in _WORK]
    tags_of = _tagger(count, rng)
    step = _SPAN / max(count, 1)
    for i in range(count):
        # Some agents are created at the same moment, as by imports.
        created_at = _START + step * (i - i % 100 if i % 100 < 8 else i)
        work = rng.randrange(len(_WORK))
        profile = profiles[min(int(rng.expovariate(0.6)), len(_MODELS) - 1) * len(_WORK) + work]
        yield BulkAgent(
            public_id=f"agent-{UUID(int=rng.getrandbits(128), version=4)}",
            name=f"{_WORK[work]} {rng.choice(_PLACES)} {i}",
            columns=profile,
            tags=tags_of(i),
            created_at=created_at,
            updated_at=created_at + timedelta(seconds=int(rng.expovariate(1 / 86_400))),
        )


def _profile(model: str, work: str) -> AgentColumns:
    return columns_of(
        NewAgent(
            model=model,
            name=work,
            embedding="openai/text-embedding-3-small",
            context_window_limit=32_000,
            description=f"{work}, made as reference data",
            system=_PROMPT.format(work=work.lower()),
            metadata={"source": "bench_data"},
        )
    )


def _tagger(count: int, rng: random.Random) -> Callable[[int], tuple[str, ...]]:
    """Return a function that gives the tags of the agent with a number, 4.7 on average.

    Every tenth agent is the first of a user, so that each user has one; the others go to users by a Zipf law.
    No agent is in both regions.
    """
    users, rare = max(count // 10, 1), max(count // 500, 1)
    zipf = _by_weight(range(users), [1 / (rank + 1) for rank in range(users)], rng)
    tiers = _by_weight(_TIERS, [60, 15, 10, 5, 10], rng)
    envs = _by_weight(("prod", "staging", "dev"), [80, 12, 8], rng)
    regions = _by_weight(("eu", "us", ""), [31, 31, 38], rng)
    roll = rng.random

    def tags_of(i: int) -> tuple[str, ...]:
        if i % 1000 == 999:
            return ()
        tags = [f"env:{envs()}"]
        if i % 10 == 0:
            tags.append(f"user_{i // 10 * 7919 % users}")
        elif roll() < 0.99:
            tags.append(f"user_{zipf()}")
        if roll() < 0.005:
            tags.append(f"user_{users - 1 - zipf()}")
        if roll() < 0.98:
            tags.append(f"tier:{tiers()}")
        if region := regions():
            tags.append(f"region:{region}")
        if roll() < 0.6:
            tags.append(f"team:{int(roll() * roll() * 40):02}")
        if roll() < 0.5:
            tags.append(f"lang:{_LANGUAGES[int(roll() * len(_LANGUAGES))]}")
        if i % 50 == 1:
            tags.append(f"cohort:{i // 50 % rare:04}")
        return tuple(dict.fromkeys(tags))

    return tags_of


def _by_weight(
    values: Sequence[_T], weights: Sequence[float], rng: random.Random
) -> Callable[[], _T]:
    """Return a function that draws a value each time it is called."""
    cumulative = list(itertools.accumulate(weights))

    def draws() -> Iterator[_T]:
        while True:
            yield from rng.choices(values, cum_weights=cumulative, k=1000)

    return draws().__next__


SHAPES: dict[str, Callable[..., Iterator[BulkAgent]]] = {
    "reference": reference,
    "loadtest": loadtest,
}
