"""Which memory blocks agents have at their source, so that crossings see what they share."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from agents.core.tag_text import problem
from agents.domain.sources import fields
from agents.models import AgentSource, SourcedBlock
from agents.net.connectors.base import SeenAgent

_MOST = 200  # blocks of one agent
Links = Mapping[str, str]  # labels by block id


def links_of(seen: SeenAgent) -> dict[str, str] | None:
    """The labels of an agent's memory blocks by their ids. None where the source does not say."""
    if seen.blocks is None:
        return None
    legal = [block for block in seen.blocks if problem(block.id) is None]
    return {block.id: fields.plain(block.label) for block in legal[:_MOST]}


def known_links(seqs: Iterable[int]) -> dict[int, dict[str, str]]:
    """The links that are stored, by agent."""
    known: dict[int, dict[str, str]] = defaultdict(dict)
    rows = SourcedBlock.objects.filter(agent_id__in=list(seqs))
    for seq, block_id, label in rows.values_list("agent_id", "block_id", "label"):
        known[seq][block_id] = label
    return known


def note_links(source: AgentSource, seen: Mapping[int, SeenAgent]) -> None:
    """Store the links that a source said of these agents, by seq. Call it in the write that took them in."""
    said = {seq: links for seq, agent in seen.items() if (links := links_of(agent)) is not None}
    known = known_links(said)
    new: list[SourcedBlock] = []
    for seq, links in said.items():
        if gone := known[seq].keys() - links.keys():
            SourcedBlock.objects.filter(agent_id=seq, block_id__in=gone).delete()
        new += [
            SourcedBlock(agent_id=seq, source=source, block_id=block_id, label=label)
            for block_id, label in links.items()
            if block_id not in known[seq]
        ]
    SourcedBlock.objects.bulk_create(new, ignore_conflicts=True)
