"""Send the pending deliveries of all webhooks that one worker owns.

Only this thread uses the database, in short transactions. A pool of threads waits for the receivers,
so a slow receiver delays neither the database nor other webhooks.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.utils import timezone

from agents.core.limits import WEBHOOKS
from agents.domain.core.transactions import snapshot
from agents.domain.webhooks import log, queue
from agents.domain.webhooks import owner as owners
from agents.domain.webhooks.order import Order, order_of
from agents.domain.webhooks.owner import BEAT
from agents.domain.webhooks.queue import TROUBLED, Outcome
from agents.models import Delivery, Webhook
from agents.queries.webhooks import render

AT_ONCE = 16  # parallel requests of one webhook

_CLAIMED = 128  # deliveries of one webhook that are claimed together; they end within the lease
_RESULTS = 32  # results that are stored together
_LONGEST_UNSTORED = 0.1  # seconds until a result is stored
_LOOK = 0.5  # seconds between two looks for something new

Send = Callable[[Delivery, bytes | None], Outcome]


class Lane:
    """The claimed deliveries of one webhook, and their results so far."""

    def __init__(self, hook: Webhook) -> None:
        self.hook = hook
        self.order: Order | None = None
        self.claimed: dict[int, Delivery] = {}
        self.bodies: dict[int, bytes] = {}
        self.sending: set[int] = set()
        self.ended: list[tuple[Delivery, Outcome]] = []
        self.ended_since = 0.0
        self.failures = hook.failures
        self._looked_at = float("-inf")
        self._is_picked_over = True

    @property
    def width(self) -> int:
        """Return how many requests may run in parallel."""
        return 1 if self.failures >= TROUBLED else AT_ONCE

    @property
    def _most(self) -> int:
        return _CLAIMED if self.width > 1 else 1

    @property
    def is_low(self) -> bool:
        """True if at least half of the allowed claims are free."""
        return len(self.claimed) <= self._most // 2

    def may_look(self) -> bool:
        """True if it is time to look for deliveries that are not in the order yet."""
        if not (self.is_low and self._is_picked_over):
            return False
        waited = time.monotonic() - self._looked_at
        return self.order is None or not 0 <= waited < _LOOK

    def look(self, end: int) -> bool:
        """Read the log up to `end` and find the order of pending deliveries. True if there is more."""
        more = queue.take_up_for(self.hook.id, end)
        self.hook.refresh_from_db()
        self.order = order_of(self.hook, now=timezone.now())
        self._is_picked_over = False
        self._looked_at = float("-inf") if more else time.monotonic()
        return more

    def refill(self) -> None:
        """Claim the next deliveries in order."""
        if self.order is None or self._is_picked_over or not self.is_low:
            return
        most = self._most - len(self.claimed)
        picked = self.order.pick(most, now=timezone.now(), taken=self.claimed.keys())
        self._is_picked_over = len(picked) < most
        if not picked:
            return
        rows = {row.id: row for row in queue.claim(self.hook, picked)}
        for row_id in picked:
            if row_id not in rows:
                self.order.hold_back(row_id)
        with snapshot():
            self.bodies |= render(rows.values())
        self.claimed |= rows
        self._give_back_stuck()

    def next(self) -> Delivery | None:
        """Return the next delivery to send now, if any."""
        if len(self.sending) >= self.width or (self.width == 1 and self.ended):
            return None
        for row_id, row in self.claimed.items():
            if row_id not in self.sending and not self._waits(row_id):
                self.sending.add(row_id)
                return row
        return None

    def end(self, row: Delivery, outcome: Outcome) -> None:
        """Take a result into memory; `settle` stores it."""
        self.ended_since = self.ended_since if self.ended else time.monotonic()
        self.ended.append((row, outcome))
        self.sending.discard(row.id)
        self.bodies.pop(row.id, None)
        self.claimed.pop(row.id, None)
        if outcome.is_good:
            self.failures = 0
            return
        self.failures += 1
        if self.order is not None and not queue.is_last(row):
            self.order.hold_back(row.id)

    def must_settle(self) -> bool:
        """True if results should be stored now."""
        return bool(self.ended) and (
            len(self.ended) >= _RESULTS
            or not self.claimed
            or self.width == 1
            or any(not outcome.is_good for _, outcome in self.ended)
            or time.monotonic() - self.ended_since > _LONGEST_UNSTORED
        )

    def settle(self) -> bool:
        """Store the results. False if the webhook was deleted."""
        ended, self.ended = self.ended, []
        hook = queue.settle(self.hook.id, ended)
        if hook is None:
            return False
        self.hook, self.failures = hook, hook.failures
        if self._is_picked_over:
            self._looked_at = float("-inf")
        if any(not outcome.is_good for _, outcome in ended):
            if hook.failures >= TROUBLED or not hook.enabled:
                self.give_back()
                self.order = None  # forces a new order
            self._give_back_stuck()
        return True

    def give_back(self) -> None:
        """Set claimed deliveries that are not being sent back to pending."""
        self._unclaim([row_id for row_id in self.claimed if row_id not in self.sending])

    def _give_back_stuck(self) -> None:
        if self.order is None:
            return
        stuck = []
        for row_id in sorted(self.claimed):
            if row_id not in self.sending and self.order.is_stuck(row_id):
                self.order.hold_back(row_id)
                stuck.append(row_id)
        self._unclaim(stuck)

    def _unclaim(self, row_ids: Iterable[int]) -> None:
        rows = [self.claimed.pop(row_id) for row_id in row_ids]
        for row in rows:
            self.bodies.pop(row.id, None)
        queue.give_back(rows)

    def _waits(self, row_id: int) -> bool:
        before = self.order.waits_for(row_id) if self.order else ()
        return any(other in self.claimed for other in before)


class Sending:
    """One turn of a worker: own webhooks and send their deliveries."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._pool = ThreadPoolExecutor(max_workers=WEBHOOKS * AT_ONCE)
        self._owner = owners.new_owner()
        self._lanes: dict[int, Lane] = {}
        self._futures: dict[Future[Outcome], tuple[Lane, Delivery, float]] = {}
        self._beat_at = time.monotonic()
        self._looked_at = float("-inf")

    def run(self, *, seconds: float) -> None:
        """Send until nothing is left, or for some seconds and then until the last answer."""
        end = time.monotonic() + seconds
        with self._pool:
            try:
                while self._step(end):
                    pass
                self._settle(lane for lane in self._lanes.values() if lane.ended)
            finally:
                # If the database is unreachable, another owner takes over after a few seconds.
                for lane in self._lanes.values():
                    lane.give_back()
                owners.release(self._owner)

    def _step(self, end: float) -> bool:
        """Start what can be started, and wait for an answer. False when the turn is over."""
        self._beat()
        more = self._may_begin(end) and self._begin()
        if self._futures:
            done, _ = wait(self._futures, timeout=_LONGEST_UNSTORED, return_when=FIRST_COMPLETED)
            for future in done:
                lane, row, _ = self._futures.pop(future)
                lane.end(row, future.result())
        self._settle(lane for lane in self._lanes.values() if lane.must_settle())
        return more or bool(self._futures)

    def _settle(self, lanes: Iterable[Lane]) -> None:
        for lane in list(lanes):
            if not lane.settle():
                del self._lanes[lane.hook.id]

    def _may_begin(self, end: float) -> bool:
        """True until the turn ends, and longer while it waits for a slow receiver anyway."""
        return time.monotonic() < end or any(begun < end for *_, begun in self._futures.values())

    def _begin(self) -> bool:
        """Read new events and send what can be sent. True if there may be more."""
        self._own()
        more = False
        for lane in list(self._lanes.values()):
            lane.refill()
            if lane.may_look():
                more = self._look(lane) or more
                lane.refill()
            while (row := lane.next()) is not None:
                future = self._pool.submit(self._send, row, lane.bodies.get(row.id))
                self._futures[future] = (lane, row, time.monotonic())
            more = more or bool(lane.claimed)
        return more

    def _look(self, lane: Lane) -> bool:
        # Deliveries whose results are not stored would look as if they were being sent, and would
        # block those after them.
        self._settle([lane] if lane.ended else [])
        if lane.hook.id not in self._lanes:
            return False
        try:
            return lane.look(log.safe_end())
        except Webhook.DoesNotExist:
            del self._lanes[lane.hook.id]
            return False

    def _beat(self) -> None:
        """Write this worker's heartbeat, and drop webhooks that other workers have taken over."""
        now = time.monotonic()
        if 0 <= now - self._beat_at < BEAT or not self._lanes:
            return
        self._beat_at = now
        for hook_id in owners.beat(self._owner, self._lanes.keys()):
            del self._lanes[hook_id]

    def _own(self) -> None:
        """Every half second, take webhooks that have work and no live owner."""
        now = time.monotonic()
        if 0 <= now - self._looked_at < _LOOK:
            return
        self._looked_at = now
        for hook_id in owners.with_work():
            if (hook := owners.take(hook_id, self._owner)) is not None:
                self._lanes[hook_id] = Lane(hook)
