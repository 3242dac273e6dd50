"""Send the tags of agents that are behind to their source.

What is sent is computed when it is sent: a fresh read of the source, ADE's changes on top of it, the whole
set written, and read back. No server has compare-and-set, so this is repeated while others write in
between. "Sent" is committed before the request: after a crash, reading settles what became of it.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Least
from django.utils import timezone

from agents.core.json_text import dumps, loads
from agents.core.raw_texts import dumps_texts, loads_texts
from agents.domain.core.transactions import RowsChanged, write
from agents.domain.sources import merge
from agents.domain.sources.merge import incoming_of, is_as_seen
from agents.domain.sources.take_in import next_number, take_in
from agents.models import Agent, AgentSource, AgentTag, SourcedAgent, SourceMarking, Tag
from agents.net.connectors.base import (
    AgentNotThere,
    AnswerLost,
    Connector,
    Rejected,
    SeenAgent,
    TooLarge,
    Unreadable,
)

REQUEST_SECONDS = 10.0
_ATTEMPTS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds until an agent is tried again
_IGNORED = "The source answers, but does not store the tags that ADE sends."
_CONTESTED = "Another program keeps writing the tags of this agent."
_SETTLED = [
    "behind_since", "behind_rank", "behind_by", "sent_tags", "push_failures", "push_after", "problem",
]  # fmt: skip
_MARKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Pushed:
    """The result of a push: whether the source has ADE's tags now, and how often it was written."""

    done: bool
    writes: int = 0
    gone: bool = False


def due(source_id: int) -> QuerySet[SourcedAgent]:
    """The agents to send, in order: edits of one agent first, then the oldest."""
    held = SourceMarking.objects.filter(source_id=source_id, paused_at__isnull=False)
    rows = SourcedAgent.objects.filter(source_id=source_id, behind_since__isnull=False)
    rows = rows.filter(Q(push_after=None) | Q(push_after__lte=timezone.now()))
    paused = list(held.values_list("change_set_id", flat=True))
    if paused:
        rows = rows.exclude(behind_by__in=paused)
    return rows.order_by("behind_rank", "behind_since")


def push(connector: Connector, source: AgentSource, public_id: str) -> Pushed:
    """Send one agent's tags to its source. Raises Unreachable, Denied.

    An error that concerns only this agent is stored with it, and it is tried again later. Other agents
    do not wait for it.
    """
    writes, why = 0, ""
    try:
        for _ in range(_ATTEMPTS):
            there = connector.agent(public_id, seconds=REQUEST_SECONDS)
            tags = begin(source=source, there=there)
            if tags is None:
                return Pushed(done=True, writes=writes)
            writes += 1
            with suppress(AnswerLost):  # the next read says what became of it
                connector.write_tags(public_id, tags, seconds=REQUEST_SECONDS)
            before = set(there.tags)
            there = connector.agent(public_id, seconds=REQUEST_SECONDS)
            if confirm(source=source, there=there):
                return Pushed(done=True, writes=writes)
            why = _IGNORED if set(there.tags) == before else _CONTESTED
    except AgentNotThere:
        put_off(
            source_id=source.id, public_id=public_id, why="The source does not have this agent."
        )
        AgentSource.objects.filter(id=source.id, sync_asked_at=None).update(
            sync_asked_at=timezone.now()
        )
        return Pushed(done=False, writes=writes, gone=True)
    except Rejected as error:
        put_off(source_id=source.id, public_id=public_id, why=f"The source refuses: {error}")
        return Pushed(done=False, writes=writes)
    except (Unreadable, TooLarge) as error:
        put_off(source_id=source.id, public_id=public_id, why=f"It cannot be read: {error}")
        return Pushed(done=False, writes=writes)
    put_off(source_id=source.id, public_id=public_id, why=why)
    return Pushed(done=False, writes=writes)


@write
def begin(*, source: AgentSource, there: SeenAgent) -> list[str] | None:
    """Merge a fresh read, and return the whole set to send; None if the source has all of ADE's tags.

    The set is noted as sent before this returns, because the caller sends it next.
    """
    # Before the agent is locked: this locks tags, and every write locks those first.
    guess = SourcedAgent.objects.filter(source=source, public_id=there.id).first()
    if guess is None or _is_news(guess, there):
        # `wrote`: the reader may know an older state, and must look at the agent again.
        take_in(source=source, agents=[there], clock=0, pushing=True, wrote=True)
    row = _locked(source, there.id)
    if row is None:
        return None
    if row.sent_tags is None and _is_news(row, there):
        raise RowsChanged
    held = set(loads(row.seen_tags))
    want = merge.wanted(_here(row), held)
    if row.behind_since is None or want == held:
        _settle(row)
        return None
    tags = merge.to_send(there.tags, held, want)
    row.sent_tags = dumps_texts(tags)
    row.push_number = next_number(source)
    row.save(update_fields=["sent_tags", "push_number"])
    return tags


