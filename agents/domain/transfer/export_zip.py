"""Write many agents as agent files in one zip file, while it is downloaded."""

import re
from collections.abc import Iterable, Iterator
from zipfile import ZIP_DEFLATED, ZipFile

from agents.core.actors import Actor
from agents.core.errors import NotFound
from agents.core.json_text import dumps
from agents.domain.transfer.export import export_agent

_UNSAFE = re.compile(r"[^\w .-]")


class _Sink:
    """What a zip file is written to: stores the bytes since they were last taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def zip_pieces(agent_ids: Iterable[str], *, actor: Actor) -> Iterator[bytes]:
    """Yield a zip file with the agent file of each agent, in pieces; one agent is in memory at a time.

    Each agent is read when its turn comes. An agent that was deleted meanwhile is left out.
    """
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=4) as archive:
        for agent_id in agent_ids:
            try:
                file = export_agent(agent_id, actor=actor)
            except NotFound:
                continue
            archive.writestr(file_name(file["agents"][0]["name"], agent_id), dumps(file))
            yield sink.take()
    yield sink.take()


def file_name(name: str, agent_id: str) -> str:
    """Return a file name for an agent that every system accepts, unique by the agent's ID."""
    plain = _UNSAFE.sub("_", name[:80]).strip(". ")
    return f"{plain or 'agent'}-{agent_id.removeprefix('agent-')}.af"
