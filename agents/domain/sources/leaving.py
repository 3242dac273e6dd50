"""Resume a source, and remove one: both show a plan first."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import Conflict
from agents.core.json_text import loads
from agents.core.tag_text import shown
from agents.domain.core.record import Entry, record_and_log
from agents.domain.core.transactions import write
from agents.domain.sources import opening
from agents.domain.sources.deletion.bury import bury_agents
from agents.domain.sources.rights import get_source, locked_source
from agents.models import (
    Act,
    Agent,
    AgentSource,
    AgentTag,
    InboxItem,
    Op,
    SourcedAgent,
    SourcedBlock,
    SourceMarking,
)
from agents.net.connectors.base import AgentNotThere, SourceError

_READ_SECONDS = 5.0
_SHOWN = 50  # agents of a plan for which the source is read
_BATCH = 100


class Side(StrEnum):
    """Which side counts for what waits from before a restore."""

    HERE = "here"
    THERE = "there"


class AgentsOf(StrEnum):
    """What becomes of the agents of a source that is removed."""

    KEEP = "keep"  # copies, kept here
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Tags of an agent that wait from before a restore. `there` is None if it could not be read."""

    agent_id: str
    name: str
    here: list[str]
    there: list[str] | None
    seen: list[str]


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """What resuming does. Before a restore: `old` agents waited, of which `rows` shows some.

    `problem` says why the source could not be read. `asks` is the pause reason that a person must
    answer, such as "Is this another server?".
    """

    waiting: int
    old: int
    rows: list[Waiting]
    problem: str
    asks: str


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """What removing does: to how many agents, and how many changes have not reached the source."""

    agents: int
    waiting: int

    @property
    def fingerprint(self) -> str:
        return f"{self.agents}:{self.waiting}"


def plan_resume(*, source: int | str, actor: Actor) -> ResumePlan:
    """Show what waits; reads the source where agents wait from before a restore. Raises NotFound, NotAllowed."""
    row = get_source(source=source, actor=actor)
    behind = SourcedAgent.objects.filter(source=row, behind_since__isnull=False)
    old = behind.filter(before_restore=True)
    first = list(old.select_related("agent").order_by("agent_id")[:_SHOWN])
    seqs = [known.agent_id for known in first]
    tags: dict[int, list[str]] = {seq: [] for seq in seqs}
    rows = AgentTag.objects.filter(agent_id__in=seqs).order_by("tag__name")
    for seq, name in rows.values_list("agent_id", "tag__name"):
        tags[seq].append(name)
    there, problem = _read(row, [known.public_id for known in first])
    return ResumePlan(
        behind.count(),
        old.count(),
        [
            Waiting(
                known.public_id, known.agent.name, tags[known.agent_id], there.get(known.public_id),
                loads(known.seen_tags),
            )
            for known in first
        ],
        problem,
        row.pause_reason,
    )  # fmt: skip


def _read(source: AgentSource, ids: list[str]) -> tuple[dict[str, list[str]], str]:
    found: dict[str, list[str]] = {}
    if not ids:
        return found, ""
    try:
        with opening.connect_to(source) as connector:
            for agent_id in ids:
                try:
                    agent = connector.agent(agent_id, seconds=_READ_SECONDS)
                except AgentNotThere:
                    continue
                found[agent_id] = sorted(set(agent.tags))
    except SourceError as error:
        return found, str(error)
    return found, ""


