"""Agents brought in from a file: all of it or nothing, and none twice unless asked."""

from dataclasses import dataclass

from agents.actors import Actor
from agents.domain.agentfile import AgentFile
from agents.domain.agents import create_agents
from agents.domain.transactions import write
from agents.models import Act, Agent


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

    Raises as `create_agents` does.
    """
    known = {} if again else _known(file, actor)
    specs = [spec for spec in file.agents if spec.imported_from not in known]
    made = create_agents(specs, actor=actor, act=Act.IMPORT, reason=reason) if specs else []
    return Imported(made, list(known.values()))


def _known(file: AgentFile, actor: Actor) -> dict[str | None, Agent]:
    """The agents of the file that are there, in the file's order, by their origin."""
    origins = [spec.imported_from for spec in file.agents]
    found = Agent.objects.visible_to(actor).filter(detail__imported_from__in=origins)
    # The first one made counts, where `again` made more.
    rows = found.select_related("detail").order_by("-seq")
    by_origin: dict[str | None, Agent] = {agent.detail.imported_from: agent for agent in rows}
    return {origin: by_origin[origin] for origin in origins if origin in by_origin}