@write
def confirm(*, source: AgentSource, there: SeenAgent) -> bool:
    """Compare what was read after a write with what was sent. False if others wrote in between."""
    row = _locked(source, there.id)
    if row is None:
        return True
    row.push_number = next_number(source)
    sent = loads_texts(row.sent_tags or "[]")
    if set(there.tags) == set(sent):
        # Other fields may have changed too; the next reading sees that.
        here = _here(row)
        held = incoming_of(row, here, there).held
        row.seen_tags, row.set_aside = dumps(sorted(held.tags)), dumps_texts(held.shown_aside)
        row.seen_at, row.sent_tags = timezone.now(), None
        row.save(update_fields=["push_number", "seen_tags", "set_aside", "seen_at", "sent_tags"])
        if merge.wanted(here, held.tags) == held.tags:
            _settle(row)
        return True
    row.save(update_fields=["push_number"])
    if lost := merge.lost(seen=loads(row.seen_tags), sent=sent, there=there.tags):
        AgentSource.objects.filter(id=source.id).update(lost_updates=F("lost_updates") + lost)
    return False


@write
def put_off(*, source_id: int, public_id: str, why: str) -> None:
    """Store why an agent could not be sent. It is tried again later: after 1 s, at most after 60."""
    row = SourcedAgent.objects.filter(source_id=source_id, public_id=public_id).first()
    if row is None:
        return
    pause = min(_FIRST_PAUSE * 2**row.push_failures, _LONGEST_PAUSE)
    SourcedAgent.objects.filter(agent_id=row.agent_id).update(
        push_failures=Least(F("push_failures") + 1, 10),
        push_after=timezone.now() + timedelta(seconds=pause),
        problem=why,
    )


@write
def mark_next(*, source_id: int) -> bool:
    """Mark the next agents of a renamed tag as behind. False if there is nothing left to mark."""
    markings = SourceMarking.objects.select_for_update().filter(source_id=source_id)
    marking = markings.exclude(tag_id=None).order_by("id").first()
    if marking is None:
        _forget_done(source_id)
        return False
    rows = AgentTag.objects.filter(tag_id=cast(int, marking.tag_id))
    if marking.done_down_to is not None:
        rows = rows.filter(agent_id__lt=marking.done_down_to)
    seqs = list(rows.order_by("-agent_id").values_list("agent_id", flat=True)[:_MARKED_AT_ONCE])
    # Locked as every write does, so that a mark is never lost between an edit and its commit.
    list(
        Agent.objects.select_for_update(no_key=True)
        .filter(seq__in=seqs, source_id=source_id)
        .order_by("seq")
    )
    waiting = SourcedAgent.objects.filter(agent_id__in=seqs, source_id=source_id)
    fresh = waiting.filter(behind_since=None)
    marking.agents += fresh.update(
        behind_since=marking.created_at,
        behind_rank=1,
        behind_by=marking.change_set_id,
        before_restore=marking.before_restore,
    )
    if len(seqs) < _MARKED_AT_ONCE or not Tag.objects.filter(id=cast(int, marking.tag_id)).exists():
        marking.tag_id = None
    else:
        marking.done_down_to = seqs[-1]
    marking.save()
    return True


def _forget_done(source_id: int) -> None:
    """Delete the markings whose agents have all reached the source."""
    for marking in SourceMarking.objects.filter(source_id=source_id, tag_id=None):
        waiting = SourcedAgent.objects.filter(
            source_id=source_id, behind_since__isnull=False, behind_by=marking.change_set_id
        )
        if not waiting.exists():
            marking.delete()


def _is_news(row: SourcedAgent, there: SeenAgent) -> bool:
    """True if an answer must be merged before anything is sent."""
    return row.sent_tags is not None or row.before_restore or not is_as_seen(row, there)


def _here(row: SourcedAgent) -> set[str]:
    rows = AgentTag.objects.filter(agent_id=row.agent_id)
    return set(rows.values_list("tag__name", flat=True))


def _settle(row: SourcedAgent) -> None:
    """Store that the source has all of ADE's tags."""
    row.behind_since, row.behind_rank, row.behind_by = None, 0, None
    row.sent_tags, row.push_failures, row.push_after, row.problem = None, 0, None, ""
    row.save(update_fields=_SETTLED)


def _locked(source: AgentSource, public_id: str) -> SourcedAgent | None:
    """Lock an agent, as every write does, and then its row for the source."""
    agent = Agent.objects.select_for_update(no_key=True).filter(public_id=public_id).first()
    if agent is None or agent.source_id != source.id:
        return None
    rows = SourcedAgent.objects.select_for_update(of=("self",))
    return rows.filter(agent_id=agent.seq, source=source).first()
