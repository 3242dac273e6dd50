"""Agents brought in from a file: all of it or nothing, and none twice unless asked."""

from dataclasses import dataclass
from zlib import crc32

from django.db import connection

from agents.actors import Actor
from agents.domain.agentfile import AgentFile
from agents.domain.agents import create_agents
from agents.domain.transactions import write
from agents.models import Act, Agent

# Who imports agents of which nobody knows yet has no row to lock. Few: PostgreSQL has room for some
# thousands of such locks.
_GATES = 64
_GATE_CLASS = 7_120_002  # any number that no other advisory lock of this database has


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to: the agents made, and those that an earlier one had made."""

    made: list[Agent]
    known: list[Agent]


@write
def import_file(
    file: AgentFile, *, actor: Actor, reason: str = "", again: bool = False
) -> Imported:
    """Make the agents of a file, but those imported before and still there, unless `again`.

    Of two that bring in the same file at once the second waits, and finds what the first made.
    Raises as `create_agents` does.
    """
    if not again:
        _take_turns(file)
    known = {} if again else _known(file, actor)
    specs = [spec for spec in file.agents if spec.imported_from not in known]
    made = create_agents(specs, actor=actor, act=Act.IMPORT, reason=reason) if specs else []
    return Imported(made, list(known.values()))


def _take_turns(file: AgentFile) -> None:
    """Wait until nobody else imports these agents. On SQLite the transaction itself is the lock."""
    if connection.vendor == "sqlite":
        return
    gates = sorted({crc32(str(spec.imported_from).encode()) % _GATES for spec in file.agents})
    with connection.cursor() as cursor:
        for gate in gates:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_GATE_CLASS, gate])


def _known(file: AgentFile, actor: Actor) -> dict[str | None, Agent]:
    """The agents of the file that are there, in the file's order, by their origin."""
    origins = [spec.imported_from for spec in file.agents]
    found = Agent.objects.visible_to(actor).filter(detail__imported_from__in=origins)
    # The first one made counts, where `again` made more.
    rows = found.select_related("detail").order_by("-seq")
    by_origin: dict[str | None, Agent] = {agent.detail.imported_from: agent for agent in rows}
    return {origin: by_origin[origin] for origin in origins if origin in by_origin}