@write
def resume(
    *,
    source: int | str,
    actor: Actor,
    waiting: Side | None = None,
    same_server: bool = False,
) -> AgentSource:
    """Read and write a source again.

    `waiting` says which side counts for the agents that waited before a restore; it must be given if
    there are any. With `same_server` the next listing is applied, however much it changes. Raises
    NotFound, NotAllowed, Conflict (`waiting` is missing).
    """
    row = locked_source(source, actor)
    old = SourcedAgent.objects.filter(source=row, before_restore=True)
    markings = SourceMarking.objects.filter(source=row, before_restore=True)
    if waiting is None and (old.exists() or markings.exists()):
        raise Conflict(
            "Changes from before the restore wait for this source. Choose which side counts: "
            "here or there.",
            field="waiting",
        )
    if waiting is Side.HERE:
        old.update(before_restore=False)
        markings.update(before_restore=False)
    row.paused_at, row.pause_reason = None, ""
    row.problem, row.failures, row.next_try_at = "", 0, None
    row.mass_change_allowed = same_server
    row.save()
    _record(actor, row, "resumed" + (f"; what is {waiting} counts" if waiting else ""))
    return row


@write
def pause_all(*, reason: str, actor: Actor) -> int:
    """Pause all sources, and mark what waits as of before a restore. Returns the number of sources."""
    now = timezone.now()
    SourcedAgent.objects.filter(behind_since__isnull=False).update(before_restore=True)
    SourcedAgent.objects.exclude(sent_tags=None).update(
        before_restore=True, behind_since=now, sent_tags=None
    )
    SourceMarking.objects.update(before_restore=True)
    return AgentSource.objects.update(
        paused_at=now, pause_reason=reason, held_by=None, held_until=None, sync_asked_at=None
    )


def plan_removal(*, source: int | str, actor: Actor) -> RemovalPlan:
    """Count what a removal concerns. Raises NotFound, NotAllowed."""
    return _plan(get_source(source=source, actor=actor))


def _plan(row: AgentSource) -> RemovalPlan:
    agents = SourcedAgent.objects.filter(source=row)
    return RemovalPlan(agents.count(), agents.filter(behind_since__isnull=False).count())


def remove_source(
    *,
    source: int | str,
    agents: AgentsOf,
    actor: Actor,
    fingerprint: str | None = None,
) -> RemovalPlan:
    """Disconnect a source. Its server is not touched.

    With KEEP its agents stay as copies that are kept here. With DELETE they are deleted here, in
    batches: if that is interrupted, the source stays paused, and the same call goes on. Raises
    NotFound, NotAllowed, Conflict (the plan with this fingerprint is out of date).
    """
    plan = _begin_removal(source=source, actor=actor, fingerprint=fingerprint)
    row = get_source(source=source, actor=actor)
    if agents is AgentsOf.DELETE:
        rows = SourcedAgent.objects.filter(source=row).order_by("agent_id")
        while ids := list(rows.values_list("public_id", flat=True)[:_BATCH]):
            bury_agents(ids, actor=actor, reason=f"source {row.name} removed")
    _end_removal(source=row.id, actor=actor)
    return plan


@write
def _begin_removal(*, source: int | str, actor: Actor, fingerprint: str | None) -> RemovalPlan:
    row = locked_source(source, actor)
    plan = _plan(row)
    if fingerprint is not None and fingerprint != plan.fingerprint:
        raise Conflict("This has changed since the plan was made. Review the new plan.")
    AgentSource.objects.filter(id=row.id).update(
        paused_at=timezone.now(), pause_reason="It is being removed."
    )
    return plan


@write
def _end_removal(*, source: int, actor: Actor) -> None:
    row = locked_source(source, actor)
    mine = SourcedAgent.objects.filter(source=row)
    Agent.objects.filter(seq__in=mine.values("agent_id")).update(source=None)
    mine._raw_delete(using="default")
    for model in (SourceMarking, InboxItem, SourcedBlock):
        model._default_manager.filter(source=row)._raw_delete(using="default")
    _record(actor, row, "removed")
    AgentSource.objects.filter(id=row.id)._raw_delete(using="default")


def _record(actor: Actor, row: AgentSource, what: str) -> None:
    entry = Entry(Op.SET, field=f"source {row.id}", new=f"{shown(row.name, 128)}: {what}")
    record_and_log(
        actor=actor, act=Act.SOURCE, entry=entry, event=f"source: {what}", source=row.name
    )
