"""Ask a source in the name of a person or program that waits for the answer.

No transaction is open meanwhile, and the request leaves its worker slot to others. A few requests at
once may wait for one source; further ones are refused, so one slow server stops nobody else.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.utils import timezone

from ade.server.worker_slots import NoSlot, current_slot
from agents.core.actors import Actor
from agents.core.errors import Conflict, Invalid, NotFound, SourceUnavailable
from agents.core.tag_text import shown, text_problem
from agents.domain.core.transactions import is_writing
from agents.domain.sources import opening
from agents.domain.sources.places import place
from agents.models import AgentSource
from agents.net.connectors.base import (
    AgentNotThere,
    AnswerLost,
    Connector,
    Rejected,
    SourceError,
    Unreachable,
)
from agents.queries.agents.find import source_id_of

T = TypeVar("T")

SECONDS = 5.0  # of one request, with all that it needs at the source
_TO_SETTLE = 1.0  # of these, to find out what became of a request without an answer
AT_ONCE = 4  # requests at one source, on one machine
_BUSY_SECONDS = 2


def source_of(agent_id: str, actor: Actor) -> AgentSource | None:
    """The source where an agent runs; None for one that is kept here. Raises NotFound."""
    source_id = source_id_of(agent_id, actor)
    return None if source_id is None else AgentSource.objects.filter(id=source_id).first()


def source_by_id(source_id: int) -> AgentSource:
    """The source of this id. Raises NotFound."""
    source = AgentSource.objects.filter(id=source_id).first()
    if source is None:
        raise NotFound("The source was disconnected.")
    return source


def source_named(name: str) -> AgentSource:
    """The source of this name. Raises Invalid."""
    source = None if text_problem(name) else AgentSource.objects.filter(name=name).first()
    if source is None:
        raise Invalid(f"There is no source {shown(name)}.", field="source")
    return source


def require_up(source: AgentSource) -> None:
    """Raise Conflict if the source is paused, SourceUnavailable if it is known not to answer."""
    if source.paused_at is not None:
        why = f" {source.pause_reason}" if source.pause_reason else ""
        raise Conflict(
            f"{source.name} is paused.{why} Its agents can be edited there only after it is resumed."
        )
    now = timezone.now()
    if source.problem and source.next_try_at is not None and source.next_try_at > now:
        wait = math.ceil((source.next_try_at - now).total_seconds())
        raise SourceUnavailable(
            f"{source.name} does not answer: {_without_url(source, source.problem)} Nothing was "
            "changed.",
            seconds=min(max(wait, 1), 60),
        )


def ask(
    source: AgentSource,
    request: Callable[[Connector, float], T],
    settle: Callable[[Connector, float], T | None] | None = None,
) -> T:
    """Send a request to a source and return its answer. Call it outside of transactions.

    `request` gets the connector and the seconds that it may take. If its answer is lost, `settle` reads
    what became of it; None means that it was not done. Raises SourceUnavailable, Invalid (the source
    refuses), Conflict (paused), NotFound (the source does not have the agent).
    """
    require_up(source)
    if is_writing():
        raise RuntimeError("A transaction is open while ADE waits for a source.")
    with place(f"source-{source.id}", AT_ONCE) as free:
        if not free:
            raise SourceUnavailable(
                f"{AT_ONCE} requests wait for {source.name} already. Try again.",
                seconds=_BUSY_SECONDS,
            )
        with _without_slot():
            return _ask(source, request, settle)


def _ask(
    source: AgentSource,
    request: Callable[[Connector, float], T],
    settle: Callable[[Connector, float], T | None] | None,
) -> T:
    name = str(source.name)
    try:
        with opening.connect_to(source) as connector:
            until = time.monotonic() + SECONDS
            try:
                return request(connector, SECONDS if settle is None else SECONDS - _TO_SETTLE)
            except AnswerLost as error:
                if settle is None:
                    raise
                left = max(until - time.monotonic(), _TO_SETTLE)
                answer = _settled(connector, settle, left, source, error)
    except AgentNotThere as error:
        raise NotFound(f"{name} no longer has this agent.") from error
    except Rejected as error:
        raise Invalid(f"{name} refuses this: {_without_url(source, str(error))}") from error
    except AnswerLost as error:
        raise _unknown(source, error) from error
    except SourceError as error:
        after = error.retry_after if isinstance(error, Unreachable) else None
        raise SourceUnavailable(
            f"{name} cannot do this now: {_without_url(source, str(error))} Nothing was changed.",
            seconds=min(after or 5, 3600),
        ) from error
    if answer is None:
        raise SourceUnavailable(f"{name} did not answer and did not do it. Nothing was changed.")
    return answer


def _settled(
    connector: Connector,
    settle: Callable[[Connector, float], T | None],
    seconds: float,
    source: AgentSource,
    lost: AnswerLost,
) -> T | None:
    try:
        return settle(connector, seconds)
    except AgentNotThere:
        raise
    except SourceError as error:
        raise _unknown(source, lost) from error


def _unknown(source: AgentSource, error: AnswerLost) -> SourceUnavailable:
    return SourceUnavailable(
        f"{source.name} did not answer, and may have done it: {_without_url(source, str(error))} "
        "Look at the agent again after the next sync."
    )


def _without_url(source: AgentSource, text: str) -> str:
    """Names instead of addresses: those who may use an agent need not know where its server is."""
    text = text.replace(str(source.url), str(source.name)).rstrip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


@contextmanager
def _without_slot() -> Iterator[None]:
    """Leave the worker slot to other requests meanwhile."""
    slot = current_slot()
    if slot is None or not slot.may_pause():
        yield
        return
    slot.leave()
    try:
        yield
    finally:
        try:
            slot.enter()
        except NoSlot as error:
            raise SourceUnavailable(
                "The source has answered, but ADE is too busy to save it. The next sync will."
            ) from error
