"""Decide in which order the deliveries of one webhook are sent.

An event of an agent waits for the previous event of the same agent. An event of a tag waits for
earlier events of the agents that carry the tag, and later events of these agents wait for it, for at
most ten minutes. Events of other agents do not wait.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.core.limits import WEBHOOK_TAG_SECONDS, WEBHOOK_WAITING
from agents.models import Delivery, DeliveryState, Event, Webhook
from agents.queries.tags.concerned import Concerned, concerned

# Events of tags in one order: each costs a query for the agents that carry its tag. Later deliveries
# wait until some of these are sent.
_TAG_EVENTS = 100
_COLUMNS = ("id", "event", "change", "agent_id", "next_at", "created_at")


@dataclass(frozen=True, slots=True)
class Waiting:
    """The fields of a pending delivery that decide its place in the order."""

    id: int
    event: str
    change: int
    agent_id: str | None
    next_at: datetime
    created_at: datetime


class Order:
    """The pending deliveries, each with the deliveries it waits for."""

    def __init__(self, rows: Iterable[Waiting], waits: Mapping[int, Collection[int]]) -> None:
        self._rows = iter(rows)
        self._waits = waits
        self._stuck: set[int] = set()

    def pick(self, most: int, *, now: datetime, taken: Collection[int]) -> list[int]:
        """Return up to `most` deliveries that can be sent now, each after those it waits for.

        `taken` are deliveries that were picked before and have no stored result yet.
        """
        picked: list[int] = []
        while len(picked) < most and (row := next(self._rows, None)) is not None:
            if row.id in taken:
                continue
            if row.next_at > now or self.is_stuck(row.id):
                self._stuck.add(row.id)
            else:
                picked.append(row.id)
        return picked

    def waits_for(self, row_id: int) -> Collection[int]:
        """Return the deliveries that must be sent before this one."""
        return self._waits.get(row_id, ())

    def is_stuck(self, row_id: int) -> bool:
        """True if a delivery that must be sent before it cannot be sent now."""
        return not self._stuck.isdisjoint(self.waits_for(row_id))

    def hold_back(self, row_id: int) -> None:
        """Send nothing that waits for this delivery."""
        self._stuck.add(row_id)


def order_of(hook: Webhook, *, now: datetime) -> Order:
    """Return the order of a webhook's pending deliveries; only of tests if nothing else may be sent."""
    waiting = Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING).order_by("id")
    if not hook.enabled or (hook.hold_until is not None and hook.hold_until > now):
        waiting = waiting.filter(event=Event.PING)
    most = 2 * WEBHOOK_WAITING
    rows = [Waiting(*row) for row in waiting.values_list(*_COLUMNS)[:most]]
    fresh = now - timedelta(seconds=WEBHOOK_TAG_SECONDS)
    barriers = [row for row in rows if _is_of_tag(row) and row.created_at > fresh]
    if len(barriers) > _TAG_EVENTS:
        end = barriers[_TAG_EVENTS].id
        rows = [row for row in rows if row.id < end]
        barriers = barriers[:_TAG_EVENTS]
    rows.sort(key=lambda row: row.event != Event.PING)  # a person is waiting for a test
    return Order(rows, _waits(rows, _concerned(rows, barriers)))


def _is_of_tag(row: Waiting) -> bool:
    return row.agent_id is None and row.change > 0


def _concerned(rows: Sequence[Waiting], barriers: Sequence[Waiting]) -> Mapping[int, Concerned]:
    if not barriers:
        return {}
    agents = {row.agent_id for row in rows if row.agent_id is not None}
    since = min(row.change for row in rows if row.change > 0)
    return concerned({row.id: row.change for row in barriers}, agents, since=since)


def _waits(rows: Iterable[Waiting], who: Mapping[int, Concerned]) -> dict[int, list[int]]:
    """Return, for each delivery, the deliveries that must be sent before it."""
    waits: dict[int, list[int]] = {}
    of_agent: dict[str, int] = {}
    of_tag: dict[str, int] = {}
    blocking: dict[str, list[int]] = defaultdict(list)  # by agent: tag events since its last event
    for row in rows:
        if row.agent_id is not None:
            before = blocking.pop(row.agent_id, [])
            if row.agent_id in of_agent:
                before.append(of_agent[row.agent_id])
            of_agent[row.agent_id] = row.id
        elif row.id in who:
            about = who[row.id]
            before = [of_agent[agent] for agent in about.agents if agent in of_agent]
            before += [of_tag[tag] for tag in about.tags if tag in of_tag]
            for agent in about.agents:
                blocking[agent].append(row.id)
            of_tag |= dict.fromkeys(about.tags, row.id)
        else:
            before = []
        if before:
            waits[row.id] = before
    return waits
