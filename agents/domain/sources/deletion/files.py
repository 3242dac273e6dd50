"""Store what is needed to create an agent of a source again, before it is deleted there."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from agents.core.actors import Actor
from agents.core.errors import Invalid, NotFound
from agents.core.json_text import dumps, loads
from agents.core.limits import AGENT_FILE
from agents.domain.core.transactions import write
from agents.domain.sources import asking
from agents.models import AgentSource, SourceKind, TrashedFile
from agents.net.connectors.answers import json_bytes
from agents.net.connectors.base import Connector


@dataclass(frozen=True, slots=True)
class MemoryThere:
    """A memory block or an archive at a source. `shared` ones belong to other agents too, or to very many."""

    id: str
    label: str
    shared: bool

    @property
    def kind(self) -> str:
        """As in the receipt of an off-boarding."""
        return "archives" if self.id.startswith("archive-") else "blocks"


def memory_there(*, source: AgentSource, agent_id: str) -> list[MemoryThere]:
    """The memory blocks and archives of an agent at its source. None at an App Server: files are part of an agent.

    Raises as `asking.ask`, NotFound if the agent is gone there.
    """
    if source.kind == SourceKind.APP_SERVER:
        return []

    def request(connector: Connector, seconds: float) -> list[MemoryThere]:
        blocks = [(block.id, block.label) for block in connector.blocks(agent_id, seconds=seconds)]
        return [
            MemoryThere(
                memory_id,
                label,
                connector.sharers(agent_id, memory_id, seconds=seconds) != [agent_id],
            )
            for memory_id, label in [*blocks, *connector.archives(agent_id, seconds=seconds)]
        ]

    return asking.ask(source, request)


def take(*, source: AgentSource, agent_id: str, actor: Actor) -> list[MemoryThere]:
    """Keep the agent file and the list of its memory blocks, and return the list.

    The file is left out if the trash is off, if it is larger than AGENT_FILE bytes, or if the source
    cannot give it. If the agent is gone there already, what was kept before stands. Raises as
    `asking.ask`.
    """
    try:
        memory = memory_there(source=source, agent_id=agent_id)
        file, problem = _file(source, agent_id) if settings.TRASH_DAYS else ("", "")
    except NotFound:
        return kept_memory(agent_id)
    _keep(source=source, agent_id=agent_id, memory=memory, file=file, problem=problem, actor=actor)
    return memory


def kept_memory(agent_id: str) -> list[MemoryThere]:
    """The memory blocks that an agent had at its source when its file was taken."""
    row = TrashedFile.objects.filter(public_id=agent_id).first()
    blocks = [] if row is None else loads(row.blocks)
    return [MemoryThere(block_id, label, kind == "shared") for block_id, label, kind in blocks]


def _file(source: AgentSource, agent_id: str) -> tuple[str, str]:
    """The agent file as text, or why there is none."""
    try:
        said = asking.ask(source, lambda c, seconds: c.agent_file(agent_id, seconds=seconds))
        text = _text(said)
    except Invalid as error:
        return "", error.message
    except (ValueError, RecursionError):
        return "", f"{source.name} gave an agent file that cannot be kept."
    if len(text) > AGENT_FILE:
        return "", f"The agent file is larger than {AGENT_FILE // 2**20} MB."
    return text, ""


def _text(said: object) -> str:
    """Return the file as JSON. Lone surrogates are escaped: UTF-8 cannot encode them."""
    try:
        return dumps(said)
    except UnicodeEncodeError:
        return json_bytes(said).decode()


@write
def _keep(
    *,
    source: AgentSource,
    agent_id: str,
    memory: Sequence[MemoryThere],
    file: str,
    problem: str,
    actor: Actor,
) -> None:
    blocks = [[block.id, block.label, "shared" if block.shared else "own"] for block in memory]
    TrashedFile.objects.update_or_create(
        public_id=agent_id,
        defaults={
            "source_id": source.id,
            "file": file,
            "problem": problem,
            "blocks": dumps(blocks),
            "waiting": False,
            "taken_at": timezone.now(),
            "asked_at": None,
            "made_id": None,
        },
    )


@write
def note_waiting(*, agent_id: str, waiting: bool, actor: Actor) -> None:
    """Note whether the source must still delete memory blocks of an agent that is gone there."""
    TrashedFile.objects.filter(public_id=agent_id).update(waiting=waiting)
